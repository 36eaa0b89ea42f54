#include "compiler/weights/quantize/Quantize.h"

#include "compiler/reference/Rounding.h"
#include "compiler/weights/quantize/Lanes.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bluec;
using namespace bluec::quantize;

Format Format::of(blue::QuantizedType type) {
  return {type.getBits(), type.getGroup(), type.getZeros(), type.getScale().isF16()};
}

float bluec::quantize::roundScale(const Format &format, float value) {
  constexpr float kMostHalf = 65504, kMostFloat = std::numeric_limits<float>::max();
  float most = format.halfScales ? kMostHalf : kMostFloat;
  value = std::clamp(value, -most, most);
  if (format.halfScales)
    value = reference::halfToFloat(reference::floatToHalf(value));
  // Below this the reciprocal would not be finite; such a group is zeros.
  return std::abs(value) < std::numeric_limits<float>::min() ? 0.0f : value;
}

//===------------------------------------------------------------------------------------------===//
// One group
//===------------------------------------------------------------------------------------------===//

// A group is searched in units of its largest element, u = x / largest, so that no square leaves
// the range of floats. There, u = sigma * (q - zero) with q - zero between `low` and `high`.

namespace {

struct Fit {
  float products = 0; // sum of w * u * (q - zero)
  float squares = 0;  // sum of w * (q - zero)^2
};

} // namespace

/// Integers for 1 / sigma = `inverse`, and what least squares needs to know of them.
static Fit fit(const float *unit, const float *weights, int64_t padded, float inverse, float low,
               float high) {
  Lane products[kLaneCount] = {}, squares[kLaneCount] = {};
  for (int64_t i = 0; i < padded; i += kStripe)
    for (int64_t lane = 0; lane < kLaneCount; ++lane) {
      Lane u = loadLane(unit + i + lane * kLaneElements);
      Lane q = clamp(nearestIntegers(u * splat(inverse)), splat(low), splat(high));
      Lane weighed = q * loadLane(weights + i + lane * kLaneElements);
      products[lane] += weighed * u;
      squares[lane] += weighed * q;
    }
  return {total(products), total(squares)};
}

static float squaredError(const float *unit, const float *weights, int64_t padded, float sigma,
                          float low, float high) {
  Lane errors[kLaneCount] = {};
  float inverse = 1 / sigma;
  for (int64_t i = 0; i < padded; i += kStripe)
    for (int64_t lane = 0; lane < kLaneCount; ++lane) {
      Lane u = loadLane(unit + i + lane * kLaneElements);
      Lane q = clamp(nearestIntegers(u * splat(inverse)), splat(low), splat(high));
      Lane error = u - splat(sigma) * q;
      errors[lane] += error * error * loadLane(weights + i + lane * kLaneElements);
    }
  return total(errors);
}

namespace {

/// A group in units of its largest element.
struct Problem {
  const Format &format;
  const float *unit, *weights;
  int64_t padded;
  float largest, least, most; // of x; the two ends in units

  float low(int zero) const { return static_cast<float>(format.least() - zero); }
  float high(int zero) const { return static_cast<float>(format.most() - zero); }
  /// The zero that puts the group's middle on the middle of the range.
  int zeroFor(float sigma) const {
    if (!format.zeros)
      return 0;
    float middle =
        (static_cast<float>(format.least() + format.most()) - (least + most) / sigma) / 2;
    return static_cast<int>(std::clamp(std::nearbyint(middle), static_cast<float>(format.least()),
                                       static_cast<float>(format.most())));
  }
  Group rounded(float sigma, int zero) const { return {roundScale(format, sigma * largest), zero}; }
};

/// As many as pay for their time: where nearest puts the extremes R integers apart (from zero, or
/// from each other with zeros), the search tries R - 1 to R + 3.5. At 4 bits a finer or a wider
/// grid, or one of both signs, finds 0.2 % less error on normal and on long-tailed weights.
constexpr int kCandidates = 13;
constexpr float kFirstCandidate = -1, kCandidateStep = 0.375f;

} // namespace

/// The integer range that the group's extremes are put on, as 1 / sigma. Negative without zeros, so
/// that the largest element meets the end that reaches further.
static float coveringInverse(const Problem &problem) {
  const Format &format = problem.format;
  if (!format.zeros)
    return static_cast<float>(format.least());
  return static_cast<float>(format.most() - format.least()) / (problem.most - problem.least);
}

static float errorOf(const Problem &problem, Group group) {
  if (group.scale == 0)
    return std::numeric_limits<float>::infinity();
  return squaredError(problem.unit, problem.weights, problem.padded, group.scale / problem.largest,
                      problem.low(group.zero), problem.high(group.zero));
}

