// The vectors of C++ source against plain numbers. Built twice: with BLUEC_PLAIN_VECTORS, too.
#include "targets/cpp/support/Vectors.h"

#include "llvm/ADT/APFloat.h"

#include <gtest/gtest.h>
#include <limits>

using namespace bluec;

namespace {

using F32x8 = Vec<float, 8>;
using I32x8 = Vec<std::int32_t, 8>;
using I16x8 = Vec<std::int16_t, 8>;
using I8x8 = Vec<std::int8_t, 8>;

constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

std::uint32_t bitsOf(float value) { return bitcast<std::uint32_t>(value); }

float halfToFloat(std::uint16_t bits) {
  llvm::APFloat value(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToFloat();
}

std::uint16_t floatToHalf(float number) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return static_cast<std::uint16_t>(value.bitcastToAPInt().getZExtValue());
}

TEST(CppVectors, EveryHalfIsItsFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    float found = widen(Half{static_cast<std::uint16_t>(bits)});
    bool isNan = (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0;
    if (isNan)
      EXPECT_NE(found, found) << bits;
    else
      EXPECT_EQ(bitsOf(found), bitsOf(halfToFloat(static_cast<std::uint16_t>(bits)))) << bits;
  }
}

// Every half, what is next to it, and the middle between it and the next one.
TEST(CppVectors, FloatsBecomeTheNearestHalf) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto half = static_cast<std::uint16_t>(bits);
    if ((bits & 0x7c00) == 0x7c00)
      continue;
    std::uint32_t exact = bitsOf(halfToFloat(half));
    std::uint32_t middle =
        bitsOf((halfToFloat(half) + halfToFloat(static_cast<std::uint16_t>(half + 1))) / 2);
    for (std::uint32_t around : {exact, middle})
      for (std::uint32_t each : {around - 1, around, around + 1}) {
        auto number = bitcast<float>(each);
        if (number == number)
          EXPECT_EQ(narrow(number).bits, floatToHalf(number)) << number;
      }
  }
  for (float number :
       {1e-10f, -1e-10f, 65504.0f, 65519.99f, 65520.0f, -1e30f, kInfinity, -kInfinity, 0.0f, -0.0f})
    EXPECT_EQ(narrow(number).bits, floatToHalf(number)) << number;
  EXPECT_EQ(narrow(kNan).bits & 0x7e00, 0x7e00);
}

TEST(CppVectors, IntegersWrapAround) {
  auto most = splat<I32x8>(kMost), one = splat<I32x8>(1);
  EXPECT_EQ(lane<3>(most + one), kLeast);
  EXPECT_EQ(lane<3>(splat<I32x8>(kLeast) - one), kMost);
  EXPECT_EQ(lane<3>(most * splat<I32x8>(2)), -2);
  EXPECT_EQ(lane<3>(splat<I16x8>(-1) * splat<I16x8>(-32767)), 32767);
  EXPECT_EQ(lane<0>(splat<I8x8>(-128) - splat<I8x8>(1)), 127);
  EXPECT_EQ(lane<7>(shiftLeft(splat<I16x8>(-1), splat<I16x8>(15))), -32768);
  EXPECT_EQ(lane<7>(shiftRight(splat<I16x8>(-8), splat<I16x8>(2))), -2);
  EXPECT_EQ(lane<7>(shiftRightUnsigned(splat<I16x8>(-8), splat<I16x8>(12))), 15);
  EXPECT_EQ(add<std::int32_t>(kMost, 1), kLeast);
  EXPECT_EQ(multiply<std::int16_t>(-32768, -1), -32768);
  EXPECT_EQ(sum(splat<I32x8>(kMost)), -8);
  EXPECT_EQ(convertUnsigned<std::int32_t>(std::int8_t(-1)), 255);
  EXPECT_EQ(lane<1>(convertUnsigned<I32x8>(splat<I8x8>(-1))), 255);
  EXPECT_EQ(lane<1>(convert<I8x8>(splat<I32x8>(0x1ff))), -1);
}

