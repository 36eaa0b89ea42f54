#include "targets/aarch64/lower_dots_to_neon/LowerDotsToNeon.h"

#include "compiler/dialect/kernel/Kernel.h"
#include "targets/llvm/Intrinsics.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
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

/// Elements [first, first + count) of `low`, then of `high`.
Value pick(ImplicitLocOpBuilder &b, Value low, Value high, int64_t first, int64_t count) {
  return vector::ShuffleOp::create(b, low, high, llvm::to_vector(llvm::seq(first, first + count)));
}

/// A tile of 2 x 2 is a register of sums, and one of two rows of eight bytes is one of factors.
struct MmaToNeon : OpRewritePattern<kernel::MmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::MmaOp op, PatternRewriter &rewriter) const override {
    bool isTile = op.getM() == 2 && op.getN() == 2 && op.getK() == 8 &&
                  op.getLhs().getType().getElementType().isInteger(8);
    if (!isTile || op.getUnsignedLhs() != op.getUnsignedRhs())
      return rewriter.notifyMatchFailure(op, "expected tiles of 2 x 2 of eight bytes of one sign");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    StringRef name = op.getUnsignedLhs() ? "llvm.aarch64.neon.ummla.v4i32.v16i8"
                                         : "llvm.aarch64.neon.smmla.v4i32.v16i8";
    auto sumsType = VectorType::get(4, b.getI32Type());
    int64_t tiles = op.getAcc().getType().getDimSize(0) / 4;
    if (!llvm::isPowerOf2_64(static_cast<uint64_t>(tiles)))
      return rewriter.notifyMatchFailure(op, "expected a power of two of tiles");
    auto part = [&](Value from, int64_t tile, int64_t elements) {
      return pick(b, from, from, tile * elements, elements);
    };
    SmallVector<Value> parts;
    for (int64_t tile = 0; tile < tiles; ++tile)
      parts.push_back(callIntrinsic(
          b, sumsType, name,
          {part(op.getAcc(), tile, 4), part(op.getLhs(), tile, 16), part(op.getRhs(), tile, 16)}));
    for (int64_t sums = 8; parts.size() > 1; sums *= 2) {
      for (size_t i = 0; i < parts.size() / 2; ++i)
        parts[i] = pick(b, parts[2 * i], parts[2 * i + 1], 0, sums);
      parts.resize(parts.size() / 2);
    }
    rewriter.replaceOp(op, parts.front());
    return success();
  }
};

class LowerDotsToNeonPass : public impl::LowerDotsToNeonBase<LowerDotsToNeonPass> {
public:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DotToNeon, MmaToNeon>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace bluec::targets
