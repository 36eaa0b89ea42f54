// How far the logits of a quantized model are from the float model's.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_LOGITERRORS_H
#define BLUEC_COMPILER_DRIVER_COMPILE_LOGITERRORS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace bluec {

/// The Kullback-Leibler divergence of softmax(found) from softmax(expected) in nats, at least 0.
/// Infinite when something is not finite. Both have one length, at least 1.
double divergence(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found);

/// The index of the largest logit, the first one of several.
int64_t likeliest(llvm::ArrayRef<float> logits);

/// Sums over rows of logits.
struct LogitErrors {
  int64_t rows = 0;
  double sum = 0, largest = 0; // divergences, nats
  int64_t agreeing = 0;        // rows with the same likeliest token

  void add(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found);
  double mean() const { return rows > 0 ? sum / static_cast<double>(rows) : 0; }
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_LOGITERRORS_H
