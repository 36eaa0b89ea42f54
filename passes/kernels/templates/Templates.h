// The templates: each writes the body of a StepKernel and sets its number of tasks.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H

#include "compiler/dialect/plan/Layouts.h"
#include "passes/kernels/templates/StepKernel.h"

#include "mlir/Support/LLVM.h"

namespace bluec::kernels {

/// Writes the kernel's body. Fails with an error on the step for a shape or op that no template
/// covers.
llvm::LogicalResult emitKernel(StepKernel &kernel);

/// Fails with an error on a plan.quantize that no template carries out.
llvm::LogicalResult checkQuantize(StepKernel &kernel);

// By family; a task is what stands behind each.
llvm::LogicalResult emitLinear(StepKernel &kernel, plan::LinearOp op); // panel x block of rows
llvm::LogicalResult emitQuantizedLinear(StepKernel &kernel, plan::LinearOp op);    // the same
llvm::LogicalResult emitExpertLinear(StepKernel &kernel, plan::ExpertLinearOp op); // panel
llvm::LogicalResult emitQuantizedExpertLinear(StepKernel &kernel,
                                              plan::ExpertLinearOp op);      // the same
llvm::LogicalResult emitRoute(StepKernel &kernel, blue::RouteOp op);         // row
llvm::LogicalResult emitRmsNorm(StepKernel &kernel, blue::RmsNormOp op);     // row
llvm::LogicalResult emitLayerNorm(StepKernel &kernel, blue::LayerNormOp op); // row
llvm::LogicalResult emitElementwise(StepKernel &kernel);                     // row
llvm::LogicalResult emitEmbedding(StepKernel &kernel, plan::EmbeddingOp op); // row
llvm::LogicalResult emitRowCopy(StepKernel &kernel);                         // row
llvm::LogicalResult emitPositionEmbedding(StepKernel &kernel,
                                          blue::PositionEmbeddingOp op);           // row
llvm::LogicalResult emitRope(StepKernel &kernel, blue::RopeOp op);                 // row
llvm::LogicalResult emitAppendKeys(StepKernel &kernel, plan::AppendKeysOp op);     // row
llvm::LogicalResult emitAppendValues(StepKernel &kernel, plan::AppendValuesOp op); // row
llvm::LogicalResult emitPackKeys(StepKernel &kernel, plan::PackKeysOp op);   // batch, head, block
llvm::LogicalResult emitAttention(StepKernel &kernel, plan::AttentionOp op); // batch, head(s), rows
// The same for a quantized cache.
llvm::LogicalResult emitAppendQuantizedKeys(StepKernel &kernel, plan::AppendKeysOp op);
llvm::LogicalResult emitAppendQuantizedValues(StepKernel &kernel,
                                              plan::AppendValuesOp op); // positions of a word
// The same for an encoder's quantized keys and values.
llvm::LogicalResult emitPackQuantizedKeys(StepKernel &kernel, plan::PackKeysOp op);
llvm::LogicalResult emitPackValues(StepKernel &kernel, plan::PackValuesOp op); // as pack_keys
llvm::LogicalResult emitQuantizedAttention(StepKernel &kernel, plan::AttentionOp op);
llvm::LogicalResult emitIm2col(StepKernel &kernel, plan::Im2colOp op);                   // patch
llvm::LogicalResult emitTokenDownsample(StepKernel &kernel, blue::TokenDownsampleOp op); // row
llvm::LogicalResult emitTokenPool(StepKernel &kernel, blue::TokenPoolOp op);             // row
llvm::LogicalResult emitTokenSlice(StepKernel &kernel, blue::TokenSliceOp op);           // row
llvm::LogicalResult emitTokenPrepend(StepKernel &kernel, blue::TokenPrependOp op);       // row

/// Fails with an error on `op` for words that a vector of this target does not hold.
llvm::LogicalResult checkWords(StepKernel &kernel, mlir::Operation *op,
                               const plan::CacheLayout &layout);
/// Where `cache`, an operand of plan.append_keys or append_values, has a position.
mlir::Value placeInCache(KernelBuilder &b, mlir::Value position, mlir::Value cache, bool isRing);
/// Stores columns of a head of one token's keys at a place of the cache. Used by rope and
/// append_keys.
void storeKeyRow(StepKernel &kernel, mlir::Value cache, mlir::Value place, mlir::Value head,
                 Columns at, mlir::Value vector);
/// Quantizes and appends one head of one token, whose dims `load` gives. Used by the same.
void storeQuantizedKey(StepKernel &kernel, const plan::CacheLayout &layout, mlir::Value cache,
                       mlir::Value place, mlir::Value head,
                       llvm::function_ref<mlir::Value(Columns)> load);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H
