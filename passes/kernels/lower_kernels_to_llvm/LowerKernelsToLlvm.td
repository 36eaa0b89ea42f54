include "mlir/Pass/PassBase.td"

def LowerKernelsToLlvm : Pass<"lower-kernels-to-llvm", "::mlir::ModuleOp"> {
  let summary = "turn the generated kernels into llvm functions";
  let description = [{
    What it does: converts every func.func with its loops, memrefs and vectors to an llvm.func of
    internal linkage whose buffers are bare pointers; exp, tanh and erf become polynomials, and what
    the target has left of kernel.dot and kernel.mma becomes arithmetic on i32.

    What must have run before: lower-steps-to-kernels.

    What it does not do: plan.entry and plan.launch stay as they are; entry functions and the
    model's descriptor are made with the object (targets/).

    Before/after: tests/lit/kernels/lower_kernels_to_llvm/exp.mlir and dot.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect",
                           "::mlir::math::MathDialect"];
}
