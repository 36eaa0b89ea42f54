// The `plan` dialect; its purpose is in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
#define BLUEC_COMPILER_DIALECT_PLAN_PLAN_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/BuiltinOps.h"
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
inline constexpr llvm::StringLiteral kSegmentsAttr = "plan.segments";          // [#plan.segment]
inline constexpr llvm::StringLiteral kCacheBytesAttr = "plan.cache_bytes";     // i64
inline constexpr llvm::StringLiteral kPeakBytesAttr =
    "plan.peak_bytes"; // i64: the most that is resident at a time

/// [[i64]]: for each number of tiles below the batch, from 1, the capacities of the calls that
/// encode them, in order; all but the last are filled.
inline constexpr llvm::StringLiteral kEncodeCallsAttr = "plan.encode_calls";

inline constexpr llvm::StringLiteral kMachineAttr =
    "plan.machine"; // string: name of the machine that steps were placed for

/// Bytes; of every tensor in an arena, of weights and of caches (BLUEC_ALIGNMENT of the ABI).
inline constexpr int64_t kAlignment = 64;
/// Bytes; of segments in weights.bin.
inline constexpr int64_t kPageBytes = 4096;

/// Bytes of a static tensor: what its layout says (Layouts.h), else those of its elements without
/// padding.
int64_t denseBytes(mlir::RankedTensorType type);
/// Values in one lane of positions of packed keys: one vector of f32.
int64_t keyLanes(TargetAttr target);
/// Rows side by side in a panel: two vectors of f32.
int64_t panelRows(TargetAttr target);
/// [N, K] in panels of `rows` rows: [ceil(N / rows), K, rows].
mlir::RankedTensorType panelsOf(mlir::RankedTensorType type, int64_t rows);
/// What `value` of a step ends in when it holds the last valid row of a blue value only, a blue
/// value as quantized rows, or one that blue does not have.
inline constexpr llvm::StringLiteral kLastRowSuffix = "/last_row";
inline constexpr llvm::StringLiteral kQuantizedSuffix = "/quantized";
inline constexpr llvm::StringLiteral kIm2colSuffix = "/im2col";
inline constexpr llvm::StringLiteral kPackKeysSuffix = "/pack_keys";
inline constexpr llvm::StringLiteral kPackValuesSuffix = "/pack_values";
/// Whole encoders and their stages.
bool isEncoder(EntryKind kind);
/// The module's plan.encode_calls; nullopt when there are none or they are of another type.
std::optional<llvm::SmallVector<llvm::ArrayRef<int64_t>>> encodeCallsOf(mlir::ModuleOp module);
/// True for the ops that may stand in the elementwise chain at the end of a step.
bool isElementwise(mlir::Operation *op);
/// The module's plan.target, or null with an error on the module.
TargetAttr requireTarget(mlir::ModuleOp module);

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
