#include "platform/MappedFile.h"

#include "support/TestBundle.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

TEST(MappedFile, Contents) {
  TemporaryFolder folder;
  writeWhole(folder.file("a"), "contents");
  Result<MappedFile> file = MappedFile::open(folder.file("a"));
  ASSERT_TRUE(file.ok());
  MappedFile moved = std::move(*file);
  EXPECT_EQ(std::string(moved.bytes().begin(), moved.bytes().end()), "contents");
  moved.release(0, 8);
  moved.release(4, 100); // out of range: nothing happens
  EXPECT_EQ(moved.bytes()[7], 's');
}

TEST(MappedFile, Empty) {
  TemporaryFolder folder;
  writeWhole(folder.file("a"), "");
  const Result<MappedFile> file = MappedFile::open(folder.file("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, NotAFile) {
  TemporaryFolder folder;
  EXPECT_EQ(MappedFile::open(folder.file("none")).status().getCode(), Code::NotFound);
  EXPECT_EQ(MappedFile::open(folder.path()).status().getCode(), Code::NotFound);
  // A pipe that nobody writes to must not make us wait.
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(folder.file("pipe")).status().getCode(), Code::NotFound);
  EXPECT_EQ(readFile(folder.file("pipe"), 100).status().getCode(), Code::NotFound);
}

TEST(ReadFile, Limit) {
  TemporaryFolder folder;
  writeWhole(folder.file("a"), "12345");
  EXPECT_EQ(*readFile(folder.file("a"), 5), "12345");
  EXPECT_FALSE(readFile(folder.file("a"), 4).ok());
}

TEST(PageBuffer, ZeroedAndAligned) {
  Result<PageBuffer> buffer = PageBuffer::allocate(100, "test");
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->get()) % 4096, 0u);
  EXPECT_EQ(buffer->get()[99], 0);
  EXPECT_EQ(PageBuffer::allocate(0, "test")->get(), nullptr);
  const Status status = PageBuffer::allocate(std::size_t(1) << 60, "kv cache").status();
  EXPECT_EQ(status.getCode(), Code::OutOfMemory);
  EXPECT_EQ(status.message(), "kv cache: cannot get 1152921504606846976 bytes of memory");
}

} // namespace
