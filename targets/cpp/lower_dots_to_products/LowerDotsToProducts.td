include "mlir/Pass/PassBase.td"

def LowerDotsToProducts : Pass<"lower-dots-to-products", "::mlir::ModuleOp"> {
  let summary = "kernel.dot with one product a lane as a sum of products";
  let description = [{
    What it does: replaces kernel.dot of one product a lane by `acc + lhs * rhs` on lanes of 32 bits.
    An operand that is one number in all lanes is widened before it is repeated: compilers of C++
    widen vectors of words in several steps.

    What must have run before: lower-steps-to-kernels. CSE behind it merges what several dots widen.

    What it does not do: other dots stay, for expand-kernel-ops.

    Before/after: tests/lit/targets/lower_dots_to_products/dots.mlir.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}
