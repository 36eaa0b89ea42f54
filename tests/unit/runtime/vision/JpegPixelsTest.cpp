// That whole pictures have libjpeg's pixels is PictureTest's; here is what one cannot see there.
#include "vision/JpegPixels.h"

#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <numbers>

using namespace bluec::runtime;

namespace {

// The definition, in double.
double inverse(const short (&coefficients)[64], int x, int y) {
  double sum = 0;
  for (int v = 0; v < 8; ++v)
    for (int u = 0; u < 8; ++u)
      sum += (u == 0 ? std::sqrt(0.5) : 1) * (v == 0 ? std::sqrt(0.5) : 1) *
             coefficients[8 * v + u] * std::cos((2 * x + 1) * u * std::numbers::pi / 16) *
             std::cos((2 * y + 1) * v * std::numbers::pi / 16);
  return std::min(255.0, std::max(0.0, sum / 4 + 128));
}

TEST(JpegPixels, InverseDctIsTheDefinitionRounded) {
  std::uint32_t state = 1;
  for (int round = 0; round < 200; ++round) {
    short coefficients[64], given[64];
    for (short &value : coefficients) {
      state = state * 1664525u + 1013904223u;
      value = state >> 30 == 0 ? short(int(state >> 12 & 511) - 256) : short(0);
    }
    std::copy(std::begin(coefficients), std::end(coefficients), given);
    std::uint8_t pixels[8 * 10];
    inverseDct()(pixels, 10, given);
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x)
        EXPECT_NEAR(pixels[10 * y + x], inverse(coefficients, x, y), 0.6);
  }
}

// Coefficients that no encoder makes: pixels of some value, and no undefined sums.
TEST(JpegPixels, InverseDctOfExtremes) {
  for (short value : {short(32767), short(-32768)}) {
    short coefficients[64];
    std::fill(std::begin(coefficients), std::end(coefficients), value);
    std::uint8_t pixels[64];
    inverseDct()(pixels, 8, coefficients);
  }
}

TEST(JpegPixels, PlanesOfAThirdAreRepeated) {
  const std::uint8_t light[12] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};
  const std::uint8_t colors[2] = {128, 128};
  JpegPlanes planes;
  planes.width = 4;
  planes.height = 3;
  planes.planes = {{light, 4, 4, 3, 1, 1}, {colors, 2, 2, 1, 3, 3}, {colors, 2, 2, 1, 3, 3}};
  std::uint8_t rgb[36];
  jpegToRgb(planes, JpegColors::Ycc, rgb, nullptr);
  for (int i = 0; i < 36; ++i)
    EXPECT_EQ(rgb[i], light[i / 3]);
}

// Each fourth is what the row or column beside it adds; halves are rounded up and down in turn.
TEST(JpegPixels, PlanesOfAHalfAreFiltered) {
  const std::uint8_t light[3] = {0, 100, 200};
  JpegPlanes planes;
  planes.width = 6;
  planes.height = 1;
  planes.planes = {{light, 3, 3, 1, 2, 1}};
  std::uint8_t rgb[18];
  jpegToRgb(planes, JpegColors::Gray, rgb, nullptr);
  const int expected[6] = {0, 25, 75, 125, 175, 200};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(rgb[3 * i], expected[i]);
}

} // namespace
