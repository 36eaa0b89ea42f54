#ifndef BLUEC_PASSES_MODEL_INFER_SHAPES
#define BLUEC_PASSES_MODEL_INFER_SHAPES

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"infer-shapes", "::mlir::func::FuncOp"> {
  let summary = "infer element types and symbolic dims of onnx graphs";
  let description = [{
    **What it does.** Walks the graph in order and gives every value its element type and a dim
    expression for each dim (`#onnx.dims` over the names in the function's `onnx.symbols`). Small
    integer tensors are followed by value, so that shapes that the graph computes from shapes are
    known. A node that no input could satisfy is an error at the node.

    **What must have run before.** Nothing: the importer infers as it reads. This pass is for graphs
    that were changed or written by hand; only the argument types count.

    **What it does not do.** It replaces nothing: see fold-constants. Dims that cannot be inferred
    become new symbols, named after their node.

    **Before and after.** tests/lit/onnx/infer_shapes/
  }];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_INFER_SHAPES
