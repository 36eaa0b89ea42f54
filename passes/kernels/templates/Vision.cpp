// What only the vision side has: patches as rows; tokens of a grid side by side or as one; some of
// the tokens, or more of them.
#include "passes/kernels/templates/Templates.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

LogicalResult kernels::emitIm2col(StepKernel &k, plan::Im2colOp op) {
  KernelBuilder &b = k.b;
  Value pixels = k.buffer(op.getPixels());
  auto shape = cast<RankedTensorType>(op.getPixels().getType()).getShape();
  int64_t patch = op.getPatch(), block = op.getBlock();
  int64_t channels = shape[1], across = shape[3] / patch, patches = shape[2] / patch * across;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, patches);
    Value within = b.rem(row, patches);
    Value down = b.div(within, across), right = b.rem(within, across);
    if (block > 1) {
      // Of the block, and in it.
      Value number = b.div(within, block * block), part = b.rem(within, block * block);
      down = b.add(b.mul(b.div(number, across / block), block), b.div(part, block));
      right = b.add(b.mul(b.rem(number, across / block), block), b.rem(part, block));
    }
    Value top = b.mul(down, patch), left = b.mul(right, patch);
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
  int64_t down = op.blocksDown(), across = op.blocksAcross();
  int64_t factor = op.getFactor(), parts = op.numParts();
  int64_t channels = rowShape(op.getX().getType()).cols;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, down * across), block = b.rem(row, down * across);
    Value blockRow = op.getTransposed() ? b.rem(block, down) : b.div(block, across);
    Value blockColumn = op.getTransposed() ? b.div(block, down) : b.rem(block, across);
    // The values of token `part` from `channel` on, where they stand in the result.
    auto move = [&](Value part, Value channel, Columns to, Value mask) {
      Value major = b.div(part, factor), minor = b.rem(part, factor);
      Value y = b.add(b.mul(blockRow, factor), op.getColumnMajor() ? minor : major);
      Value col = b.add(b.mul(blockColumn, factor), op.getColumnMajor() ? major : minor);
      Value inside =
          arith::AndIOp::create(b, b.less(y, b.index(height)), b.less(col, b.index(width)));
      // A token of the padding reads the last real one and stores zeros.
      Value clampedY = b.minimum(y, b.index(height - 1));
      Value clampedX = b.minimum(col, b.index(width - 1));
      Value from = b.add(b.mul(picture, height * width), b.add(b.mul(clampedY, width), clampedX));
      Value value = b.load(x, {from, channel}, mask);
      k.finish(b.select(inside, value, b.splat(0)), row, to);
    };
    if (op.getChannelsFirst()) {
      // Neighbours come from as many tokens: one at a time.
      Value single = b.laneMask(b.index(1));
      b.loop(b.index(0), b.index(channels), 1, [&](Value channel) {
        b.loop(b.index(0), b.index(parts), 1, [&](Value part) {
          move(part, channel, {b.add(b.mul(channel, parts), part), single}, single);
        });
      });
      return;
    }
    b.loop(b.index(0), b.index(parts), 1, [&](Value part) {
      b.forColumns(channels, [&](Columns at) {
        move(part, at.col, {b.add(at.col, b.mul(part, channels)), at.mask}, at.mask);
      });
    });
  });
  return success();
}

LogicalResult kernels::emitTokenPool(StepKernel &k, blue::TokenPoolOp op) {
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX());
  int64_t height = op.getHeight(), width = op.getWidth(), factor = op.getFactor();
  int64_t across = width / factor, blocks = (height / factor) * across;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, blocks), block = b.rem(row, blocks);
    Value corner =
        b.add(b.mul(picture, height * width), b.add(b.mul(b.div(block, across), factor * width),
                                                    b.mul(b.rem(block, across), factor)));
    k.finishRow(row, [&](Columns at) {
      Values sum =
          b.loop(b.index(0), b.index(factor * factor), 1, b.splat(0),
                 [&](Value part, ValueRange sums) -> Values {
                   Value from =
                       b.add(corner, b.add(b.mul(b.div(part, factor), width), b.rem(part, factor)));
                   return {b.addf(sums[0], b.load(x, {from, at.col}, at.mask))};
                 });
      return b.divf(sum[0], b.splat(static_cast<double>(factor * factor)));
    });
  });
  return success();
}

LogicalResult kernels::emitTokenSlice(StepKernel &k, blue::TokenSliceOp op) {
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX());
  int64_t tokens = op.getX().getType().getDimSize(1), begin = op.getBegin();
  int64_t count = static_cast<int64_t>(op.getEnd()) - begin;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value from = b.add(b.add(b.mul(b.div(row, count), tokens), b.rem(row, count)), begin);
    k.finishRow(row, [&](Columns at) { return b.load(x, {from, at.col}, at.mask); });
  });
  return success();
}

LogicalResult kernels::emitTokenPrepend(StepKernel &k, blue::TokenPrependOp op) {
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX()), added = k.buffer(op.getTokens());
  int64_t tokens = op.getX().getType().getDimSize(1);
  int64_t count = op.getTokens().getType().getDimSize(0), all = count + tokens;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value picture = b.div(row, all), within = b.rem(row, all);
    auto copy = [&](Value source, Value from) {
      k.finishRow(row, [&](Columns at) { return b.load(source, {from, at.col}, at.mask); });
    };
    b.ifThen(b.less(within, b.index(count)), [&] { copy(added, within); });
    b.ifThen(b.less(b.index(count - 1), within),
             [&] { copy(x, b.add(b.mul(picture, tokens), b.sub(within, b.index(count)))); });
  });
  return success();
}
