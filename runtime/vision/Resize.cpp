#include "vision/Resize.h"

#include "platform/ThreadPool.h"
#include "platform/WideVectors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>

namespace bluec::runtime {
namespace {

constexpr int kFractionBits = 22;
constexpr std::int32_t kHalf = std::int32_t(1) << (kFractionBits - 1);

double bilinear(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::fabs(x);
  if (x < 1.0)
    return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0)
    return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0)
    return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }

struct Kernel {
  std::string_view name;
  double (*weight)(double distance);
  double radius; // pixels
};

const Kernel &kernelOf(Filter filter) {
  static constexpr Kernel kKernels[] = {
      {"lanczos", lanczos, 3.0}, {"bilinear", bilinear, 1.0}, {"bicubic", bicubic, 2.0}};
  return kKernels[std::size_t(filter)];
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

  const std::int32_t *weightsOf(std::int64_t out) const {
    return &weights[std::size_t(out) * std::size_t(stride)];
  }
};

// Output positions [begin, begin + count).
struct Span {
  int begin, count;
};

// Of the positions of `span`; the first one's are those of 0.
Taps makeTaps(int from, int to, Span span, const Kernel &kernel) {
  const double scale = double(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.radius * stretch;
  const double shrink = 1.0 / stretch;

  Taps taps;
  taps.stride = int(std::ceil(support)) * 2 + 1;
  taps.ranges.resize(std::size_t(span.count));
  taps.weights.assign(std::size_t(span.count) * std::size_t(taps.stride), 0);
  std::vector<double> exact(std::size_t(taps.stride));
  for (int out = 0; out < span.count; ++out) {
    const double center = (span.begin + out + 0.5) * scale;
    const int first = std::max(0, int(center - support + 0.5));
    const int count = std::min(from, int(center + support + 0.5)) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      exact[std::size_t(i)] = kernel.weight((i + first - center + 0.5) * shrink);
      sum += exact[std::size_t(i)];
    }
    std::int32_t *weights = &taps.weights[std::size_t(out) * std::size_t(taps.stride)];
    for (int i = 0; i < count; ++i) {
      double weight = exact[std::size_t(i)];
      if (sum != 0.0)
        weight /= sum;
      weight *= double(1 << kFractionBits);
      weights[i] = std::int32_t(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.ranges[std::size_t(out)] = {first, count};
  }
  return taps;
}

// Bodies of up to `tasks` / `grain` ranges, on the threads if there are any.
template <typename Loop>
void forRanges(ThreadPool *threads, std::int64_t tasks, std::int64_t grain, const Loop &loop) {
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    withWideVectors(loop, begin * grain, std::min(end * grain, tasks));
  };
  const std::int64_t ranges = (tasks + grain - 1) / grain;
  if (threads)
    threads->forEach(ranges, body);
  else
    body(0, ranges);
}

// Two neighbouring pixels at once, in six of eight lanes.
constexpr std::size_t kLanes = 8;
typedef std::int32_t Lanes __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
typedef std::uint16_t Shorts __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));
typedef std::uint8_t Bytes __attribute__((vector_size(kLanes)));

// In two steps: g++ 12 takes a larger one apart, element by element.
BLUEC_WIDE_LOOP inline void widen(const std::uint8_t *from, Lanes &to) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  to = __builtin_convertvector(__builtin_convertvector(bytes, Shorts), Lanes);
}

// Each weight three times, for the channels of its pixel; two pixels are one vector.
struct PairedTaps {
  std::vector<std::int32_t> weights;
  std::size_t stride = 0; // values
};

PairedTaps pairTaps(const Taps &taps) {
  PairedTaps paired;
  paired.stride = std::size_t(taps.stride + 1) / 2 * kLanes;
  paired.weights.assign(taps.ranges.size() * paired.stride, 0);
  for (std::size_t out = 0; out < taps.ranges.size(); ++out)
    for (std::size_t i = 0; i < std::size_t(taps.ranges[out].count); ++i)
      for (std::size_t channel = 0; channel < 3; ++channel)
        paired.weights[out * paired.stride + i / 2 * kLanes + i % 2 * 3 + channel] =
            taps.weightsOf(std::int64_t(out))[i];
  return paired;
}

typedef std::int32_t Pixel __attribute__((vector_size(16)));
typedef std::uint16_t PixelShorts __attribute__((vector_size(8)));
typedef std::uint8_t PixelBytes __attribute__((vector_size(4)));

