include "mlir/Pass/PassBase.td"

def LowerDotsToNeon : Pass<"lower-dots-to-neon", "::mlir::ModuleOp"> {
  let summary = "kernel.dot as instructions of NEON";
  let description = [{
    What it does: replaces kernel.dot by a call of LLVM's intrinsic where its vectors have 128 bits
    and its types are those of an instruction: four products of bytes, both with a sign (sdot) or
    both without (udot).

    What must have run before: lower-steps-to-kernels.

    What it does not do: other dots stay, for expand-kernel-ops. Of those, LLVM makes one smlal of
    the product of two words in each lane, its sign extensions and the sum.

    Before/after: tests/lit/targets/lower_dots_to_neon/dots.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}
