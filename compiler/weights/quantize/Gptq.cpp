#include "compiler/weights/quantize/Gptq.h"

#include "compiler/weights/quantize/Lanes.h"

#include <algorithm>
#include <cmath>

using namespace bluec;
using namespace bluec::quantize;

//===------------------------------------------------------------------------------------------===//
// The factor
//===------------------------------------------------------------------------------------------===//

// H = R * transpose(R) from the last row up: with c[i] = R's column i (elements 0 .. i), and the
// rows of R from the right, R[j][i] = (H[i][j] - sum_{m > i} R[j][m] R[i][m]) / R[i][i]. Stored so
// that both factors of the sum are contiguous: flipped[a] holds row k - 1 - a of R from the right.
bool GptqFactor::factor(float damping, const std::vector<float> &hessian) {
  auto at = [&](int64_t i, int64_t j) { return hessian[static_cast<size_t>(i * k + j)]; };
  double mean = 0;
  for (int64_t i = 0; i < k; ++i)
    mean += static_cast<double>(at(i, i)) / static_cast<double>(k);
  float added = damping * static_cast<float>(mean);
  std::vector<float> flipped(static_cast<size_t>(k * k), 0.0f);
  auto row = [&](int64_t a) { return flipped.data() + a * k; };
  // The Cholesky factor of H with its rows and columns in reverse order, in blocks of rows that
  // stay in a cache while the rows above them pass by.
  constexpr int64_t kBlock = 32;
  for (int64_t first = 0; first < k; first += kBlock) {
    int64_t end = std::min(k, first + kBlock);
    for (int64_t b = 0; b < end; ++b)
      for (int64_t a = std::max(first, b); a < end; ++a) {
        float value = at(k - 1 - b, k - 1 - a); // H[i][j] with i > j: its lower triangle
        if (a == b)
          value = value == 0 ? 1 + added : value + added;
        float left = value - dot(row(a), row(b), b);
        if (a != b) {
          row(a)[b] = left / row(b)[b];
          continue;
        }
        if (!(left > 0) || !std::isfinite(left))
          return false;
        row(a)[a] = std::sqrt(left);
      }
  }
  columns.assign(static_cast<size_t>(k * k), 0.0f);
  diagonal.resize(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; ++i) {
    float corner = row(k - 1 - i)[k - 1 - i];
    diagonal[static_cast<size_t>(i)] = corner * corner;
    for (int64_t j = 0; j < i; ++j)
      columns[static_cast<size_t>(i * k + j)] = row(k - 1 - j)[k - 1 - i] / corner;
  }
  return true;
}

std::optional<GptqFactor> GptqFactor::of(std::vector<float> hessian, int64_t k, float damping) {
  if (k <= 0 || static_cast<int64_t>(hessian.size()) != k * k || !allFinite(hessian.data(), k * k))
    return std::nullopt;
  for (int64_t i = 0; i < k; ++i)
    if (hessian[static_cast<size_t>(i * k + i)] < 0)
      return std::nullopt;
  GptqFactor result(k);
  for (int attempt = 0; attempt < 4; ++attempt, damping *= 10)
    if (result.factor(damping, hessian))
      return result;
  return std::nullopt;
}

//===------------------------------------------------------------------------------------------===//
// Rows
//===------------------------------------------------------------------------------------------===//

namespace {

/// Rows side by side, one an element of a stripe, so that a column of R serves all of them.
class Tile {
public:
  Tile(const Format &format, const GptqFactor &factor, int64_t k)
      : format(format), factor(factor), quantizer(format), k(k),
        targets(static_cast<size_t>(std::max<int64_t>(blockOf(), 1) * kStripe)),
        errors(static_cast<size_t>(k * kStripe)), line(static_cast<size_t>(format.groupIn(k))),
        ignored(line.size()) {}

  void run(const float *rows, int64_t first, int64_t count, Rows &out);

private:
  /// Columns whose targets are computed together, from all columns before them.
  int64_t blockOf() const { return std::min<int64_t>(format.groupIn(k), 128); }
  void addErrors(int64_t column, int64_t from, int64_t to, float *target) const;
  void startGroup(const float *rows, int64_t begin, int64_t first, int64_t count, Rows &out);

  const Format &format;
  const GptqFactor &factor;
  GroupQuantizer quantizer;
  int64_t k;
  std::vector<float> targets; // [block, stripe]
  std::vector<float> errors;  // [k, stripe]: w - v
  std::vector<float> line;    // a row's group
  std::vector<int8_t> ignored;
  float scales[kStripe] = {}, inverses[kStripe] = {}, lows[kStripe] = {}, highs[kStripe] = {};
  int zeros[kStripe] = {};
};

} // namespace