// The sum of a vector's two pixels as three bytes, with one of no meaning behind them.
BLUEC_WIDE_LOOP inline std::uint32_t joinPixels(const Lanes &sums) {
  Pixel sum = __builtin_shufflevector(sums, sums, 0, 1, 2, 2) +
              __builtin_shufflevector(sums, sums, 3, 4, 5, 5);
  sum = (sum + kHalf) >> kFractionBits;
  sum = sum < 0 ? Pixel{} : sum;
  sum = sum > 255 ? Pixel{} + 255 : sum;
  const PixelBytes bytes =
      __builtin_convertvector(__builtin_convertvector(sum, PixelShorts), PixelBytes);
  std::uint32_t pixel = 0;
  std::memcpy(&pixel, &bytes, sizeof bytes);
  return pixel;
}

// Rows that share a load of weights.
constexpr int kRowsAtOnce = 4;

// A picture's rows, whole groups of them, each with `lanes` bytes that may be read behind it.
class RowGroups {
public:
  explicit RowGroups(const Picture &picture)
      : pixels(picture.pixels.data()), rowBytes(std::size_t(picture.width) * 3) {
    // What follows a row is the next one, if there is one and it is long enough.
    const bool narrow = rowBytes < kLanes;
    tailBegin = narrow ? 0 : (picture.height - 1) / kRowsAtOnce * kRowsAtOnce;
    const int rows = (picture.height - tailBegin + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
    tail.resize(rowBytes * std::size_t(rows) + kLanes);
    std::memcpy(tail.data(), pixels + rowBytes * std::size_t(tailBegin),
                rowBytes * std::size_t(picture.height - tailBegin));
  }

  const std::uint8_t *at(std::int64_t y) const {
    return y < tailBegin ? pixels + rowBytes * std::size_t(y)
                         : tail.data() + rowBytes * std::size_t(y - tailBegin);
  }

private:
  const std::uint8_t *pixels;
  std::size_t rowBytes;
  int tailBegin = 0;
  std::vector<std::uint8_t> tail;
};

// Rows become `to` pixels long, of which those of `span` are made.
Picture resizeRows(const Picture &picture, int to, Span span, const Kernel &kernel,
                   ThreadPool *threads) {
  const Taps taps = makeTaps(picture.width, to, span, kernel);
  const int width = span.count;
  const PairedTaps paired = pairTaps(taps);
  const RowGroups groups(picture);
  Picture result{width, picture.height, {}};
  const std::size_t fromBytes = std::size_t(picture.width) * 3, toBytes = std::size_t(width) * 3;
  result.pixels.resize(toBytes * std::size_t(picture.height));

  const auto loop = [&](std::int64_t begin, std::int64_t end) BLUEC_WIDE_LOOP {
    for (std::int64_t y = begin; y < end; y += kRowsAtOnce) {
      const std::uint8_t *rows = groups.at(y);
      const auto count = std::size_t(std::min<std::int64_t>(kRowsAtOnce, end - y));
      for (std::size_t x = 0; x < std::size_t(width); ++x) {
        const std::uint8_t *from = rows + std::size_t(taps.ranges[x].first) * 3;
        const std::int32_t *weights = &paired.weights[x * paired.stride];
        Lanes sums[kRowsAtOnce] = {};
        for (int i = 0; i < taps.ranges[x].count; i += 2, from += 6, weights += kLanes) {
          Lanes weight;
          std::memcpy(&weight, weights, sizeof weight);
          for (std::size_t row = 0; row < kRowsAtOnce; ++row) {
            Lanes values;
            widen(from + fromBytes * row, values);
            sums[row] += values * weight;
          }
        }
        for (std::size_t row = 0; row < count; ++row) {
          const std::uint32_t pixel = joinPixels(sums[row]);
          std::uint8_t *out = &result.pixels[toBytes * (std::size_t(y) + row) + x * 3];
          // Four bytes are one store; but for the last pixel, the next one's are written later.
          if (x + 1 < std::size_t(width))
            std::memcpy(out, &pixel, 4);
          else
            std::memcpy(out, &pixel, 3);
        }
      }
    }
  };
  forRanges(threads, picture.height, kRowsAtOnce, loop);
  return result;
}

// Values whose sums stay in registers.
constexpr std::size_t kColumnsAtOnce = 64;

// Columns become `to` pixels long, of which those of `span` are made.
Picture resizeColumns(const Picture &picture, int to, Span span, const Kernel &kernel,
                      ThreadPool *threads) {
  const Taps taps = makeTaps(picture.height, to, span, kernel);
  const int height = span.count;
  const std::size_t rowBytes = std::size_t(picture.width) * 3;
  Picture result{picture.width, height, {}};
  result.pixels.resize(rowBytes * std::size_t(height));

  const auto loop = [&](std::int64_t begin, std::int64_t end) BLUEC_WIDE_LOOP {
    for (std::int64_t y = begin; y < end; ++y) {
      const auto [first, count] = taps.ranges[std::size_t(y)];
      const std::int32_t *weights = taps.weightsOf(y);
      const std::uint8_t *rows = &picture.pixels[std::size_t(first) * rowBytes];
      std::uint8_t *out = &result.pixels[std::size_t(y) * rowBytes];
      std::size_t x = 0;
      for (; x + kColumnsAtOnce <= rowBytes; x += kColumnsAtOnce) {
        std::int32_t sums[kColumnsAtOnce];
        std::fill_n(sums, kColumnsAtOnce, kHalf);
        const std::uint8_t *from = rows + x;
        for (int i = 0; i < count; ++i, from += rowBytes)
          for (std::size_t k = 0; k < kColumnsAtOnce; ++k)
            sums[k] += from[k] * weights[i];
        for (std::size_t k = 0; k < kColumnsAtOnce; ++k)
          out[x + k] = std::uint8_t(std::clamp(sums[k] >> kFractionBits, 0, 255));
      }
      for (; x < rowBytes; ++x) {
        std::int32_t sum = kHalf;
        for (int i = 0; i < count; ++i)
          sum += rows[std::size_t(i) * rowBytes + x] * weights[i];
        out[x] = std::uint8_t(std::clamp(sum >> kFractionBits, 0, 255));
      }
    }
  };
  constexpr std::int64_t kRows = 4; // of a task
  forRanges(threads, height, kRows, loop);
  return result;
}

// The pixels of `window`.
Picture cropped(Picture picture, const Window &window) {
  if (window.width == picture.width && window.height == picture.height)
    return picture;
  Picture result{window.width, window.height, {}};
  result.pixels.resize(std::size_t(window.width) * std::size_t(window.height) * 3);
  const std::size_t fromBytes = std::size_t(picture.width) * 3;
  const std::size_t toBytes = std::size_t(window.width) * 3;
  for (std::size_t y = 0; y < std::size_t(window.height); ++y)
    std::memcpy(
        &result.pixels[y * toBytes],
        &picture.pixels[(std::size_t(window.top) + y) * fromBytes + std::size_t(window.left) * 3],
        toBytes);
  return result;
}

} // namespace