TEST(CppVectors, DotsAddTheProductsOfPairs) {
  using Words = Vec<std::int16_t, 8>;
  constexpr std::int16_t kLow = std::numeric_limits<std::int16_t>::min(), kHigh = 32767;
  const auto a = lanes<Words>(1, 2, -3, 4, kLow, kLow, kHigh, -1);
  const auto b = lanes<Words>(10, 100, 5, -6, kLow, kLow, kLow, kHigh);
  const auto r = dot(lanes<Vec<std::int32_t, 4>>(7, 0, 0, kMost), a, b);
  EXPECT_EQ(lane<0>(r), 7 + 210);
  EXPECT_EQ(lane<1>(r), -39);
  // 2^31 is none of these numbers.
  EXPECT_EQ(lane<2>(r), kLeast);
  EXPECT_EQ(lane<3>(r), kMost - 32767 * 32768 - 32767);
  for (std::int32_t x = kLow; x <= kHigh; x += 77)
    for (std::int32_t y = kLow; y <= kHigh; y += 1009) {
      const auto both =
          bitcast<Vec<std::int16_t, 2>>(splat<Vec<std::int32_t, 1>>(static_cast<std::int32_t>(
              static_cast<std::uint32_t>(x) << 16 | static_cast<std::uint16_t>(y))));
      const auto found = dot(splat<Vec<std::int32_t, 1>>(0), both, both);
      ASSERT_EQ(static_cast<std::uint32_t>(lane<0>(found)),
                static_cast<std::uint32_t>(x * x) + static_cast<std::uint32_t>(y * y))
          << x << ' ' << y;
    }
}

TEST(CppVectors, ComparisonsWithNoNumberAreFalse) {
  auto nan = splat<F32x8>(kNan), one = splat<F32x8>(1.0f);
  for (auto mask : {nan == one, nan<one, nan <= one, nan> one, nan >= one})
    EXPECT_FALSE(lane<2>(mask));
  EXPECT_TRUE(lane<2>(nan != one));
  EXPECT_TRUE(lane<2>(!(nan >= one)));
  EXPECT_EQ(lane<2>(select(one < splat<F32x8>(2.0f), one, nan)), 1.0f);
  EXPECT_EQ(lane<2>(select(splat<I16x8>(1) < splat<I16x8>(2), splat<I16x8>(5), splat<I16x8>(6))),
            5);
}

TEST(CppVectors, FloatsRoundOnce) {
  // 1 - 2^-46 is what is left of (1 + 2^-23) * (1 - 2^-23), and 1 when the product is rounded.
  float above = bitcast<float>(std::uint32_t(0x3f800001)), below = 2 - above;
  auto left = fma(splat<F32x8>(above), splat<F32x8>(below), splat<F32x8>(-1.0f));
  EXPECT_EQ(lane<5>(left), -0x1p-46f);
  EXPECT_EQ(fma(above, below, -1.0f), -0x1p-46f);
  EXPECT_EQ(lane<0>(roundEven(splat<F32x8>(2.5f))), 2.0f);
  EXPECT_EQ(bitsOf(lane<0>(roundEven(splat<F32x8>(-0.25f)))), 0x80000000u);
  EXPECT_EQ(bitsOf(lane<0>(-splat<F32x8>(0.0f))), 0x80000000u);
  EXPECT_EQ(sum(lanes<Vec<float, 4>>(1e8f, 1.0f, -1e8f, 1.0f)), 1.0f) << "the first one first";
}

TEST(CppVectors, LanesStayWhereTheyAre) {
  auto a = lanes<I32x8>(0, 1, 2, 3, 4, 5, 6, 7), b = a + splat<I32x8>(8);
  auto mixed = shuffle<15, 0, 9, 1>(a, b);
  EXPECT_EQ(lane<0>(mixed), 15);
  EXPECT_EQ(lane<2>(mixed), 9);
  EXPECT_EQ(lane<4>(insert<4>(a, 40)), 40);
  EXPECT_EQ(lane<1>(bitcast<Vec<std::int16_t, 16>>(splat<I32x8>(0x20001))), 2);
  std::int32_t memory[8] = {9, 9, 9, 9, 9, 9, 9, 9};
  auto odd = (a & splat<I32x8>(1)) == splat<I32x8>(1);
  storeMasked(memory, odd, a);
  EXPECT_EQ(memory[3], 3);
  EXPECT_EQ(memory[4], 9);
  EXPECT_EQ(lane<4>(loadMasked(memory, odd, splat<I32x8>(-5))), -5);
  scatter(memory, splat<I32x8>(7) - a, odd, a);
  EXPECT_EQ(memory[0], 7);
  EXPECT_EQ(lane<1>(ones<I32x8>(odd)), 1);
}

} // namespace
