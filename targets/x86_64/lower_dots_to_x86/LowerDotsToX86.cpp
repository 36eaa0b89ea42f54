#include "targets/x86_64/lower_dots_to_x86/LowerDotsToX86.h"

#include "compiler/dialect/kernel/Kernel.h"
#include "targets/llvm/Intrinsics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace bluec::targets {

#define GEN_PASS_DEF_LOWERDOTSTOX86
#include "targets/x86_64/lower_dots_to_x86/LowerDotsToX86.h.inc"

namespace {

/// Whether an instruction has the types: four products of unsigned by signed bytes, or two of
/// signed words, in vectors of `bits`.
bool hasTypes(kernel::DotOp op, int64_t bits) {
  if (op.getAcc().getType().getDimSize(0) * 32 != bits || op.getUnsignedRhs())
    return false;
  Type element = op.getLhs().getType().getElementType();
  return op.getUnsignedLhs() ? op.getK() == 4 && element.isInteger(8)
                             : op.getK() == 2 && element.isInteger(16);
}

/// One instruction.
struct DotToVnni : OpRewritePattern<kernel::DotOp> {
  DotToVnni(MLIRContext *context, int64_t bits) : OpRewritePattern(context), bits(bits) {}

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    if (!hasTypes(op, bits))
      return rewriter.notifyMatchFailure(op, "expected types and width of an instruction");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    std::string name = op.getK() == 4 ? "llvm.x86.avx512.vpdpbusd." : "llvm.x86.avx512.vpdpwssd.";
    rewriter.replaceOp(op, callIntrinsic(b, op.getAcc().getType(), name + std::to_string(bits),
                                         {op.getAcc(), op.getLhs(), op.getRhs()}));
    return success();
  }

  int64_t bits;
};

/// Sums of pairs for 8 lanes of i32.
struct DotToAvx2 : OpRewritePattern<kernel::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::DotOp op, PatternRewriter &rewriter) const override {
    VectorType type = op.getAcc().getType();
    if (!hasTypes(op, 256))
      return rewriter.notifyMatchFailure(op, "expected types of an instruction, and 256 bits");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto words = VectorType::get(16, b.getI16Type());
    auto splat = [&](int16_t value) -> Value {
      return arith::ConstantOp::create(b, DenseElementsAttr::get(words, value));
    };
    auto pairs = [&](Value lhs, Value rhs) {
      return callIntrinsic(b, type, "llvm.x86.avx2.pmadd.wd", {lhs, rhs});
    };
    Value lhs = op.getLhs(), rhs = op.getRhs(), sum;
    if (op.getK() == 2) {
      sum = pairs(lhs, rhs);
    } else if (op.getLhsBits().value_or(8) <= 7) {
      // 2 * 127 * 128 fits i16.
      Value sums = callIntrinsic(b, words, "llvm.x86.avx2.pmadd.ub.sw", {lhs, rhs});
      sum = pairs(sums, splat(1));
    } else {
      Value left = vector::BitCastOp::create(b, words, lhs);
      Value right = vector::BitCastOp::create(b, words, rhs);
      Value eight = splat(8);
      Value evenLeft = arith::AndIOp::create(b, left, splat(255));
      Value oddLeft = arith::ShRUIOp::create(b, left, eight);
      Value evenRight =
          arith::ShRSIOp::create(b, arith::ShLIOp::create(b, right, eight).getResult(), eight);
      Value oddRight = arith::ShRSIOp::create(b, right, eight);
      sum = arith::AddIOp::create(b, pairs(evenLeft, evenRight), pairs(oddLeft, oddRight));
    }
    rewriter.replaceOpWithNewOp<arith::AddIOp>(op, op.getAcc(), sum);
    return success();
  }
};

class LowerDotsToX86Pass : public impl::LowerDotsToX86Base<LowerDotsToX86Pass> {
public:
  using LowerDotsToX86Base::LowerDotsToX86Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    if (vnniBits > 0)
      patterns.add<DotToVnni>(&getContext(), vnniBits.getValue());
    if (vnniBits != 256)
      patterns.add<DotToAvx2>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace bluec::targets