std::string_view filterName(Filter filter) { return kernelOf(filter).name; }

std::optional<Filter> filterByName(std::string_view name) {
  for (Filter filter : {Filter::Lanczos, Filter::Bilinear, Filter::Bicubic})
    if (filterName(filter) == name)
      return filter;
  return std::nullopt;
}

Picture resize(const Picture &picture, int width, int height, Filter filter, ThreadPool *threads) {
  return resizeWindow(picture, width, height, {0, 0, width, height}, filter, threads);
}

Picture resizeWindow(const Picture &picture, int width, int height, const Window &window,
                     Filter filter, ThreadPool *threads) {
  const Kernel &kernel = kernelOf(filter);
  const Span across = {window.left, window.width}, down = {window.top, window.height};
  const bool rows = width != picture.width, columns = height != picture.height;
  if (!rows && !columns)
    return cropped(picture, window);
  if (!rows)
    return cropped(resizeColumns(picture, height, down, kernel, threads),
                   {window.left, 0, window.width, window.height});
  if (!columns)
    return cropped(resizeRows(picture, width, across, kernel, threads),
                   {0, window.top, window.width, window.height});
  // Rounding between the passes makes their order visible, so it is Pillow's rule.
  const bool columnsFirst =
      height < picture.height && picture.height - height > 2 * (picture.width - width);
  if (columnsFirst)
    return resizeRows(resizeColumns(picture, height, down, kernel, threads), width, across, kernel,
                      threads);
  return resizeColumns(resizeRows(picture, width, across, kernel, threads), height, down, kernel,
                       threads);
}

} // namespace bluec::runtime
