// The `blue` dialect; what it is for stands in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_BLUE_BLUE_H
#define BLUEC_COMPILER_DIALECT_BLUE_BLUE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseMap.h"

#include <string>

#include "compiler/dialect/blue/BlueDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/blue/BlueAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/blue/BlueOps.h.inc"

namespace bluec::blue {

/// The attribute on a func.func that says which part of the model it is: one of "vision", "embed"
/// and "decoder".
inline constexpr llvm::StringLiteral kRoleAttr = "blue.role";

/// The type that `transform` (one of the weight transform attributes) makes of `type`, or failure
/// with one line to `emitError` when it does not accept it.
mlir::FailureOr<mlir::RankedTensorType>
inferTransformedType(mlir::RankedTensorType type, mlir::Attribute transform,
                     llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// A readable name for the layer that `op` is: the role of its function, then the path of the ONNX
/// nodes it was raised from (their longest common path when there are several, without the node's
/// own last component and without leading "model" components), then, unless the path already names
/// a module that holds the weight (linear, norms, embeddings), the op's mnemonic:
///   /model/layers.0/mlp/down_proj/MatMul in the decoder -> decoder/layers.0/mlp/down_proj
/// Names are unique within a function: the second op of the same name ends in "_2", and so on.
/// Walks the function; for all ops of a function use `LayerNames`.
std::string layerName(mlir::Operation *op);

/// The layer names of all `blue` ops directly in a function.
class LayerNames {
public:
  explicit LayerNames(mlir::Operation *function);
  /// The name of `op`, empty for an op that is not a `blue` op of the function.
  llvm::StringRef of(mlir::Operation *op) const;

private:
  llvm::DenseMap<mlir::Operation *, std::string> names;
};

} // namespace bluec::blue

#endif // BLUEC_COMPILER_DIALECT_BLUE_BLUE_H
