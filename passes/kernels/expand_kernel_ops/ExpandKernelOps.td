include "mlir/Pass/PassBase.td"

def ExpandKernelOps : Pass<"expand-kernel-ops", "::mlir::ModuleOp"> {
  let summary = "write out what no target has an instruction for, the same for every form of code";
  let description = [{
    **What it does.** In every func.func, exp, tanh and erf of f32 vectors become polynomials, and what
    the target has left of kernel.dot and kernel.mma becomes extensions, products and sums of i32,
    exactly. What is left is vector, arith, math.fma and the like: each printer of code (LLVM,
    source) writes the same operations, so their results have the same bits. `keep-dots` leaves
    kernel.dot to a printer that has a word for it.

    **What must have run before.** lower-steps-to-kernels, and the target's own lowering of kernel.dot, if it
    has one.

    **What it does not do.** Math ops that are one instruction everywhere stay (fma, sqrt, roundeven).

    **Before and after.** tests/lit/kernels/expand_kernel_ops/
  }];
  let statistics = [
    Statistic<"numDots", "dots", "kernel.dot that became arithmetic">,
    Statistic<"numFunctions", "functions", "exp, tanh and erf that became polynomials">
  ];
  let options = [
    Option<"keepDots", "keep-dots", "bool", "false", "leave kernel.dot as it is">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}
