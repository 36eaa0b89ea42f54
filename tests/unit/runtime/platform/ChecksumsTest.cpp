#include "platform/Checksums.h"

#include "base/Crc32c.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

using namespace bluec::runtime;

namespace {

std::uint32_t ofText(const std::string &text) { return crc32c(text.data(), text.size()); }

// RFC 3720, appendix B.4.
TEST(ChecksumsTest, KnownCrcs) {
  EXPECT_EQ(ofText(""), 0u);
  EXPECT_EQ(ofText("123456789"), 0xe3069283u);
  EXPECT_EQ(ofText(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ofText(std::string(32, '\xff')), 0x62a8ab43u);
  std::string text(32, '\0');
  std::iota(text.begin(), text.end(), '\0');
  EXPECT_EQ(ofText(text), 0x46dd794eu);
  std::reverse(text.begin(), text.end());
  EXPECT_EQ(ofText(text), 0x113fdb5cu);
}

std::vector<std::uint8_t> noise(std::size_t bytes) {
  std::vector<std::uint8_t> data(bytes);
  std::uint32_t state = 7;
  for (std::uint8_t &byte : data)
    byte = std::uint8_t((state = state * 1664525 + 1013904223) >> 24);
  return data;
}

// Around the sizes at which the loops change, at every alignment.
TEST(ChecksumsTest, CrcInstructionsAgreeWithTables) {
  const std::vector<std::uint8_t> data = noise(100000);
  for (std::size_t size : {0, 1, 7, 8, 9, 63, 4095, 4096, 12287, 12288, 12289, 24576, 50000, 99991})
    for (std::size_t from : {0, 1, 3, 8})
      EXPECT_EQ(crc32c(&data[from], size), crc32cPortable(&data[from], size)) << size;
}

TEST(ChecksumsTest, CrcInPieces) {
  const std::vector<std::uint8_t> data = noise(40000);
  const std::uint32_t whole = crc32c(data.data(), data.size());
  for (std::size_t cut : {0, 1, 5, 12288, 20000, 39999, 40000}) {
    const std::uint32_t first = crc32c(data.data(), cut);
    EXPECT_EQ(crc32c(data.data() + cut, data.size() - cut, first), whole) << cut;
    EXPECT_EQ(crc32cPortable(data.data() + cut, data.size() - cut, first), whole) << cut;
  }
}

TEST(ChecksumsTest, EveryFlippedBitShows) {
  std::vector<std::uint8_t> data = noise(200);
  const std::uint32_t before = crc32c(data.data(), data.size());
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    data[bit / 8] ^= std::uint8_t(1 << bit % 8);
    EXPECT_NE(crc32c(data.data(), data.size()), before) << bit;
    data[bit / 8] ^= std::uint8_t(1 << bit % 8);
  }
}

std::string hexOf(Sha256 hash, const std::string &text) {
  hash.update(text.data(), text.size());
  return toHex(hash.finish());
}

// At every length around the block's borders.
TEST(ChecksumsTest, ShaInstructionsAgreeWithPlainCode) {
  std::string text;
  for (int length = 0; length < 300; ++length) {
    EXPECT_EQ(hexOf(fastSha256(), text), hexOf(Sha256(Sha256::compressPortable), text)) << length;
    text += char(length * 37);
  }
}

} // namespace
