#include "passes/kernels/expand_kernel_ops/ExpandDots.h"

#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace bluec;

namespace {

struct ExpandDot : OpRewritePattern<kernel::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    VectorType narrow = op.getLhs().getType();
    auto wide = VectorType::get(narrow.getShape(), b.getI32Type());
    Value lhs = narrow.getElementType().isInteger(8)
                    ? arith::ExtUIOp::create(b, wide, op.getLhs()).getResult()
                    : arith::ExtSIOp::create(b, wide, op.getLhs()).getResult();
    Value rhs = arith::ExtSIOp::create(b, wide, op.getRhs());
    Value products = arith::MulIOp::create(b, lhs, rhs);
    Value sum = op.getAcc();
    int64_t each = op.getProducts(), lanes = op.getAcc().getType().getDimSize(0);
    for (int64_t j = 0; j < each; ++j) {
      SmallVector<int64_t> picked;
      for (int64_t lane = 0; lane < lanes; ++lane)
        picked.push_back(lane * each + j);
      sum = arith::AddIOp::create(b, sum, vector::ShuffleOp::create(b, products, products, picked));
    }
    rewriter.replaceOp(op, sum);
    return success();
  }
};

} // namespace

void kernels::populateExpandDotPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandDot>(patterns.getContext());
}
