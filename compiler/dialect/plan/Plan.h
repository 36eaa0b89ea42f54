// The `plan` dialect; what it is for stands in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
#define BLUEC_COMPILER_DIALECT_PLAN_PLAN_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/SymbolTable.h"

#include "compiler/dialect/plan/PlanDialect.h.inc"

#include "compiler/dialect/plan/PlanEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/plan/PlanAttrs.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/plan/PlanOps.h.inc"

namespace bluec::plan {

/// Attributes on the module.
inline constexpr llvm::StringLiteral kTargetAttr = "plan.target";              // #plan.target
inline constexpr llvm::StringLiteral kContextAttr = "plan.context";            // i64, tokens
inline constexpr llvm::StringLiteral kWeightsBytesAttr = "plan.weights_bytes"; // i64
inline constexpr llvm::StringLiteral kCacheBytesAttr = "plan.cache_bytes";     // i64

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
