// The nodes between a value and the layers that it comes from: data movement, or a linear map.
//
// A cone is the part of the graph between a value and its roots: the nearest values that are layers
// already, function arguments, or results of ops that a cone does not pass through. The plain
// evaluators run its ops on numbers in place of the roots' elements. So it does not matter which of
// many ways an exporter took to write a transpose, a repeat or a rotation.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_CONE_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_CONE_H

#include "passes/conversions/onnx_to_blue/Probe.h"

namespace bluec::onnx_to_blue {

/// What a cone passes through.
enum class ConeKind {
  Movement, ///< reshape, transpose, slice, concat, pad with zeros, gather, negation, float casts...
  Linear,   ///< also sums, differences and products with values that no activation enters
};

struct Cone {
  mlir::Value value;
  ConeKind kind;
  llvm::SmallVector<mlir::Operation *> ops; ///< in order of evaluation
  llvm::SmallVector<mlir::Value> roots;     ///< in the order in which operands name them
  /// Products with single constants at the value's end of the cone, where every path passes; the
  /// ops are left out of `ops`.
  double factor = 1.0;
};

/// The cone above `value`. `isLayer` says which values are layers already (never `value` itself).
/// With `allowFactor`, products with single constants next to `value` become the cone's factor.
/// Nothing when the cone has more than `kMaxConeOps` ops.
std::optional<Cone> traceCone(mlir::Value value, ConeKind kind, const Dependences &dependences,
                              Probe &probe, llvm::function_ref<bool(mlir::Value)> isLayer,
                              bool allowFactor = false);

/// Ops in a cone, at most: a graph of moves of moves of moves is not searched without end.
inline constexpr size_t kMaxConeOps = 64;

/// The cone's value (without its factor) when its roots have the values `roots`; float tensors of
/// the roots' shapes. Nothing when an op cannot be evaluated.
std::optional<Tensor> evaluateCone(const Cone &cone, Probe &probe, llvm::ArrayRef<Tensor> roots);

/// The value under casts between float types and ops that do nothing.
mlir::Value strip(mlir::Value value);

/// Whether `op` may stand in a cone; `dependences` tells data from indices.
bool isMovement(mlir::Operation *op, const Dependences &dependences);

/// The one element of a value that is the same single number in every call.
std::optional<double> scalarConstant(mlir::Value value, const Dependences &dependences,
                                     Probe &probe);

} // namespace bluec::onnx_to_blue

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_CONE_H
