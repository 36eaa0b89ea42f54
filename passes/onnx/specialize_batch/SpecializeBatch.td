#ifndef BLUEC_PASSES_MODEL_SPECIALIZE_BATCH
#define BLUEC_PASSES_MODEL_SPECIALIZE_BATCH

include "mlir/Pass/PassBase.td"

def SpecializeBatch : Pass<"specialize-batch", "::mlir::func::FuncOp"> {
  let summary = "set the batch of embeddings and decoders to one";
  let description = [{
    **What it does.** In a function whose `blue.role` is `embed` or `decoder`, the symbol that is the
    first dim of the first argument becomes 1 wherever it stands: a device serves one conversation.
    Types are inferred again.

    **What must have run before.** The import; roles are set.

    **What it does not do.** It leaves vision alone, whose batch is the number of tiles, and removes
    no dim: onnx-to-blue does that.

    **Before and after.** tests/lit/onnx/specialize_batch/
  }];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_SPECIALIZE_BATCH
