include "mlir/Pass/PassBase.td"

def LowerDotsToX86 : Pass<"lower-dots-to-x86", "::mlir::ModuleOp"> {
  let summary = "kernel.dot as instructions of x86-64";
  let description = [{
    What it does: replaces kernel.dot by calls of LLVM's intrinsics where its vectors fill a
    register and its types are those of an instruction: four products of unsigned by signed bytes,
    or two of signed words. Vectors of `vnni-bits` bits (512 with AVX-512 VNNI, 256 with AVX-VNNI):
    vpdpbusd and vpdpwssd, one instruction each. Other vectors of 256 bits: i16 by vpmaddwd and an
    addition; i8 by vpmaddubsw (which sums pairs to i16 and saturates there) and vpmaddwd where
    `lhs_bits` is at most 7, so that nothing saturates, else by two vpmaddwd, of the even bytes and
    of the odd ones.

    What must have run before: lower-steps-to-kernels.

    What it does not do: dots of other widths, signs and numbers of products stay, for
    expand-kernel-ops.

    Before/after: tests/lit/targets/lower_dots_to_x86/dots.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
  let options = [Option<"vnniBits", "vnni-bits", "int64_t", "0",
                        "width of the vectors that vpdpbusd and vpdpwssd take; 0: there are none">];
}