/// target += sum of column[j] * errors[j] for j in [from, to).
void Tile::addErrors(int64_t column, int64_t from, int64_t to, float *target) const {
  const float *factors = factor.column(column);
  Lane sums[kLaneCount];
  for (int64_t lane = 0; lane < kLaneCount; ++lane)
    sums[lane] = loadLane(target + lane * kLaneElements);
  for (int64_t j = from; j < to; ++j)
    for (int64_t lane = 0; lane < kLaneCount; ++lane)
      sums[lane] +=
          splat(factors[j]) * loadLane(errors.data() + j * kStripe + lane * kLaneElements);
  for (int64_t lane = 0; lane < kLaneCount; ++lane)
    storeLane(target + lane * kLaneElements, sums[lane]);
}

/// Finds scales and zeros of the group that begins at a column: on its targets where they are
/// there (a group within a block), else, for groups longer than a block, on the weights.
void Tile::startGroup(const float *rows, int64_t begin, int64_t first, int64_t count, Rows &out) {
  int64_t n = std::min(format.groupIn(k), k - begin);
  bool haveTargets = n <= blockOf();
  for (int64_t r = 0; r < kStripe; ++r) {
    scales[r] = 0;
    zeros[r] = 0;
    if (r < count) {
      for (int64_t i = 0; i < n; ++i)
        line[static_cast<size_t>(i)] = haveTargets ? targets[static_cast<size_t>(i * kStripe + r)]
                                                   : rows[(first + r) * k + begin + i];
      Group group{};
      if (allFinite(line.data(), n))
        group = quantizer.quantize(blue::QuantizeMethod::Search, line.data(), n, ignored.data(),
                                   factor.importance().data() + begin);
      scales[r] = group.scale;
      zeros[r] = group.zero;
      auto at = static_cast<size_t>((first + r) * format.groupsIn(k) + begin / format.groupIn(k));
      out.scales[at] = group.scale;
      if (format.zeros)
        out.zeros[at] = static_cast<int8_t>(group.zero);
    }
    inverses[r] = scales[r] == 0 ? 0 : 1 / scales[r];
    lows[r] = static_cast<float>(format.least() - zeros[r]);
    highs[r] = static_cast<float>(format.most() - zeros[r]);
  }
}

void Tile::run(const float *rows, int64_t first, int64_t count, Rows &out) {
  int64_t group = format.groupIn(k), block = blockOf();
  std::fill(errors.begin(), errors.end(), 0.0f);
  for (int64_t begin = 0, end = 0; begin < k; begin = end) {
    // A block ends with its group: the group's scale needs the targets of no other.
    int64_t groupEnd = std::min(k, (begin / group + 1) * group);
    end = std::min(groupEnd, begin + block);
    for (int64_t i = begin; i < end; ++i) {
      float *target = targets.data() + (i - begin) * kStripe;
      for (int64_t r = 0; r < kStripe; ++r)
        target[r] = r < count ? rows[(first + r) * k + i] : 0.0f;
      addErrors(i, 0, begin, target);
    }
    if (begin % group == 0)
      startGroup(rows, begin, first, count, out);
    for (int64_t i = begin; i < end; ++i) {
      float *target = targets.data() + (i - begin) * kStripe;
      addErrors(i, begin, i, target);
      for (int64_t r = 0; r < count; ++r) {
        // Written so that a target that is no number gives the lower end.
        float q = std::nearbyint(target[r] * inverses[r]);
        q = q > lows[r] ? std::min(q, highs[r]) : lows[r];
        if (scales[r] == 0)
          q = 0;
        float weight = rows[(first + r) * k + i];
        errors[static_cast<size_t>(i * kStripe + r)] = weight - scales[r] * q;
        out.elements[static_cast<size_t>((first + r) * k + i)] =
            static_cast<int8_t>(static_cast<int>(q) + zeros[r]);
      }
    }
  }
}

bool bluec::quantize::quantizeRowsGptq(const Format &format, const GptqFactor &factor,
                                       const float *rows, int64_t count, int64_t k, Rows &out) {
  if (factor.size() != k || !allFinite(rows, count * k))
    return false;
  out.resize(format, count, k);
  Tile tile(format, factor, k);
  for (int64_t first = 0; first < count; first += kStripe)
    tile.run(rows, first, std::min(kStripe, count - first), out);
  return true;
}
