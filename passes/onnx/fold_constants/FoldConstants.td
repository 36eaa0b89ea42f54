#ifndef BLUEC_PASSES_MODEL_FOLD_CONSTANTS
#define BLUEC_PASSES_MODEL_FOLD_CONSTANTS

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"fold-constants", "::mlir::func::FuncOp"> {
  let summary = "evaluate what is known at compile time";
  let description = [{
    **What it does.** A node whose operands are constants is run through its plain evaluator and
    becomes an onnx.Constant, and so does a node whose elements follow from shapes (Shape of static
    dims, a length divided by two). A node that moves, converts, scales or offsets an onnx.Weight
    becomes a transform of that weight. Types are inferred again on the way; what is no longer used
    goes away.

    **What must have run before.** The import.

    **What it does not do.** It makes no constant of more than `max-elements` elements, and never
    reads a weight's bytes. A node whose evaluator fails (an index out of range) stays as it is:
    it may be in a branch that never runs.

    **Before and after.** tests/lit/onnx/fold_constants/
  }];
  let options = [
    Option<"maxElements", "max-elements", "int64_t", "4096",
           "elements of the largest constant that folding makes">
  ];
  let statistics = [
    Statistic<"nodesFolded", "nodes-folded", "nodes that became constants">,
    Statistic<"weightsTransformed", "weights-transformed",
              "nodes that became a transform of a weight">
  ];
  let dependentDialects = ["::bluec::blue::BlueDialect", "::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_FOLD_CONSTANTS
