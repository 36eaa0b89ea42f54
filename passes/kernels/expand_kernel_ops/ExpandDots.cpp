#include "passes/kernels/expand_kernel_ops/ExpandDots.h"

#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace bluec;

namespace {

/// The elements of one side as i32.
Value widened(ImplicitLocOpBuilder &b, Value side, bool isUnsigned) {
  auto type = cast<VectorType>(side.getType());
  if (type.getElementType().isInteger(32))
    return side;
  auto wide = VectorType::get(type.getShape(), b.getI32Type());
  if (isUnsigned)
    return arith::ExtUIOp::create(b, wide, side);
  return arith::ExtSIOp::create(b, wide, side);
}

Value pick(ImplicitLocOpBuilder &b, Value from, ArrayRef<int64_t> elements) {
  return vector::ShuffleOp::create(b, from, from, elements);
}

struct ExpandDot : OpRewritePattern<kernel::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value products = arith::MulIOp::create(b, widened(b, op.getLhs(), op.getUnsignedLhs()),
                                           widened(b, op.getRhs(), op.getUnsignedRhs()));
    Value sum = op.getAcc();
    int64_t each = static_cast<int64_t>(op.getK()), lanes = op.getAcc().getType().getDimSize(0);
    for (int64_t j = 0; j < each; ++j) {
      SmallVector<int64_t> picked;
      for (int64_t lane = 0; lane < lanes; ++lane)
        picked.push_back(lane * each + j);
      sum = arith::AddIOp::create(b, sum, each == 1 ? products : pick(b, products, picked));
    }
    rewriter.replaceOp(op, sum);
    return success();
  }
};

struct ExpandMma : OpRewritePattern<kernel::MmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::MmaOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value lhs = widened(b, op.getLhs(), op.getUnsignedLhs());
    Value rhs = widened(b, op.getRhs(), op.getUnsignedRhs());
    auto m = static_cast<int64_t>(op.getM()), n = static_cast<int64_t>(op.getN());
    auto k = static_cast<int64_t>(op.getK());
    int64_t sums = op.getAcc().getType().getDimSize(0);
    Value sum = op.getAcc();
    for (int64_t l = 0; l < k; ++l) {
      SmallVector<int64_t> left, right;
      for (int64_t at = 0; at < sums; ++at) {
        int64_t tile = at / (m * n), i = at / n % m, j = at % n;
        left.push_back((tile * m + i) * k + l);
        right.push_back((tile * n + j) * k + l);
      }
      Value products = arith::MulIOp::create(b, pick(b, lhs, left), pick(b, rhs, right));
      sum = arith::AddIOp::create(b, sum, products);
    }
    rewriter.replaceOp(op, sum);
    return success();
  }
};

} // namespace

void kernels::populateExpandDotPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandDot>(patterns.getContext());
}

void kernels::populateExpandMmaPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandMma>(patterns.getContext());
}
