// GPTQ: integers that are found column by column, where the errors so far move the next column's
// target, by what a calibration run saw of the layer's inputs.
//
// With H = sum of x * transpose(x) over inputs x, a row w quantized to v costs
// transpose(w - v) * H * (w - v) in the layer's output. With H = R * transpose(R), R upper
// triangular, that is the squared length of transpose(R) * (w - v), whose element i only needs the
// columns up to i:
//   R[i][i] * (t[i] - v[i]),  t[i] = w[i] + sum_{j < i} R[j][i] / R[i][i] * (w[j] - v[j])
// So in order of i, v[i] is t[i] quantized. This is what Frantar et al. (2022) compute, without an
// inverse. A group's scale is searched on its targets when its first column is reached, weighing
// errors of column i by R[i][i]^2.
#ifndef BLUEC_COMPILER_WEIGHTS_QUANTIZE_GPTQ_H
#define BLUEC_COMPILER_WEIGHTS_QUANTIZE_GPTQ_H

#include "compiler/weights/quantize/Quantize.h"

#include <optional>

namespace bluec::quantize {

/// What GPTQ needs of H, [k, k]: k * k floats.
class GptqFactor {
public:
  /// `hessian` is [k, k], row-major, of which the lower triangle is read. `damping` times the mean
  /// of the diagonal is added to it, more where that is not enough. Columns that no input ever
  /// touched are quantized on their own. Nothing when H has an infinity, a NaN or a negative
  /// diagonal, or is too far from positive definite for any damping.
  static std::optional<GptqFactor> of(std::vector<float> hessian, int64_t k, float damping = 0.01f);

  int64_t size() const { return k; }
  /// R[j][i] / R[i][i] for j < i.
  const float *column(int64_t i) const { return columns.data() + i * k; }
  /// R[i][i]^2.
  const std::vector<float> &importance() const { return diagonal; }

private:
  GptqFactor(int64_t k) : k(k) {}
  bool factor(float damping, const std::vector<float> &hessian);

  int64_t k;
  std::vector<float> columns, diagonal;
};

/// Quantizes [count, k] floats with k = factor.size(), as quantizeRows does. False, with nothing
/// said about `out`, when a float is not finite. A row's integers do not depend on the others'.
[[nodiscard]] bool quantizeRowsGptq(const Format &format, const GptqFactor &factor,
                                    const float *rows, int64_t count, int64_t k, Rows &out);

} // namespace bluec::quantize

#endif // BLUEC_COMPILER_WEIGHTS_QUANTIZE_GPTQ_H
