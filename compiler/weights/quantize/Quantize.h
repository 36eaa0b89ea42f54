// Weights as integers: the one place where they are found. The stream that writes weights.bin and
// the plain evaluators call the same functions, so they hold the same integers.
//
// Results depend on the input only: not on the machine (no fused multiply-adds, sums of a fixed
// number of lanes), and not on how many rows a call has.
#ifndef BLUEC_COMPILER_WEIGHTS_QUANTIZE_QUANTIZE_H
#define BLUEC_COMPILER_WEIGHTS_QUANTIZE_QUANTIZE_H

#include "compiler/dialect/blue/Blue.h"

#include <cstdint>
#include <vector>

namespace bluec::quantize {

/// What a blue::QuantizedType of weights says, as numbers: x = scale * (q - zero).
struct Format {
  int64_t bits = 4;       // 4 or 8: q is -2^(bits - 1) .. 2^(bits - 1) - 1
  int64_t group = 64;     // elements that share a scale; 0: a whole row
  bool zeros = false;     // whether a group has a zero of its own, an integer of q's range
  bool halfScales = true; // scales are f16, else f32

  static Format of(blue::QuantizedType type);

  int64_t least() const { return -(int64_t{1} << (bits - 1)); }
  int64_t most() const { return (int64_t{1} << (bits - 1)) - 1; }
  int64_t groupIn(int64_t k) const { return group == 0 ? k : group; }
  /// Scales of a row of `k` elements.
  int64_t groupsIn(int64_t k) const { return group == 0 ? 1 : (k + group - 1) / group; }
};

/// Rows of integers, [count, k], with [count, groups] scales.
struct Rows {
  std::vector<int8_t> elements;
  std::vector<float> scales; // values of the scales' type; may be negative, or 0 for zeros only
  std::vector<int8_t> zeros; // empty when the format has none

  void resize(const Format &format, int64_t count, int64_t k);
};

/// Quantizes [count, k] floats, row-major, into `out`, whose memory is used again.
///
/// `nearest`: the scale that puts the group's largest element on -2^(bits - 1) (with zeros: the
/// group's smallest and largest, and 0, on the ends of the range), rounded to the scales' type,
/// and every element to its nearest integer.
/// `search`: of several scales around that one the one whose error is the least, each improved by
/// least squares; never worse than `nearest`. The error is the sum of x^2 * (x - found)^2: the few
/// large weights of a row carry most of what it computes, and a search for the least plain squared
/// error cuts them off (on SmolLM2-135M, W4 group 64, the logits' KL divergence is 0.58 so, 0.44
/// with `nearest` and 0.41 weighed by squares).
///
/// `importance`, if not null, holds k numbers >= 0 that weigh the squared errors of columns in
/// place of x^2.
///
/// False, with nothing said about `out`, when a float is infinite or not a number, or when the
/// method is neither of these two.
[[nodiscard]] bool quantizeRows(const Format &format, blue::QuantizeMethod method,
                                const float *rows, int64_t count, int64_t k, Rows &out,
                                const float *importance = nullptr);

/// The floats that `rows` stand for, [count, k], into `out`: each is the product of a scale and a
/// difference of integers, rounded once.
void dequantizeRows(const Format &format, const Rows &rows, int64_t count, int64_t k, float *out);

/// `value` rounded to the scales' type, but finite.
float roundScale(const Format &format, float value);

[[nodiscard]] bool allFinite(const float *values, int64_t count);

/// Scale and zero of one group.
struct Group {
  float scale = 0;
  int zero = 0;
};
class GroupQuantizer {
public:
  explicit GroupQuantizer(const Format &format) : format(format) {}

  /// As quantizeRows does a group; `method` is one of its two, all of x is finite.
  Group quantize(blue::QuantizeMethod method, const float *x, int64_t n, int8_t *elements,
                 const float *importance = nullptr);

private:
  void weigh(int64_t n, const float *importance);

  Format format;
  std::vector<float> unit, weights; // of the group, padded with zeros to whole vectors
};

} // namespace bluec::quantize

#endif // BLUEC_COMPILER_WEIGHTS_QUANTIZE_QUANTIZE_H
