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

} // namespace bluec::blue

#endif // BLUEC_COMPILER_DIALECT_BLUE_BLUE_H
