// The bytes of a plan.weight as kernels read them, a piece at a time.
#ifndef BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H
#define BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H

#include "compiler/dialect/plan/Plan.h"
#include "compiler/support/WeightReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace llvm {
class ThreadPoolInterface;
} // namespace llvm

namespace bluec {

/// Gets the bytes of a weight in order, on the caller's thread. False ends the stream, which is no
/// error.
using WeightSink = llvm::function_ref<bool(llvm::ArrayRef<char> bytes)>;
/// The same for rows of floats.
using RowSink = llvm::function_ref<bool(llvm::ArrayRef<float> rows)>;

struct StreamOptions {
  /// Bytes of floats that a piece is made from; at least one row, or one panel.
  int64_t pieceBytes = int64_t{4} << 20;
  /// Makes pieces while others are in the sink; null: all is done on the caller's thread. A few
  /// pieces are in memory at a time, whatever the number of threads.
  llvm::ThreadPoolInterface *threads = nullptr;
};

/// Reads `weight` through its transforms, quantizes and packs it, and hands
/// `weight.getPackedBytes()` bytes to `sink`. The same bytes for any options. Pages of the file
/// that have been read leave memory again, so that a model need not fit into it. Errors stand at
/// the weight: a file that is too short, or a number that is not finite and cannot be quantized.
mlir::LogicalResult streamWeight(plan::WeightOp weight, WeightReader &reader, WeightSink sink,
                                 const StreamOptions &options = {});

/// What the packed bytes are made from: all rows after the transforms but the quantization.
mlir::LogicalResult streamRows(plan::WeightOp weight, WeightReader &reader, RowSink sink,
                               const StreamOptions &options = {});

/// The weight's quantization, which is its last transform; null for floats.
blue::QuantizeAttr quantizationOf(plan::WeightOp weight);

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H
