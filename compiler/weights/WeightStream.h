// The bytes of a plan.weight as kernels read them, a piece at a time.
#ifndef BLUEC_COMPILER_WEIGHTS_WEIGHTSTREAM_H
#define BLUEC_COMPILER_WEIGHTS_WEIGHTSTREAM_H

#include "compiler/dialect/plan/Plan.h"
#include "compiler/weights/WeightReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace bluec {

/// Gets the bytes of a weight in order. False ends the stream, which is no error.
using WeightSink = llvm::function_ref<bool(llvm::ArrayRef<char> bytes)>;
/// The same for rows of floats.
using RowSink = llvm::function_ref<bool(llvm::ArrayRef<float> rows)>;

/// Bytes of floats that a piece is made from.
inline constexpr int64_t kPieceBytes = int64_t{4} << 20;

/// Reads `weight` through its transforms, quantizes and packs it, and hands
/// `weight.getPackedBytes()` bytes to `sink`, in pieces of at least one row, or one panel; the same
/// bytes for any `pieceBytes`. Pages of the file that have been read leave memory again, so that a
/// model need not fit into it. Errors stand at the weight: a file that is too short, or a number
/// that is not finite and cannot be quantized. Several threads may stream weights at once.
mlir::LogicalResult streamWeight(plan::WeightOp weight, WeightReader &reader, WeightSink sink,
                                 int64_t pieceBytes = kPieceBytes);

/// What the packed bytes are made from: all rows after the transforms but the quantization.
mlir::LogicalResult streamRows(plan::WeightOp weight, WeightReader &reader, RowSink sink,
                               int64_t pieceBytes = kPieceBytes);

/// The weight's quantization, which is its last transform; null for floats.
blue::QuantizeAttr quantizationOf(plan::WeightOp weight);

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_WEIGHTSTREAM_H
