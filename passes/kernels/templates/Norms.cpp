// rms_norm and layer_norm: two passes over a row, which stays in the first-level cache.
#include "passes/kernels/templates/Templates.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {
/// Independent sums that hide the latency of an addition.
constexpr int64_t kSums = 4;
} // namespace

/// Sum over a row's columns of term(columns): kSums vectors in turn, added pairwise, then by lanes.
static Value sumOverRow(KernelBuilder &b, int64_t width, function_ref<Value(Columns)> term) {
  int64_t stride = kSums * b.facts.lanes;
  int64_t whole = width / stride * stride;
  Values sums(kSums, b.splat(0));
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), stride, sums, [&](Value col, ValueRange carried) {
      Values next;
      for (int64_t i = 0; i < kSums; ++i)
        next.push_back(b.addf(carried[i], term({b.add(col, i * b.facts.lanes), {}})));
      return next;
    });
  for (int64_t i = 0; whole + i * b.facts.lanes < width; ++i)
    sums[i] = b.addf(sums[i], term(b.columns(b.index(whole + i * b.facts.lanes), width)));
  return b.sumLanes(b.addf(b.addf(sums[0], sums[1]), b.addf(sums[2], sums[3])));
}

/// 1 / sqrt(sum / width + epsilon) in all lanes.
static Value inverseRoot(KernelBuilder &b, Value sum, int64_t width, const APFloat &epsilon) {
  Value mean = b.divf(sum, b.scalar(static_cast<double>(width)));
  Value root = b.sqrt(b.addf(mean, b.scalar(epsilon.convertToDouble())));
  return b.broadcast(b.divf(b.scalar(1), root));
}

LogicalResult kernels::emitRmsNorm(StepKernel &k, blue::RmsNormOp op) {
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX()), weight = k.buffer(op.getWeight());
  int64_t width = k.shape().cols;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value sum = sumOverRow(b, width, [&](Columns at) {
      Value value = b.load(x, {row, at.col}, at.mask);
      return b.mulf(value, value);
    });
    Value inverse = inverseRoot(b, sum, width, op.getEpsilon());
    k.finishRow(row, [&](Columns at) {
      Value value = b.mulf(b.load(x, {row, at.col}, at.mask), inverse);
      return b.mulf(value, b.load(weight, {b.index(0), at.col}, at.mask));
    });
  });
  return success();
}

LogicalResult kernels::emitLayerNorm(StepKernel &k, blue::LayerNormOp op) {
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX()), weight = k.buffer(op.getWeight());
  Value bias = op.getBias() ? k.buffer(op.getBias()) : Value();
  int64_t width = k.shape().cols;
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    auto load = [&](Columns at) { return b.load(x, {row, at.col}, at.mask); };
    Value sum = sumOverRow(b, width, load);
    Value mean = b.broadcast(b.divf(sum, b.scalar(static_cast<double>(width))));
    auto centred = [&](Columns at) { return b.subf(load(at), mean); };
    Value squares = sumOverRow(b, width, [&](Columns at) {
      Value value = centred(at);
      // Lanes past the row are not -mean but nothing.
      if (at.mask)
        value = b.select(at.mask, value, b.splat(0));
      return b.mulf(value, value);
    });
    Value inverse = inverseRoot(b, squares, width, op.getEpsilon());
    k.finishRow(row, [&](Columns at) {
      Value value = b.mulf(centred(at), inverse);
      Value scale = b.load(weight, {b.index(0), at.col}, at.mask);
      return bias ? b.fma(value, scale, b.load(bias, {b.index(0), at.col}, at.mask))
                  : b.mulf(value, scale);
    });
  });
  return success();
}
