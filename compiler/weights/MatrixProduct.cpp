#include "compiler/weights/MatrixProduct.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace {

/// Two doubles; every target has vectors of that size.
typedef double Pair __attribute__((vector_size(16)));

constexpr int64_t kDepth = 64; // rows of right at a time: a strip of them stays in a first cache
constexpr int64_t kHeight = 4; // rows and columns whose sums stay in registers
constexpr int64_t kBreadth = 4;
constexpr int64_t kPairs = kBreadth / 2;

using Tile = std::array<std::array<Pair, kPairs>, kHeight>;

/// tile += left * strip; left is [kHeight, depth] with `stride` from row to row, strip
/// [depth, kBreadth].
void addProducts(const double *left, int64_t stride, const double *strip, int64_t depth,
                 Tile &tile) {
  Tile sums = tile;
  for (int64_t m = 0; m < depth; ++m) {
    std::array<Pair, kPairs> right;
    std::memcpy(right.data(), strip + m * kBreadth, sizeof right);
    for (size_t n = 0; n < kHeight; ++n) {
      double factor = left[static_cast<int64_t>(n) * stride + m];
      for (size_t j = 0; j < kPairs; ++j)
        sums[n][j] += Pair{factor, factor} * right[j];
    }
  }
  tile = sums;
}

int64_t roundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

} // namespace

void bluec::multiplyMatrices(
    const float *left, int64_t rows, int64_t depth, int64_t width,
    llvm::function_ref<void(int64_t begin, int64_t end, float *to)> readRight, float *out) {
  // Padded to whole tiles, with zeros.
  const int64_t height = roundUp(rows, kHeight), breadth = roundUp(width, kBreadth);
  std::vector<double> factors(static_cast<size_t>(height * kDepth));
  std::vector<double> strips(static_cast<size_t>(kDepth * breadth));
  std::vector<float> read(static_cast<size_t>(kDepth * width));
  std::vector<Tile> sums(static_cast<size_t>(height / kHeight * (breadth / kBreadth)));
  for (int64_t begin = 0; begin < depth; begin += kDepth) {
    const int64_t here = std::min(kDepth, depth - begin);
    readRight(begin, begin + here, read.data());
    for (int64_t m = 0; m < here; ++m)
      for (int64_t k = 0; k < width; ++k)
        strips[static_cast<size_t>(k / kBreadth * kDepth * kBreadth + m * kBreadth +
                                   k % kBreadth)] = read[static_cast<size_t>(m * width + k)];
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t m = 0; m < here; ++m)
        factors[static_cast<size_t>(n * kDepth + m)] = left[n * depth + begin + m];
    for (int64_t k = 0; k < breadth; k += kBreadth)
      for (int64_t n = 0; n < height; n += kHeight)
        addProducts(factors.data() + n * kDepth, kDepth, strips.data() + k * kDepth, here,
                    sums[static_cast<size_t>(k / kBreadth * (height / kHeight) + n / kHeight)]);
  }
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t k = 0; k < width; ++k) {
      const Tile &tile = sums[static_cast<size_t>(k / kBreadth * (height / kHeight) + n / kHeight)];
      out[n * width + k] = static_cast<float>(
          tile[static_cast<size_t>(n % kHeight)][static_cast<size_t>(k % kBreadth / 2)][k % 2]);
    }
}
