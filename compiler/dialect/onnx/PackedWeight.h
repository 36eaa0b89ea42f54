// The weights of com.microsoft's quantized nodes: integers of 4 or 8 bits in bytes, blocks of
// columns with a scale each.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_PACKEDWEIGHT_H
#define BLUEC_COMPILER_DIALECT_ONNX_PACKEDWEIGHT_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/IR/Diagnostics.h"

namespace bluec::onnx {

/// A weight [rows, columns] whose rows are cut into blocks; the last block of a row may be shorter.
/// Element [n, k] is scales[n, k / block] * (q[n, k] - zeros[n, k / block]).
struct PackedWeight {
  int64_t rows, columns;
  int64_t bits;  ///< 4 or 8
  int64_t block; ///< columns that share a scale: a power of two, 16 or more, or a whole row's

  int64_t blocks() const { return columns / block + (columns % block != 0); }
  /// Elements that a row takes where blocks are stored whole.
  int64_t paddedColumns() const { return blocks() * block; }
  /// Bytes of `count` elements that stand in bytes of their own.
  int64_t bytesOf(int64_t count) const { return (count * bits + 7) / 8; }
  /// The zero of a node without zero points.
  int64_t middle() const { return int64_t{1} << (bits - 1); }

  /// What MatMulNBits says: rows N, columns K, stored [rows, blocks, block * bits / 8] in bytes;
  /// zero points [rows, bytesOf(blocks)]. One error line when it makes no sense.
  static mlir::FailureOr<PackedWeight> of(MsMatMulNBitsOp op,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

  /// What QMoE says of the weights of `experts`, [rows, columns] each, one after the other. Without
  /// a block_size a row has one scale. A row ends with a byte, and with a block.
  static mlir::FailureOr<PackedWeight> of(MsQMoEOp op, int64_t experts, int64_t rows,
                                          int64_t columns,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

  /// What GatherBlockQuantized says of `data`, [rows, columns] of 4-bit integers or
  /// [rows, bytesOf(columns)] in bytes.
  static mlir::FailureOr<PackedWeight> of(MsGatherBlockQuantizedOp op, llvm::ArrayRef<int64_t> data,
                                          bool inBytes,
                                          llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_PACKEDWEIGHT_H
