include "mlir/Pass/PassBase.td"

def LowerDotsToNeon : Pass<"lower-dots-to-neon", "::mlir::ModuleOp"> {
  let summary = "kernel.dot and kernel.mma as instructions of NEON";
  let description = [{
    What it does: replaces kernel.dot by a call of LLVM's intrinsic where its vectors have 128 bits
    and its types are those of an instruction: four products of bytes, both with a sign (sdot) or
    both without (udot). kernel.mma of 2 x 8 by 8 x 2 bytes becomes one smmla or ummla a tile. It is
    for levels that have those: facts without #plan.mma bring no kernel.mma.

    What must have run before: lower-steps-to-kernels.

    What it does not do: other dots stay, for expand-kernel-ops. Of those, LLVM makes one smlal of
    the product of two words in each lane, its sign extensions and the sum.

    Before/after: tests/lit/targets/lower_dots_to_neon/.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}
