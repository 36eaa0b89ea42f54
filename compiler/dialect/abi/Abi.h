// The `abi` dialect; what it is for stands in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_ABI_ABI_H
#define BLUEC_COMPILER_DIALECT_ABI_ABI_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/dialect/abi/AbiDialect.h.inc"

#include "compiler/dialect/abi/AbiEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/abi/AbiTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/abi/AbiAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/abi/AbiOps.h.inc"

namespace bluec::abi {

/// Dims of a tensor of the contract (BLUEC_MAX_RANK of the header).
inline constexpr int64_t kMaxRank = 4;

/// The module's abi.model, or null with an error on the module.
ModelOp requireModel(mlir::ModuleOp module);
/// Where an op of the model stands among those of its kind: what the descriptor says in place of
/// a name. 0 when there are none.
int64_t segmentIndex(ModelOp model, llvm::StringRef name);
int64_t deviceIndex(ModelOp model, llvm::StringRef name);

} // namespace bluec::abi

#endif // BLUEC_COMPILER_DIALECT_ABI_ABI_H
