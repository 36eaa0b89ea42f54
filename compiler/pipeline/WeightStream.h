// The bytes of a plan.weight as kernels read them, a piece at a time.
#ifndef BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H
#define BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H

#include "compiler/dialect/plan/Plan.h"
#include "compiler/support/WeightReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace bluec {

/// Gets the bytes of a weight in order. False ends the stream, which is no error.
using WeightSink = llvm::function_ref<bool(llvm::ArrayRef<char> bytes)>;

/// Bytes that are packed at a time.
inline constexpr int64_t kPieceBytes = int64_t{4} << 20;

/// Reads `weight` through its transforms, packs it, and hands `weight.getPackedBytes()` bytes to
/// `sink`, in pieces of about `pieceBytes` (at least one row, or one panel). Pages of the file that
/// have been read leave memory again, so that a model need not fit into it. Errors stand at the
/// weight.
mlir::LogicalResult streamWeight(plan::WeightOp weight, WeightReader &reader, WeightSink sink,
                                 int64_t pieceBytes = kPieceBytes);

/// [N, K] rows begin .. begin + count of a tensor, in panels of `panelRows` rows side by side:
/// out[panel][k][r] = rows[panel * panelRows + r][k], zero for rows past `count`. Appends to `out`.
void packPanels(llvm::ArrayRef<float> rows, int64_t count, int64_t k, int64_t panelRows,
                std::vector<float> &out);

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_WEIGHTSTREAM_H
