#include "passes/kernels/expand_kernel_ops/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace {

/// exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2, |r| <= 0.347, where the first
/// eight terms of the series leave 5e-9.
struct ExpandExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "expected a vector of f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto intType = VectorType::get(type.getShape(), b.getI32Type());
    auto splat = [&](float value) -> Value {
      return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
    };
    auto fma = [&](Value x, Value y, Value z) -> Value { return math::FmaOp::create(b, x, y, z); };
    Value x = op.getOperand();
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    Value magic = splat(12582912.0f);
    Value shifted = fma(x, splat(1.44269504f), magic);
    Value n = arith::SubFOp::create(b, shifted, magic);
    // ln 2 in two parts; n times the first is exact.
    Value r = fma(n, splat(-0.693359375f), x);
    r = fma(n, splat(2.12194440e-4f), r);
    Value sum = splat(1.0f / 5040);
    for (float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
      sum = fma(sum, r, splat(term));
    // Times 2^n: n is added to the exponent.
    Value bits = arith::BitcastOp::create(b, intType, shifted);
    Value places = arith::ConstantOp::create(b, DenseElementsAttr::get(intType, int32_t{23}));
    Value exponent = arith::ShLIOp::create(b, bits, places);
    Value sumBits = arith::BitcastOp::create(b, intType, sum);
    Value result =
        arith::BitcastOp::create(b, type, arith::AddIOp::create(b, sumBits, exponent).getResult());
    Value tooSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, splat(-87.33654f));
    Value tooLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, splat(88.72283f));
    result = arith::SelectOp::create(b, tooSmall, splat(0), result);
    result =
        arith::SelectOp::create(b, tooLarge, splat(std::numeric_limits<float>::infinity()), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void bluec::kernels::populateExpandMathPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandExp>(patterns.getContext());
  populatePolynomialApproximateTanhPattern(patterns);
  populatePolynomialApproximateErfPattern(patterns);
}
