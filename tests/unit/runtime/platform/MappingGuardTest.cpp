#include "platform/MappingGuard.h"

#include "platform/MappedFile.h"
#include "support/TestBundle.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <numeric>
#include <unistd.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

constexpr std::size_t kPages = 8;

struct MappingGuardTest : testing::Test {
  MappingGuardTest() {
    writeWhole(path, std::string(kPages * page, 'x'));
    Result<MappedFile> opened = MappedFile::open(path);
    EXPECT_TRUE(opened.ok());
    file = std::move(*opened);
  }

  std::size_t page = std::size_t(sysconf(_SC_PAGESIZE));
  TemporaryFolder folder;
  std::string path = folder.file("weights.bin");
  MappedFile file;
};

TEST_F(MappingGuardTest, WhatIsCutReadsAsZeros) {
  MappingGuard guard(file.bytes());
  std::filesystem::resize_file(path, 3 * page);
  const auto sum = [&] {
    return std::accumulate(file.bytes().begin(), file.bytes().end(), std::uint64_t(0));
  };
  EXPECT_FALSE(guard.lostBytes());
  EXPECT_EQ(sum(), std::uint64_t('x') * 3 * page);
  EXPECT_TRUE(guard.lostBytes());
  EXPECT_EQ(sum(), std::uint64_t('x') * 3 * page);
  const MappingGuard moved = std::move(guard);
  EXPECT_TRUE(moved.lostBytes());
}

TEST_F(MappingGuardTest, EachMappingHasItsOwnWord) {
  const std::string other = folder.file("other");
  writeWhole(other, std::string(page, 'y'));
  Result<MappedFile> second = MappedFile::open(other);
  ASSERT_TRUE(second.ok());
  const MappingGuard guard(file.bytes()), secondGuard(second->bytes());
  std::filesystem::resize_file(path, 0);
  volatile std::uint8_t last = file.bytes().back();
  EXPECT_EQ(last, 0);
  EXPECT_TRUE(guard.lostBytes());
  EXPECT_FALSE(secondGuard.lostBytes());
}

// Faults elsewhere are whoever's they were: by the signal, or by what a sanitizer makes of it.
TEST_F(MappingGuardTest, OtherFaultsAreHandedOn) {
  EXPECT_DEATH(
      {
        const MappingGuard guard(file.bytes().first(page));
        std::filesystem::resize_file(path, page);
        volatile std::uint8_t last = file.bytes().back();
        (void)last;
      },
      "");
}

} // namespace
