#ifndef BLUEC_PASSES_MODEL_UNPACK_QUANTIZED
#define BLUEC_PASSES_MODEL_UNPACK_QUANTIZED

include "mlir/Pass/PassBase.td"

def UnpackQuantized : Pass<"unpack-quantized", "::mlir::func::FuncOp"> {
  let summary = "turn nodes on packed integers into weights that say what they hold";
  let description = [{
    **What it does.** A com.microsoft MatMulNBits becomes a MatMul (and an Add of its bias), a
    GatherBlockQuantized a Gather, a QMoE a MoE, and a DequantizeLinear of a weight goes away. An
    onnx.Weight takes their place: its source is the integers, with their type, and its transform `#blue.dequantize`
    names scales and zeros. No integer, scale or zero is changed, or read.

    **What must have run before.** The import. fold-constants, later, adds transposes and the like to
    the weights' transforms.

    **What it does not do.** DequantizeLinear of what a graph computes (quantized activations) is left
    as it is, and so are nodes whose weights are no initializers; verify-model names them.

    **Before and after.** tests/lit/onnx/unpack_quantized/
  }];
  let statistics = [
    Statistic<"weightsUnpacked", "weights-unpacked", "weights of packed integers">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_UNPACK_QUANTIZED
