// The templates: each writes the body of a StepKernel and sets its number of tasks.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H

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
llvm::LogicalResult emitRmsNorm(StepKernel &kernel, blue::RmsNormOp op);           // row
llvm::LogicalResult emitLayerNorm(StepKernel &kernel, blue::LayerNormOp op);       // row
llvm::LogicalResult emitElementwise(StepKernel &kernel);                           // row
llvm::LogicalResult emitEmbedding(StepKernel &kernel, plan::EmbeddingOp op);       // row
llvm::LogicalResult emitRowCopy(StepKernel &kernel);                               // row
llvm::LogicalResult emitRope(StepKernel &kernel, blue::RopeOp op);                 // row
llvm::LogicalResult emitAppendKeys(StepKernel &kernel, plan::AppendKeysOp op);     // row
llvm::LogicalResult emitAppendValues(StepKernel &kernel, plan::AppendValuesOp op); // row
llvm::LogicalResult emitPackKeys(StepKernel &kernel, plan::PackKeysOp op);   // batch, head, block
llvm::LogicalResult emitAttention(StepKernel &kernel, plan::AttentionOp op); // batch, head(s), rows
llvm::LogicalResult emitIm2col(StepKernel &kernel, plan::Im2colOp op);       // patch
llvm::LogicalResult emitTokenDownsample(StepKernel &kernel, blue::TokenDownsampleOp op); // row

/// Appends the row `keys` (a function from (head, columns of the head) to a vector) of one token.
/// Used by rope and append_keys.
void storeKeyRow(StepKernel &kernel, mlir::Value cache, mlir::Value row, mlir::Value head,
                 Columns at, mlir::Value vector);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_TEMPLATES_H
