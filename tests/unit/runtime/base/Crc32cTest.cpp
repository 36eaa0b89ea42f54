#include "base/Crc32c.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

using namespace bluec::runtime;

namespace {

std::uint32_t ofText(const std::string &text) { return crc32cPortable(text.data(), text.size()); }

// RFC 3720, appendix B.4.
TEST(Crc32cTest, KnownValues) {
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

} // namespace
