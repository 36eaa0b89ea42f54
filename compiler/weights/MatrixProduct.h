// Products of weights, where a linear layer has been folded into the one behind it. Sums are the
// same on every machine: products of two floats are exact in double, and they are added in order.
#ifndef BLUEC_COMPILER_WEIGHTS_MATRIXPRODUCT_H
#define BLUEC_COMPILER_WEIGHTS_MATRIXPRODUCT_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace bluec {

/// out = left * right: [rows, width] of left [rows, depth] and right [depth, width], row-major.
/// Element (n, k) is the sum over m, in order, of left[n, m] * right[m, k] in double, rounded to
/// f32. `readRight(begin, end, to)` gives rows of right, a few at a time and each of them once.
void multiplyMatrices(const float *left, int64_t rows, int64_t depth, int64_t width,
                      llvm::function_ref<void(int64_t begin, int64_t end, float *to)> readRight,
                      float *out);

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_MATRIXPRODUCT_H
