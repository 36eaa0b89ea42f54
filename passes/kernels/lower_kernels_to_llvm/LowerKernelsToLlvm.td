include "mlir/Pass/PassBase.td"

def LowerKernelsToLlvm : Pass<"lower-kernels-to-llvm", "::mlir::ModuleOp"> {
  let summary = "turn the generated kernels into llvm functions";
  let description = [{
    What it does: converts every func.func with its loops, memrefs and vectors to an llvm.func of
    internal linkage whose buffers are bare pointers and whose index has `pointer-bits`. In entry functions, what
    reads the call becomes loads from struct bluec_call, and abi.run a call of @run_steps, which holds the
    loop that all of them share.

    What must have run before: lower-steps-to-kernels and expand-kernel-ops; lower-entries, where there are
    entry points to lower.

    What it does not do: the descriptor (abi.model) stays as it is, for the printer that lays it out, and so does all of
    `plan`.

    Before/after: tests/lit/kernels/lower_kernels_to_llvm/kernel.mlir and entry.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect",
                           "::mlir::math::MathDialect"];
  let options = [Option<"pointerBits", "pointer-bits", "unsigned", "64",
                        "bits of a pointer, and of an index, of the target">];
}
