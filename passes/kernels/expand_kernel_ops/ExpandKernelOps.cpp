#include "passes/kernels/expand_kernel_ops/ExpandKernelOps.h"

#include "compiler/dialect/kernel/Kernel.h"
#include "passes/kernels/expand_kernel_ops/ExpandDots.h"
#include "passes/kernels/expand_kernel_ops/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_EXPANDKERNELOPS
#include "passes/kernels/expand_kernel_ops/ExpandKernelOps.h.inc"

namespace {

class ExpandKernelOpsPass : public impl::ExpandKernelOpsBase<ExpandKernelOpsPass> {
public:
  using ExpandKernelOpsBase::ExpandKernelOpsBase;
  void runOnOperation() override;
};

} // namespace

void ExpandKernelOpsPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  if (!keepDots)
    populateExpandDotPatterns(patterns);
  populateExpandMmaPatterns(patterns);
  populateExpandMathPatterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  auto count = [](func::FuncOp function) {
    std::pair<unsigned, unsigned> found; // dots, functions
    function.walk([&](Operation *op) {
      found.first += isa<kernel::DotOp, kernel::MmaOp>(op);
      found.second += isa<math::ExpOp, math::TanhOp, math::ErfOp>(op);
    });
    return found;
  };
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    auto [dots, functions] = count(function);
    if (failed(applyPatternsGreedily(function, frozen)))
      return signalPassFailure();
    auto [dotsLeft, functionsLeft] = count(function);
    numDots += dots - dotsLeft;
    numFunctions += functions - functionsLeft;
  }
}

} // namespace bluec::kernels
