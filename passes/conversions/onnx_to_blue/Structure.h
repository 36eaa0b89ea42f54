// Small questions about the shape of expressions, for the patterns.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_STRUCTURE_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_STRUCTURE_H

#include "passes/conversions/onnx_to_blue/Raising.h"

namespace bluec::onnx_to_blue {

/// The op that makes `value` under casts, if it is an `OpType`.
template <typename OpType> OpType producer(mlir::Value value) {
  return strip(value).getDefiningOp<OpType>();
}

/// Two values that hold the same: one value under casts, or two ops of one kind on such values.
bool isSame(mlir::Value a, mlir::Value b);

/// A value times a number, with the nodes that multiply.
struct Scaled {
  mlir::Value value;
  double factor = 1;
};

/// Every way to read `value` as a number times a value: itself, and through products with and
/// quotients by single numbers, outermost first.
llvm::SmallVector<Scaled> readAsScaled(Raising &raising, mlir::Value value);

/// Whether `a` is the constant `b` as a graph that computes in `type`'s elements writes it.
bool isNear(double a, double b, mlir::Type type);

/// A product of values and a number.
struct Product {
  llvm::SmallVector<mlir::Value> factors;
  double number = 1;
  llvm::SmallVector<mlir::Operation *> nodes; ///< the last one first
};

/// Flattens products and quotients by numbers, not looking into `stop`.
Product readAsProduct(Raising &raising, mlir::Value value, mlir::Value stop);

/// The operand of a commutative op that is the number `number` in every call is left out: the other
/// one, or null when neither is.
mlir::Value besideNumber(Raising &raising, mlir::Operation *op, double number);

/// [B, channels, rows, columns] holds [B, rows * columns, channels]: the arrangement of a grid of
/// tokens (see Meaning).
std::function<std::optional<Tensor>(Probe &)> gridArrangement(int64_t channels, int64_t rows,
                                                              int64_t columns);

/// The tokens [B, rows * columns, channels] that `value`, [B, channels, rows, columns], holds as a
/// grid, if it does.
std::optional<RowsUse> readGrid(Raising &raising, mlir::Value value);

/// Records a product of pictures' patches with `weight`, [N, K], when `x` is [B, patches, K] of the
/// function's pictures, every element of a patch once in any order of channels, rows and columns,
/// or once for each of several frames that are the same picture. Patches may stand in blocks.
bool recordPatchProduct(Raising &raising, mlir::Operation *op, mlir::Value x, WeightUse weight,
                        std::optional<WeightUse> bias = std::nullopt);

/// Records `op`'s single result as an elementwise layer of `x`.
bool recordElementwise(Raising &raising, llvm::ArrayRef<mlir::Operation *> nodes, mlir::Value x,
                       std::function<mlir::Value(Emitter &, mlir::Location, mlir::Value)> build,
                       Match::Kind kind = Match::Kind::Other);

} // namespace bluec::onnx_to_blue

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_STRUCTURE_H
