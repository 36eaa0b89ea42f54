// The fast conversions give what the plain ones give.
#include "compiler/weights/FloatConversion.h"

#include "compiler/reference/Rounding.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace bluec;

namespace {

TEST(FloatConversion, WidensEveryHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float expected = reference::halfToFloat(static_cast<uint16_t>(bits));
    float found = widenHalf(static_cast<uint16_t>(bits));
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found)) << bits;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(found), std::bit_cast<uint32_t>(expected)) << bits;
  }
}

TEST(FloatConversion, WidensEveryBfloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float expected = reference::bfloat16ToFloat(static_cast<uint16_t>(bits));
    EXPECT_EQ(std::bit_cast<uint32_t>(widenBfloat(static_cast<uint16_t>(bits))),
              std::bit_cast<uint32_t>(expected))
        << bits;
  }
}

/// Every half, and what lies around it: halfway to the next one, and one bit to either side.
TEST(FloatConversion, NarrowsToTheNearestHalf) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float half = widenHalf(static_cast<uint16_t>(bits));
    if (std::isnan(half)) {
      EXPECT_GT(narrowToHalf(half) & 0x7fff, 0x7c00) << bits;
      continue;
    }
    float next = widenHalf(static_cast<uint16_t>(bits + 1));
    float middle = std::isfinite(next) ? (half + next) / 2 : half;
    for (float value : {half, middle, std::nextafter(middle, 1e30f), std::nextafter(middle, -1e30f),
                        65520.0f, 65519.996f, 1e30f, -1e30f})
      EXPECT_EQ(narrowToHalf(value), reference::floatToHalf(value)) << value;
  }
}

} // namespace
