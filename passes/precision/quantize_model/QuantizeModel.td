#ifndef BLUEC_PASSES_PRECISION_QUANTIZE_MODEL
#define BLUEC_PASSES_PRECISION_QUANTIZE_MODEL

include "mlir/Pass/PassBase.td"

def QuantizeModel : Pass<"quantize-model", "::mlir::ModuleOp"> {
  let summary = "give a model the types that a precision recipe says";
  let description = [{
    **What it does.** Asks the recipe about every layer, by name (see compiler/recipe).
    Weights of linear layers and tables of embeddings become integers: `#blue.quantize<type, method>`
    joins their transforms, after a conversion to f32 where they are narrower. The input of a linear
    layer goes through a blue.quantize, one for all layers that read the same value in the same type
    (query, key and value; gate and up). A linear layer that makes the logits of a blue.route is a
    `router` to the recipe. Pasts and presents of attention become i8 with a scale for
    each token and head, which changes the function's signature, and attention gets a
    `compute_type`; attention without a past gets one if the recipe says integers. Where a
    blue.token_downsample makes the input, its tokens are quantized before they are gathered, each by
    itself, and groups of both operands become divisors of a token's elements. Weights of the same
    source get one type, that of the linear layer, so that a
    table which is tied to the logits is stored once.

    **What must have run before.** Raising to `blue`. Static activation types need `blue.input_max`
    on each such blue.linear, a float attribute that a calibration run puts there; `gptq` needs the
    option `calibrated`, with which whoever runs the pass promises the statistics.

    **What it does not do.** It reads no weight and computes no integer: the stream that writes
    weights.bin does. Weights that the model has quantized already keep their type and values,
    whatever the recipe says; weights that the compiler computed (blue.constant), patch embeddings,
    norms, biases and rotary tables stay floats. A blue.expert_linear is a linear layer here, but without
    statistics of its own: `gptq` and static activations are errors there. A rule that matches no layer and is not
    optional, a type that the target or the layer cannot have, and integers that meet floats are errors.

    **Before and after.** tests/lit/precision/quantize_model/
  }];
  let options = [
    Option<"recipe", "recipe", "std::string", /*default=*/"\"bluelm-v\"",
           "name of a shipped recipe, or a file">,
    Option<"calibrated", "calibrated", "bool", /*default=*/"false",
           "whether there are statistics for the method gptq">
  ];
  let statistics = [
    Statistic<"weightsI4", "weights-i4", "weights that became i4">,
    Statistic<"weightsI8", "weights-i8", "weights that became i8">,
    Statistic<"weightsF16", "weights-f16", "weights that became f16">,
    Statistic<"weightsKept", "weights-kept", "weights that were quantized already">,
    Statistic<"weightsFloat", "weights-float", "weights of linear layers and tables left as floats">,
    Statistic<"weightsTied", "weights-tied", "tables that took the type of a linear layer">,
    Statistic<"bytesBefore", "bytes-before", "bytes of the weights that were quantized, in the model">,
    Statistic<"bytesAfter", "bytes-after", "bytes of their integers, scales and zeros">,
    Statistic<"inputsQuantized", "inputs-quantized", "activations that are quantized">,
    Statistic<"inputsShared", "inputs-shared", "linear layers that read those of another one">,
    Statistic<"inputsGathered", "inputs-gathered", "of downsampled tokens, quantized token by token">,
    Statistic<"cachesQuantized", "caches-quantized", "attention layers with a quantized cache">,
    Statistic<"attentionsQuantized", "attentions-quantized",
              "attention layers without a cache whose products are of integers">
  ];
  let dependentDialects = ["::bluec::blue::BlueDialect", "::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_PRECISION_QUANTIZE_MODEL
