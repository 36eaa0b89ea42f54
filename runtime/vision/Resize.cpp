#include "vision/Resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bluec::runtime {
namespace {

constexpr int fractionBits = 22;
constexpr std::int32_t half = std::int32_t(1) << (fractionBits - 1);

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0)
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0)
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

// For each output position the input positions [first, first + count) that it is made of, and their
// weights, `stride` apart.
struct Taps {
  struct Range {
    int first;
    int count;
  };
  std::vector<Range> ranges;
  std::vector<std::int32_t> weights;
  int stride = 0;
};

Taps makeTaps(int from, int to) {
  const double scale = double(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = 2.0 * stretch;
  const double shrink = 1.0 / stretch;

  Taps taps;
  taps.stride = int(std::ceil(support)) * 2 + 1;
  taps.ranges.resize(std::size_t(to));
  taps.weights.assign(std::size_t(to) * std::size_t(taps.stride), 0);
  std::vector<double> exact(std::size_t(taps.stride));
  for (int out = 0; out < to; ++out) {
    const double center = (out + 0.5) * scale;
    const int first = std::max(0, int(center - support + 0.5));
    const int count = std::min(from, int(center + support + 0.5)) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      exact[std::size_t(i)] = cubic((i + first - center + 0.5) * shrink);
      sum += exact[std::size_t(i)];
    }
    std::int32_t *weights = &taps.weights[std::size_t(out) * std::size_t(taps.stride)];
    for (int i = 0; i < count; ++i) {
      double weight = exact[std::size_t(i)];
      if (sum != 0.0)
        weight /= sum;
      weight *= double(1 << fractionBits);
      weights[i] = std::int32_t(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.ranges[std::size_t(out)] = {first, count};
  }
  return taps;
}

std::uint8_t toByte(std::int32_t sum) {
  return std::uint8_t(std::clamp(sum >> fractionBits, 0, 255));
}

Picture resizeRows(const Picture &picture, int width) {
  const Taps taps = makeTaps(picture.width, width);
  Picture result{width, picture.height, {}};
  result.pixels.resize(std::size_t(width) * std::size_t(picture.height) * 3);
  std::uint8_t *to = result.pixels.data();
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t *row =
        picture.pixels.data() + std::size_t(y) * std::size_t(picture.width) * 3;
    for (int x = 0; x < width; ++x, to += 3) {
      const auto [first, count] = taps.ranges[std::size_t(x)];
      const std::int32_t *weights = &taps.weights[std::size_t(x) * std::size_t(taps.stride)];
      const std::uint8_t *from = row + std::size_t(first) * 3;
      std::int32_t red = half, green = half, blue = half;
      for (int i = 0; i < count; ++i) {
        red += from[3 * i] * weights[i];
        green += from[3 * i + 1] * weights[i];
        blue += from[3 * i + 2] * weights[i];
      }
      to[0] = toByte(red);
      to[1] = toByte(green);
      to[2] = toByte(blue);
    }
  }
  return result;
}

Picture resizeColumns(const Picture &picture, int height) {
  const Taps taps = makeTaps(picture.height, height);
  const std::size_t rowBytes = std::size_t(picture.width) * 3;
  Picture result{picture.width, height, {}};
  result.pixels.resize(rowBytes * std::size_t(height));
  std::vector<std::int32_t> sums(rowBytes);
  for (int y = 0; y < height; ++y) {
    const auto [first, count] = taps.ranges[std::size_t(y)];
    const std::int32_t *weights = &taps.weights[std::size_t(y) * std::size_t(taps.stride)];
    std::fill(sums.begin(), sums.end(), half);
    for (int i = 0; i < count; ++i) {
      const std::uint8_t *from = picture.pixels.data() + std::size_t(first + i) * rowBytes;
      for (std::size_t x = 0; x < rowBytes; ++x)
        sums[x] += from[x] * weights[i];
    }
    std::uint8_t *to = result.pixels.data() + std::size_t(y) * rowBytes;
    for (std::size_t x = 0; x < rowBytes; ++x)
      to[x] = toByte(sums[x]);
  }
  return result;
}

} // namespace

Picture resizeBicubic(const Picture &picture, int width, int height) {
  const bool rows = width != picture.width, columns = height != picture.height;
  if (!rows && !columns)
    return picture;
  if (!rows)
    return resizeColumns(picture, height);
  if (!columns)
    return resizeRows(picture, width);
  // Rounding between the passes makes their order visible, so it is Pillow's rule.
  const bool columnsFirst =
      height < picture.height && picture.height - height > 2 * (picture.width - width);
  if (columnsFirst)
    return resizeRows(resizeColumns(picture, height), width);
  return resizeColumns(resizeRows(picture, width), height);
}

} // namespace bluec::runtime
