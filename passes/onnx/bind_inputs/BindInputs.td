#ifndef BLUEC_PASSES_ONNX_BIND_INPUTS
#define BLUEC_PASSES_ONNX_BIND_INPUTS

include "mlir/Pass/PassBase.td"

def BindInputs : Pass<"bind-inputs", "::mlir::func::FuncOp"> {
  let summary = "make constants of a decoder's inputs that have one value in all calls";
  let description = [{
    **What it does.** A decoder's "num_logits_to_keep" (or "logits_to_keep") says how many of the last
    rows get logits, and 0 means all. Here it becomes 0, and the input goes away: which rows get
    logits is decided later, by lower-to-plan. Types are inferred again.

    **What must have run before.** The import; roles are set.

    **What it does not do.** It believes no name: that the logits are those of all rows then is what
    onnx-to-blue checks. An input of that name that is no single integer is an error.

    **Before and after.** tests/lit/onnx/bind_inputs/
  }];
  let statistics = [
    Statistic<"inputsBound", "inputs-bound", "inputs that became constants">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_ONNX_BIND_INPUTS
