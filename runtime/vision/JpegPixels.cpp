#include "vision/JpegPixels.h"

#include "platform/ThreadPool.h"
#include "platform/WideVectors.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bluec::runtime {
namespace {

// Sums wrap around, as damaged files make them.
typedef std::uint32_t Row __attribute__((vector_size(32)));
typedef std::int32_t SignedRow __attribute__((vector_size(32)));
typedef std::int16_t ShortRow __attribute__((vector_size(16)));
typedef std::uint8_t ByteRow __attribute__((vector_size(8)));
using Block = Row[8];

constexpr int kConstantBits = 13; // of the factors below
constexpr int kExtraBits = 2;     // that the first pass keeps

constexpr std::uint32_t fixed(double factor) {
  return std::uint32_t(std::int32_t(factor * (1 << kConstantBits) + (factor < 0 ? -0.5 : 0.5)));
}

// One dimension, for eight columns at once: Loeffler, Ligtenberg and Moschytz's algorithm with 12
// multiplications.
template <int shift> struct InversePass {
  BLUEC_WIDE_LOOP void operator()(Block &rows) const {
    const Row even = (rows[2] + rows[6]) * fixed(0.541196100);
    const Row even2 = even + rows[6] * fixed(-1.847759065);
    const Row even3 = even + rows[2] * fixed(0.765366865);
    const Row sum = (rows[0] + rows[4]) << kConstantBits;
    const Row difference = (rows[0] - rows[4]) << kConstantBits;
    const Row outer[4] = {sum + even3, difference + even2, difference - even2, sum - even3};

    const Row all = (rows[7] + rows[3] + rows[5] + rows[1]) * fixed(1.175875602);
    const Row a = (rows[7] + rows[1]) * fixed(-0.899976223);
    const Row b = (rows[5] + rows[3]) * fixed(-2.562915447);
    const Row c = (rows[7] + rows[3]) * fixed(-1.961570560) + all;
    const Row d = (rows[5] + rows[1]) * fixed(-0.390180644) + all;
    const Row inner[4] = {
        rows[1] * fixed(1.501321110) + a + d, rows[3] * fixed(3.072711026) + b + c,
        rows[5] * fixed(2.053119869) + b + d, rows[7] * fixed(0.298631336) + a + c};

    constexpr std::uint32_t kHalf = 1u << (shift - 1);
    for (int i = 0; i < 4; ++i) {
      rows[i] = Row(SignedRow(outer[i] + inner[i] + kHalf) >> shift);
      rows[7 - i] = Row(SignedRow(outer[i] - inner[i] + kHalf) >> shift);
    }
  }
};

struct Transpose {
  BLUEC_WIDE_LOOP void operator()(Block &rows) const {
    Block pairs, quads;
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
      pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
      for (int k = 0; k < 2; ++k) {
        quads[i + k] =
            __builtin_shufflevector(pairs[i + k], pairs[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        quads[i + k + 2] =
            __builtin_shufflevector(pairs[i + k], pairs[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
      }
    for (int i = 0; i < 4; ++i) {
      rows[i] = __builtin_shufflevector(quads[i], quads[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
      rows[i + 4] = __builtin_shufflevector(quads[i], quads[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
  }
};

struct InverseDctBody {
  BLUEC_WIDE_LOOP void operator()(std::uint8_t *to, int stride, short *coefficients) const {
    Block rows;
    for (int i = 0; i < 8; ++i) {
      ShortRow row;
      std::memcpy(&row, coefficients + 8 * i, sizeof row);
      rows[i] = Row(__builtin_convertvector(row, SignedRow));
    }
    InversePass<kConstantBits - kExtraBits>()(rows);
    Transpose()(rows);
    constexpr int kEighth = 3; // what two dimensions scale by
    InversePass<kConstantBits + kExtraBits + kEighth>()(rows);
    Transpose()(rows);
    for (int i = 0; i < 8; ++i, to += stride) {
      SignedRow row = SignedRow(rows[i]) + 128;
      row = row < 0 ? SignedRow{} : row;
      row = row > 255 ? SignedRow{} + 255 : row;
      // In two steps: g++ 12 takes a larger one apart, element by element.
      const ByteRow bytes =
          __builtin_convertvector(__builtin_convertvector(row, ShortRow), ByteRow);
      std::memcpy(to, &bytes, sizeof bytes);
    }
  }
};

const std::uint8_t *rowOf(const JpegPlane &plane, int y) {
  return plane.samples + plane.stride * std::size_t(std::clamp(y, 0, plane.height - 1));
}

// Makes rows of a plane as wide as the picture. Where it has half as many samples in a direction,
// each new one is three quarters the nearer and one quarter the farther; halves are rounded up and
// down in turn.
class RowExpander {
public:
  RowExpander(const JpegPlane &plane, int width) : plane(plane), width(std::size_t(width)) {
    if (plane.across > 1 || plane.down > 1)
      expanded.resize(std::size_t(plane.width) * std::size_t(plane.across));
    if (plane.across == 2)
      sums.resize(std::size_t(plane.width) + 2);
  }

  BLUEC_WIDE_LOOP const std::uint8_t *row(int y) {
    if (plane.across == 1 && plane.down == 1)
      return rowOf(plane, y);
    const std::uint8_t *near = rowOf(plane, y / plane.down);
    const std::uint8_t *far = rowOf(plane, y / plane.down + (y % 2 == 0 ? -1 : 1));
    constexpr int kLeastWidth = 3; // of what libjpeg filters across
    if (plane.across == 1 && plane.down == 2)
      blendRows(near, far, y % 2 == 0 ? 1 : 2);
    else if (plane.across == 2 && plane.down <= 2 && plane.width >= kLeastWidth)
      plane.down == 1 ? widen<2, 1, 2>(near, near, 0) : widen<4, 8, 7>(near, far, 1);
    else
      repeat(near);
    return expanded.data();
  }

private:
  BLUEC_WIDE_LOOP void blendRows(const std::uint8_t *near, const std::uint8_t *far, int rounding) {
    std::uint8_t *to = expanded.data();
    for (std::size_t x = 0, count = width; x < count; ++x)
      to[x] = std::uint8_t((3 * near[x] + far[x] + rounding) >> 2);
  }

  // `vertical`: whether two rows are blended.
  template <int shift, int left, int right>
  BLUEC_WIDE_LOOP void widen(const std::uint8_t *near, const std::uint8_t *far, int vertical) {
    const auto count = std::size_t(plane.width);
    std::uint16_t *sum = sums.data();
    for (std::size_t x = 0; x < count; ++x)
      sum[x + 1] = std::uint16_t(vertical ? 3 * near[x] + far[x] : near[x]);
    sum[0] = sum[1];
    sum[count + 1] = sum[count];
    std::uint8_t *to = expanded.data();
    for (std::size_t x = 0; x < count; ++x) {
      to[2 * x] = std::uint8_t((3 * sum[x + 1] + sum[x] + left) >> shift);
      to[2 * x + 1] = std::uint8_t((3 * sum[x + 1] + sum[x + 2] + right) >> shift);
    }
  }

  void repeat(const std::uint8_t *from) {
    for (std::size_t x = 0; x < width; ++x)
      expanded[x] = from[x / std::size_t(plane.across)];
  }

  const JpegPlane &plane;
  std::size_t width; // of the picture
  std::vector<std::uint8_t> expanded;
  std::vector<std::uint16_t> sums;
};

constexpr int kColorBits = 16;

constexpr std::int32_t colorFactor(double factor) {
  return std::int32_t(factor * (1 << kColorBits) + 0.5);
}

struct Rgb {
  std::uint8_t red, green, blue;
};

std::uint8_t toByte(std::int32_t value) { return std::uint8_t(std::clamp(value, 0, 255)); }

BLUEC_WIDE_LOOP inline Rgb fromYcc(std::int32_t y, std::int32_t cb, std::int32_t cr) {
  constexpr std::int32_t kHalf = 1 << (kColorBits - 1);
  cb -= 128;
  cr -= 128;
  return {
      toByte(y + ((colorFactor(1.402) * cr + kHalf) >> kColorBits)),
      toByte(y + ((-colorFactor(0.34414) * cb - colorFactor(0.71414) * cr + kHalf) >> kColorBits)),
      toByte(y + ((colorFactor(1.772) * cb + kHalf) >> kColorBits))};
}

// What is left of a colour, from 0 to 255, at that much light: their product by 255, rounded.
std::uint8_t dim(int color, int light) {
  const int product = color * light + 128;
  return std::uint8_t((product + (product >> 8)) >> 8);
}

template <JpegColors colors>
BLUEC_WIDE_LOOP inline void convertRow(const std::uint8_t *const (&rows)[4], std::size_t width,
                                       std::uint8_t *__restrict to) {
  const std::uint8_t *first = rows[0], *second = rows[1], *third = rows[2], *fourth = rows[3];
  for (std::size_t x = 0; x < width; ++x) {
    Rgb rgb;
    if constexpr (colors == JpegColors::Gray)
      rgb = {first[x], first[x], first[x]};
    else if constexpr (colors == JpegColors::Rgb || colors == JpegColors::Cmyk)
      rgb = {first[x], second[x], third[x]};
    else
      rgb = fromYcc(first[x], second[x], third[x]);
    if constexpr (colors == JpegColors::Ycck)
      rgb = {std::uint8_t(255 - rgb.red), std::uint8_t(255 - rgb.green),
             std::uint8_t(255 - rgb.blue)};
    if constexpr (colors == JpegColors::Cmyk || colors == JpegColors::Ycck)
      rgb = {dim(rgb.red, fourth[x]), dim(rgb.green, fourth[x]), dim(rgb.blue, fourth[x])};
    to[3 * x] = rgb.red;
    to[3 * x + 1] = rgb.green;
    to[3 * x + 2] = rgb.blue;
  }
}

template <JpegColors colors>
void convert(const JpegPlanes &from, std::uint8_t *to, ThreadPool *threads) {
  const auto loop = [&](std::int64_t begin, std::int64_t end) BLUEC_WIDE_LOOP {
    std::vector<RowExpander> expanders;
    for (const JpegPlane &plane : from.planes)
      expanders.emplace_back(plane, from.width);
    for (std::int64_t y = begin; y < end; ++y) {
      const std::uint8_t *rows[4] = {};
      for (std::size_t i = 0; i < expanders.size(); ++i)
        rows[i] = expanders[i].row(int(y));
      convertRow<colors>(rows, std::size_t(from.width),
                         to + std::size_t(y) * std::size_t(from.width) * 3);
    }
  };
  constexpr std::int64_t kRows = 64; // of a task
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    withWideVectors(loop, begin * kRows, std::min<std::int64_t>(end * kRows, from.height));
  };
  const std::int64_t tasks = (from.height + kRows - 1) / kRows;
  if (threads)
    threads->forEach(tasks, body);
  else
    body(0, tasks);
}

} // namespace

InverseDct inverseDct() {
  static const InverseDct version = pickVersion<InverseDctBody, std::uint8_t *, int, short *>();
  return version;
}

std::size_t componentsOf(JpegColors colors) {
  if (colors == JpegColors::Gray)
    return 1;
  return colors == JpegColors::Cmyk || colors == JpegColors::Ycck ? 4 : 3;
}

void jpegToRgb(const JpegPlanes &from, JpegColors colors, std::uint8_t *to, ThreadPool *threads) {
  switch (colors) {
  case JpegColors::Gray:
    return convert<JpegColors::Gray>(from, to, threads);
  case JpegColors::Ycc:
    return convert<JpegColors::Ycc>(from, to, threads);
  case JpegColors::Rgb:
    return convert<JpegColors::Rgb>(from, to, threads);
  case JpegColors::Cmyk:
    return convert<JpegColors::Cmyk>(from, to, threads);
  case JpegColors::Ycck:
    return convert<JpegColors::Ycck>(from, to, threads);
  }
}

} // namespace bluec::runtime
