include "mlir/Pass/PassBase.td"

def LowerStepsToKernels : Pass<"lower-steps-to-kernels", "::mlir::ModuleOp"> {
  let summary = "generate a kernel for every step";
  let description = [{
    What it does: replaces every plan.step by a plan.launch of a func.func with loops and vectors
    (scf, memref, vector, arith, math, kernel), generated for the step's shapes and the facts in
    plan.target. Steps that compute the same on the same shapes share one function.

    What must have run before: nothing beyond a valid `plan`; offsets are carried over if they are
    there.

    What it does not do: it gives no addresses to buffers, and makes no entry functions (see
    targets/); it does not look at the target's name.

    Before/after: tests/lit/kernels/lower_steps_to_kernels/rms_norm.mlir.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::bluec::kernel::KernelDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"numSteps", "steps", "steps that became launches">,
    Statistic<"numKernels", "kernels", "functions that were generated for them">
  ];
}
