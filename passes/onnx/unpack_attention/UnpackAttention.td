#ifndef BLUEC_PASSES_MODEL_UNPACK_ATTENTION
#define BLUEC_PASSES_MODEL_UNPACK_ATTENTION

include "mlir/Pass/PassBase.td"

def UnpackAttention : Pass<"unpack-attention", "::mlir::func::FuncOp"> {
  let summary = "split com.microsoft Attention into projections and MultiHeadAttention";
  let description = [{
    **What it does.** onnxruntime's fusion for encoders puts the projections to query, key and value
    into the attention node, with one weight for the three. Here each gets its own MatMul (and Add
    of a bias) over a slice of that weight, and attention itself becomes MultiHeadAttention, so that
    what follows has one form to know.

    **What must have run before.** The import. fold-constants, later, makes the slices transforms of
    the weight.

    **What it does not do.** It leaves packed activations (GroupQueryAttention with one operand) as
    they are.

    **Before and after.** tests/lit/onnx/unpack_attention/
  }];
  let statistics = [
    Statistic<"nodesUnpacked", "nodes-unpacked", "Attention nodes split">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_UNPACK_ATTENTION