static Group search(const Problem &problem, Group start) {
  float covering = coveringInverse(problem);
  const Format &format = problem.format;
  auto range = static_cast<float>(format.zeros ? format.most() - format.least() : -format.least());
  float bestGain = 0, bestSigma = 0;
  int bestZero = 0;
  for (int i = 0; i < kCandidates; ++i) {
    float offset = kFirstCandidate + kCandidateStep * static_cast<float>(i);
    float inverse = covering * (1 + offset / range);
    int zero = problem.zeroFor(1 / inverse);
    Fit found = fit(problem.unit, problem.weights, problem.padded, inverse, problem.low(zero),
                    problem.high(zero));
    // The squared error with the best sigma for these integers is sum(w u^2) minus this.
    float gain = found.squares > 0 ? found.products / found.squares * found.products : 0;
    if (gain > bestGain) {
      bestGain = gain;
      bestSigma = found.products / found.squares;
      bestZero = zero;
    }
  }
  Group best = start;
  float bestError = errorOf(problem, start);
  auto consider = [&](Group group) {
    float error = errorOf(problem, group);
    if (error < bestError) {
      best = group;
      bestError = error;
    }
  };
  if (bestSigma == 0)
    return best;
  consider(problem.rounded(bestSigma, bestZero));
  // The integers for the new sigma, and the best sigma for them.
  Fit again = fit(problem.unit, problem.weights, problem.padded, 1 / bestSigma,
                  problem.low(bestZero), problem.high(bestZero));
  if (again.squares > 0)
    consider(problem.rounded(again.products / again.squares, bestZero));
  return best;
}

/// By importance where it is known, else by squares: errors of large elements count for more.
void GroupQuantizer::weigh(int64_t n, const float *importance) {
  weights.assign(unit.size(), 0.0f);
  // In units of the most important column, so that no sum leaves the range of floats.
  float top = importance ? *std::max_element(importance, importance + n) : 0;
  bool byColumn = top >= std::numeric_limits<float>::min();
  for (size_t i = 0; i < static_cast<size_t>(n); ++i)
    weights[i] = byColumn ? importance[i] / top : unit[i] * unit[i];
}

Group GroupQuantizer::quantize(blue::QuantizeMethod method, const float *x, int64_t n,
                               int8_t *elements, const float *importance) {
  float least = 0, most = 0;
  for (int64_t i = 0; i < n; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
  }
  float largest = -least > most ? least : most;
  std::fill(elements, elements + n, int8_t{0});
  if (std::abs(largest) < std::numeric_limits<float>::min())
    return {};
  int64_t padded = (n + kStripe - 1) / kStripe * kStripe;
  unit.assign(static_cast<size_t>(padded), 0.0f);
  for (int64_t i = 0; i < n; ++i)
    unit[static_cast<size_t>(i)] = x[i] / largest;
  weigh(n, importance);
  Problem problem{format,
                  unit.data(),
                  weights.data(),
                  padded,
                  largest,
                  std::min(least / largest, most / largest),
                  std::max(least / largest, most / largest)};

  float sigma = 1 / coveringInverse(problem);
  Group group = problem.rounded(sigma, problem.zeroFor(sigma));
  if (method == blue::QuantizeMethod::Search)
    group = search(problem, group);
  if (group.scale == 0) // smaller than any scale
    return {};
  float inverse = largest / group.scale;
  float low = problem.low(group.zero), high = problem.high(group.zero);
  for (int64_t i = 0; i < padded; i += kLaneElements) {
    Lane q =
        clamp(nearestIntegers(loadLane(unit.data() + i) * splat(inverse)), splat(low), splat(high));
    for (int64_t j = i; j < std::min(n, i + kLaneElements); ++j)
      elements[j] = static_cast<int8_t>(static_cast<int>(q[j - i]) + group.zero);
  }
  return group;
}

//===------------------------------------------------------------------------------------------===//
// Rows
//===------------------------------------------------------------------------------------------===//

bool bluec::quantize::allFinite(const float *values, int64_t count) {
  bool finite = true;
  for (int64_t i = 0; i < count; ++i)
    finite &= std::abs(values[i]) <= std::numeric_limits<float>::max();
  return finite;
}

void Rows::resize(const Format &format, int64_t count, int64_t k) {
  size_t groups = static_cast<size_t>(count * format.groupsIn(k));
  elements.resize(static_cast<size_t>(count * k));
  scales.resize(groups);
  zeros.resize(format.zeros ? groups : 0);
}

bool bluec::quantize::quantizeRows(const Format &format, blue::QuantizeMethod method,
                                   const float *rows, int64_t count, int64_t k, Rows &out,
                                   const float *importance) {
  if ((method != blue::QuantizeMethod::Nearest && method != blue::QuantizeMethod::Search) ||
      !allFinite(rows, count * k))
    return false;
  out.resize(format, count, k);
  GroupQuantizer quantizer(format);
  int64_t step = std::max<int64_t>(format.groupIn(k), 1);
  size_t at = 0;
  for (int64_t row = 0; row < count; ++row)
    for (int64_t begin = 0; begin < k; begin += step, ++at) {
      int64_t first = row * k + begin;
      Group group = quantizer.quantize(method, rows + first, std::min(step, k - begin),
                                       out.elements.data() + first,
                                       importance ? importance + begin : nullptr);
      out.scales[at] = group.scale;
      if (format.zeros)
        out.zeros[at] = static_cast<int8_t>(group.zero);
    }
  return true;
}

void bluec::quantize::dequantizeRows(const Format &format, const Rows &rows, int64_t count,
                                     int64_t k, float *out) {
  int64_t step = std::max<int64_t>(format.groupIn(k), 1);
  size_t at = 0;
  for (int64_t row = 0; row < count; ++row)
    for (int64_t begin = 0; begin < k; begin += step, ++at) {
      int zero = format.zeros ? rows.zeros[at] : 0;
      for (int64_t i = row * k + begin; i < row * k + std::min(k, begin + step); ++i)
        out[i] = rows.scales[at] * static_cast<float>(rows.elements[static_cast<size_t>(i)] - zero);
    }
}
