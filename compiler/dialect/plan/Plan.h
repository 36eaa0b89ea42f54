// The `plan` dialect; its purpose is in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
#define BLUEC_COMPILER_DIALECT_PLAN_PLAN_H

#include "compiler/dialect/blue/Blue.h"
#include "runtime/abi/bluec_abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include "compiler/dialect/plan/PlanDialect.h.inc"

#include "compiler/dialect/plan/PlanEnums.h.inc"

namespace bluec::plan {
/// Bytes, to which the runtime aligns what it hands over. What a target is aligned to that says
/// nothing else.
inline constexpr int64_t kAbiAlignment = BLUEC_ALIGNMENT;
/// What #plan.tuning is where nothing was measured.
inline constexpr int64_t kUntunedCacheBlock = 128;
inline constexpr int64_t kUntunedPanelVectors = 2;
} // namespace bluec::plan

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
/// i64, of the caches that are rings (plan.cache); absent where none is. What a caller has to know:
/// as long as no position from kRingPositionsAttr on has been written, nothing is lost. From then
/// on a call begins at most kRingBackAttr positions before the furthest one written, or at 0.
inline constexpr llvm::StringLiteral kRingPositionsAttr = "plan.ring_positions";
inline constexpr llvm::StringLiteral kRingBackAttr = "plan.ring_back";
inline constexpr llvm::StringLiteral kPeakBytesAttr =
    "plan.peak_bytes"; // i64: the most that is resident at a time

/// [[i64]]: for each number of tiles below the batch, from 1, the capacities of the calls that
/// encode them, in order; all but the last are filled.
inline constexpr llvm::StringLiteral kEncodeCallsAttr = "plan.encode_calls";

/// String: the target's name; on a module that holds the entries of some of a plan's devices only
/// (extract-section).
inline constexpr llvm::StringLiteral kSectionAttr = "plan.section";

inline constexpr llvm::StringLiteral kMachineAttr =
    "plan.machine"; // string: name of the machine that steps were placed for

/// Bytes; of segments in weights.bin.
inline constexpr int64_t kPageBytes = 4096;

/// Bytes of a static tensor: what its layout says (Layouts.h), else those of its elements without
/// padding.
int64_t denseBytes(mlir::RankedTensorType type);
/// Bytes to which tensors in an arena, weights and caches are aligned: what all of the module's
/// targets are content with, or the ABI where there is none yet.
int64_t alignmentOf(mlir::ModuleOp module);
/// What the entries of a device are compiled for: its plan.device says it, or the module. Null
/// where neither does.
TargetAttr targetOf(mlir::ModuleOp module, llvm::StringRef device);
TargetAttr targetOf(EntryOp entry);
/// Elements of f32 in a vector; so many positions stand side by side in keys of floats.
int64_t lanesOf(TargetAttr target);
/// Rows side by side in a panel.
int64_t panelRows(TargetAttr target);
/// The storage of quantized elements, or the element type itself: what a weight's dot is chosen by.
mlir::Type storageOf(mlir::Type tensor);
/// The dot product by which activations of `storage` (an integer, or a float) are multiplied on
/// `target`: the first of its narrowest that take them, else one product of i32, which every target
/// has. So it is without a target.
DotAttr dotFor(TargetAttr target, mlir::Type storage);
/// The dot of panels for activations of `storage`: with the k of the first #plan.mma of its types
/// that has tiles of two rows and divides a vector, so that words are as long as a tile's rows, or
/// else dotFor's.
DotAttr panelDotFor(TargetAttr target, mlir::Type storage);
/// The product in tiles that panels of `dot` were laid out for; null where one row at a time is
/// multiplied.
MmaAttr mmaFor(TargetAttr target, DotAttr dot);
/// Whether `dot` is one that `target` has, by the choice of one of these or another.
bool hasDot(TargetAttr target, DotAttr dot);
/// The layouts of `target`, for activations of type `dot`.
PanelsAttr panelsFor(TargetAttr target, mlir::Type dot);
RowsAttr rowsFor(TargetAttr target, mlir::RankedTensorType rows, int64_t sums);
KeysAttr keysFor(TargetAttr target, int64_t heads, int64_t block, mlir::Type dot);
ValuesAttr valuesFor(TargetAttr target, int64_t heads, int64_t block, mlir::Type dot);
/// Keys of floats for so many positions of each head: [batch, heads, blocks, D, lanes].
mlir::RankedTensorType floatKeysFor(TargetAttr target, int64_t batch, int64_t heads,
                                    int64_t positions, int64_t headDim, mlir::Type element);
/// Positions side by side in quantized keys and values of `positions` in all that are no cache's.
/// Those of a cache: TuningAttr::getCacheBlock().
int64_t attentionBlock(TargetAttr target, int64_t positions);
/// Element types that a KV cache may have on `target`: f32 where it computes in that, the only
/// floats that kernels read caches of, and i8, for which integers are enough.
llvm::SmallVector<mlir::Type> cacheTypes(TargetAttr target, mlir::MLIRContext *context);
/// [N, K] in panels of `rows` rows: [ceil(N / rows), K, rows].
mlir::RankedTensorType panelsOf(mlir::RankedTensorType type, int64_t rows);
/// What `value` of a step ends in when it holds the last valid row of a blue value only, a blue
/// value as quantized rows, or one that blue does not have.
inline constexpr llvm::StringLiteral kLastRowSuffix = "/last_row";
inline constexpr llvm::StringLiteral kQuantizedSuffix = "/quantized";
inline constexpr llvm::StringLiteral kIm2colSuffix = "/im2col";
inline constexpr llvm::StringLiteral kPackKeysSuffix = "/pack_keys";
inline constexpr llvm::StringLiteral kPackValuesSuffix = "/pack_values";
/// Names of what entries take and give, as the runtime knows them.
inline constexpr llvm::StringLiteral kPixels = BLUEC_PIXELS, kFeatures = BLUEC_FEATURES,
                                     kIds = BLUEC_IDS, kEmbeddings = BLUEC_EMBEDDINGS,
                                     kPositions = BLUEC_POSITIONS, kLogits = BLUEC_LOGITS;
/// The first entry of that role which takes an input of that name; null when there is none.
EntryOp findEntry(mlir::ModuleOp module, Role role, llvm::StringRef takes);
/// The module's plan.encode_calls; nullopt when there are none or they are of another type.
std::optional<llvm::SmallVector<llvm::ArrayRef<int64_t>>> encodeCallsOf(mlir::ModuleOp module);
/// True for the ops that may stand in the elementwise chain at the end of a step.
bool isElementwise(mlir::Operation *op);
/// Groups of a row that `op` makes norms of, one by one; 1 for any other op, or none.
int64_t normGroups(mlir::Operation *op);
/// The module's plan.target, or null with an error on the module.
TargetAttr requireTarget(mlir::ModuleOp module);

} // namespace bluec::plan

#endif // BLUEC_COMPILER_DIALECT_PLAN_PLAN_H
