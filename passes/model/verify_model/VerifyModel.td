#ifndef BLUEC_PASSES_MODEL_VERIFY_MODEL
#define BLUEC_PASSES_MODEL_VERIFY_MODEL

include "mlir/Pass/PassBase.td"

def VerifyModel : Pass<"verify-model", "::mlir::ModuleOp"> {
  let summary = "check that everything was raised: from here on there are only layers";
  let description = [{
    **What it does.** Reports every ONNX node that was not raised, with its name, its type and the
    reason that onnx-to-blue found, one error a node and a last one that counts them. Checks that
    functions hold blue ops only and have the signature of their role as
    compiler/dialect/blue/README.md states it.

    **What must have run before.** onnx-to-blue.

    **What it does not do.** It changes nothing.

    **Before and after.** tests/lit/model/verify_model/
  }];
  let dependentDialects = ["::bluec::blue::BlueDialect"];
}

#endif // BLUEC_PASSES_MODEL_VERIFY_MODEL
