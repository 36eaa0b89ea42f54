#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE

include "mlir/Pass/PassBase.td"

def OnnxToBlue : Pass<"onnx-to-blue", "::mlir::ModuleOp"> {
  let summary = "raise graphs of ONNX nodes to the layers that they are made of";
  let description = [{
    **What it does.** Every function with a `blue.role` that holds onnx ops becomes a function of blue
    ops with the signature of its role (see compiler/dialect/blue/README.md): the batch of a decoder
    goes away, masks go away, positions become an index argument
    (those on axes a tensor [T, 3] behind it), half-precision graphs compute in
    f32 with their weights converted where they are read. The arithmetic of a layer is matched by
    structure; masks, rotary tables and moves of data by what they compute, at several lengths up to
    the context, with the plain evaluators. Tables are made for `context` positions.

    **What must have run before.** Shape inference with symbolic dims; every tensor type is ranked.
    Folded constants and common subexpressions make it faster, not more able.

    **What it does not do.** It approximates nothing: a mask that is not causal, or a node that is in
    no layer, is left as it is. A function with such nodes keeps all its onnx ops, those nodes carry
    the reason as `blue.unraised`, and verify-model reports them.

    **Before and after.** tests/lit/conversions/onnx_to_blue/
  }];
  let options = [
    Option<"context", "context", "int64_t", "2048",
           "positions that rotary tables cover and masks are checked for">,
    Option<"modelDirectory", "model-directory", "std::string", "\"\"",
           "the directory that weights' files are relative to, for tables kept as weights">
  ];
  let statistics = [
    Statistic<"layersRaised", "layers-raised", "blue ops made, without weights and constants">,
    Statistic<"nodesRaised", "nodes-raised", "onnx ops that became part of a layer or went away">
  ];
  let dependentDialects = ["::bluec::blue::BlueDialect", "::mlir::func::FuncDialect"];
}

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE
