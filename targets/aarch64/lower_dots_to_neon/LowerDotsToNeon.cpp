#include "targets/aarch64/lower_dots_to_neon/LowerDotsToNeon.h"

#include "compiler/dialect/kernel/Kernel.h"
#include "targets/llvm/Intrinsics.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace bluec::targets {

#define GEN_PASS_DEF_LOWERDOTSTONEON
#include "targets/aarch64/lower_dots_to_neon/LowerDotsToNeon.h.inc"

namespace {

struct DotToNeon : OpRewritePattern<kernel::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    bool isBytes = op.getK() == 4 && op.getLhs().getType().getElementType().isInteger(8) &&
                   op.getAcc().getType().getDimSize(0) == 4;
    if (!isBytes || op.getUnsignedLhs() != op.getUnsignedRhs())
      return rewriter.notifyMatchFailure(op, "expected 16 bytes of one sign, four in each lane");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    StringRef name = op.getUnsignedLhs() ? "llvm.aarch64.neon.udot.v4i32.v16i8"
                                         : "llvm.aarch64.neon.sdot.v4i32.v16i8";
    rewriter.replaceOp(
        op, callIntrinsic(b, op.getAcc().getType(), name, {op.getAcc(), op.getLhs(), op.getRhs()}));
    return success();
  }
};

class LowerDotsToNeonPass : public impl::LowerDotsToNeonBase<LowerDotsToNeonPass> {
public:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DotToNeon>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace bluec::targets
