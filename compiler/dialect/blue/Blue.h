// The `blue` dialect; its purpose is in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_BLUE_BLUE_H
#define BLUEC_COMPILER_DIALECT_BLUE_BLUE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
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

#include "compiler/dialect/blue/BlueEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/blue/BlueTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/blue/BlueAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/blue/BlueOps.h.inc"

namespace bluec::blue {

/// The attribute on a func.func that says which part of the model it is: #blue.role.
inline constexpr llvm::StringLiteral kRoleAttr = "blue.role";
/// What it says; nullopt when it is not there or of another type.
std::optional<Role> roleOf(mlir::Operation *function);
void setRole(mlir::Operation *function, Role role);
/// The function of that role; null when the model has no such part.
mlir::func::FuncOp partOf(mlir::ModuleOp model, Role role);

/// On an onnx op that is in no layer: why, as a string. onnx-to-blue sets it, verify-model reads
/// it.
inline constexpr llvm::StringLiteral kUnraisedAttr = "blue.unraised";
/// The reason of a node that no pattern has more to say about.
inline constexpr llvm::StringLiteral kUnknownLayer = "expected a node of a layer that bluec knows";

/// The type that `transform` (one of the weight transform attributes) makes of `type`, or failure
/// with one line to `emitError` when it does not accept it.
mlir::FailureOr<mlir::RankedTensorType>
inferTransformedType(mlir::RankedTensorType type, mlir::Attribute transform,
                     llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// The elements of a blue.token_downsample's result: those of tokens with `channels` elements, side
/// by side. Null when groups of theirs would reach from one token into the next.
mlir::Type gatheredElement(mlir::Type element, int64_t channels);

// clang-format off
/// The path of the module that the nodes of a location came from: `role`, then the longest common
/// path of the ONNX nodes, without each node's own last component and without leading "model"
/// components. A fused location may carry the path itself, as a string: dynamo exports name their
/// nodes after nothing, but tell the module. Nodes that name no path give `role` and the first
/// node's name.
///   /model/layers.0/mlp/down_proj/MatMul in the decoder        -> decoder/layers.0/mlp/down_proj
///   fused<"model.layers.0.mlp.down_proj">["node_linear_6"]     -> decoder/layers.0/mlp/down_proj
// clang-format on
std::string modulePath(mlir::Location location, llvm::StringRef role);

/// A readable name for the layer that `op` is: its module's path and, unless that is the module
/// which holds the op's weight (linear, norms, embeddings), the op's mnemonic. Names are unique
/// within a function: the second op of the same name ends in "_2", and so on. Walks the function;
/// for all ops of a function use `LayerNames`.
std::string layerName(mlir::Operation *op);

/// The layer names of all `blue` ops directly in a function, without those that only hold data
/// (blue.weight, blue.constant).
class LayerNames {
public:
  explicit LayerNames(mlir::Operation *function);
  /// The name of `op`, empty for an op that is no layer of the function.
  llvm::StringRef of(mlir::Operation *op) const;

private:
  llvm::DenseMap<mlir::Operation *, std::string> names;
};

} // namespace bluec::blue

#endif // BLUEC_COMPILER_DIALECT_BLUE_BLUE_H
