#ifndef BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS
#define BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS

include "mlir/Pass/PassBase.td"

def FloatActivations : Pass<"float-activations", "::mlir::func::FuncOp"> {
  let summary = "take the quantization of activations out of a graph";
  let description = [{
    **What it does.** A graph that was quantized for onnxruntime rounds its activations, too. Types of
    activations are the recipe's, so these roundings go away and weights stay as they are:

    - a DequantizeLinear of a QuantizeLinear with the same scale and zero point is what was quantized.
      Where the range begins at 0, quantizing also cuts what is below, which quantizers use to leave
      out a Relu: there a Relu stays, unless no value can be below;
    - MatMulInteger of a DynamicQuantizeLinear, cast and multiplied by both scales, is a MatMul of
      floats by a DequantizeLinear of the weight;
    - DequantizeLinear of rows that a Gather reads is a Gather of a DequantizeLinear, where one scale
      serves all rows.

    One warning for each function says at how many places. Types are inferred again.

    **What must have run before.** The import.

    **What it does not do.** Weights remain integers (unpack-quantized makes them weights), and what is
    in none of these forms stays; verify-model names it.

    **Before and after.** tests/lit/onnx/float_activations/
  }];
  let statistics = [
    Statistic<"roundingsRemoved", "roundings-removed", "places where activations were rounded">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS
