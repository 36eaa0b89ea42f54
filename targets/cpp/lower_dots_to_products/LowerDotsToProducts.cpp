#include "targets/cpp/lower_dots_to_products/LowerDotsToProducts.h"

#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace bluec::targets {

#define GEN_PASS_DEF_LOWERDOTSTOPRODUCTS
#include "targets/cpp/lower_dots_to_products/LowerDotsToProducts.h.inc"

namespace {

/// A number or a vector as i32.
Value widened(ImplicitLocOpBuilder &b, Value value, bool isUnsigned) {
  auto vector = dyn_cast<VectorType>(value.getType());
  if (getElementTypeOrSelf(value).isInteger(32))
    return value;
  if (auto repeated = value.getDefiningOp<vector::BroadcastOp>();
      repeated && !isa<VectorType>(repeated.getSourceType()))
    return vector::BroadcastOp::create(b, vector.clone(b.getI32Type()),
                                       widened(b, repeated.getSource(), isUnsigned));
  Type wide = vector ? Type(vector.clone(b.getI32Type())) : b.getI32Type();
  if (isUnsigned)
    return arith::ExtUIOp::create(b, wide, value);
  return arith::ExtSIOp::create(b, wide, value);
}

struct DotToProduct : OpRewritePattern<kernel::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    if (op.getK() != 1)
      return rewriter.notifyMatchFailure(op, "expected one product a lane");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value product = arith::MulIOp::create(b, widened(b, op.getLhs(), op.getUnsignedLhs()),
                                          widened(b, op.getRhs(), op.getUnsignedRhs()));
    rewriter.replaceOpWithNewOp<arith::AddIOp>(op, op.getAcc(), product);
    return success();
  }
};

class LowerDotsToProductsPass : public impl::LowerDotsToProductsBase<LowerDotsToProductsPass> {
public:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DotToProduct>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace bluec::targets
