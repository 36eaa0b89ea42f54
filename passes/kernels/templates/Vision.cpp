// What only the vision side has: patches as rows, and 2x2 neighbours side by side.
#include "passes/kernels/templates/Templates.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

LogicalResult kernels::emitIm2col(StepKernel &k, plan::Im2colOp op) {
  KernelBuilder &b = k.b;
  Value pixels = k.buffer(op.getPixels());
  auto shape = cast<RankedTensorType>(op.getPixels().getType()).getShape();
  int64_t patch = op.getPatch();
  int64_t channels = shape[1], down = shape[2] / patch, across = shape[3] / patch;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, down * across);
    Value within = b.rem(row, down * across);
    Value top = b.mul(b.div(within, across), patch), left = b.mul(b.rem(within, across), patch);
    b.loop(b.index(0), b.index(channels), 1, [&](Value channel) {
      b.loop(b.index(0), b.index(patch), 1, [&](Value y) {
        Value start = b.add(b.mul(channel, patch * patch), b.mul(y, patch));
        b.forColumns(patch, [&](Columns at) {
          Value from =
              b.load(pixels, {picture, channel, b.add(top, y), b.add(left, at.col)}, at.mask);
          k.finish(from, row, {b.add(start, at.col), at.mask});
        });
      });
    });
  });
  return success();
}

LogicalResult kernels::emitTokenDownsample(StepKernel &k, blue::TokenDownsampleOp op) {
  if (isa<blue::QuantizedType>(op.getX().getType().getElementType()))
    return op.emitError() << "expected tokens of floats, or a linear layer that gathers them "
                             "(fuse-downsampling), found "
                          << op.getX().getType();
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX());
  int64_t height = op.getHeight(), width = op.getWidth();
  int64_t down = llvm::divideCeil(height, 2), across = llvm::divideCeil(width, 2);
  int64_t channels = rowShape(op.getX().getType()).cols;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, down * across);
    Value within = b.rem(row, down * across);
    for (int64_t part = 0; part < 4; ++part) {
      int64_t dy = op.getColumnMajor() ? part % 2 : part / 2;
      int64_t dx = op.getColumnMajor() ? part / 2 : part % 2;
      Value y = b.add(b.mul(b.div(within, across), 2), dy);
      Value col = b.add(b.mul(b.rem(within, across), 2), dx);
      Value inside =
          arith::AndIOp::create(b, b.less(y, b.index(height)), b.less(col, b.index(width)));
      // A token of the padding reads the last real one and stores zeros.
      Value clampedY = b.minimum(y, b.index(height - 1));
      Value clampedX = b.minimum(col, b.index(width - 1));
      Value from = b.add(b.mul(picture, height * width), b.add(b.mul(clampedY, width), clampedX));
      b.forColumns(channels, [&](Columns at) {
        Value value = b.load(x, {from, at.col}, at.mask);
        k.finish(b.select(inside, value, b.splat(0)), row,
                 {b.add(at.col, part * channels), at.mask});
      });
    }
  });
  return success();
}
