// rms_norm and layer_norm: two passes over a row, or over each group of one, which stays in the
// first-level cache.
#include "passes/kernels/templates/Templates.h"

#include <functional>

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

namespace {

/// The rows of a norm, or the groups of rows: `width` columns each.
class NormEmitter {
public:
  NormEmitter(StepKernel &k, Operation *op, Value x)
      : k(k), b(k.b), x(k.buffer(x)), groups(plan::normGroups(op)), width(k.shape().cols / groups) {
    k.tasks = k.validRowsExpr(op->getResult(0).getType());
  }

  /// `makeValue` computes what it needs of a row, and returns what gives its result by columns.
  using ValueOf = std::function<Value(Columns)>;
  void emit(function_ref<ValueOf()> makeValue) {
    b.loop(k.begin, k.end, 1, [&](Value at) {
      row = at;
      if (groups == 1) {
        first = b.index(0);
        ValueOf value = makeValue();
        k.finishRow(row, value);
        return;
      }
      b.loop(b.index(0), b.index(groups), 1, [&](Value group) {
        first = b.mul(group, width);
        ValueOf value = makeValue();
        b.forColumns(width, [&](Columns cols) {
          k.finish(value(cols), row, {b.add(first, cols.col), cols.mask});
        });
      });
    });
  }

  Value load(Columns at) { return b.load(x, {row, b.add(first, at.col)}, at.mask); }
  /// Of a vector that goes on from group to group, or is the same for all.
  Value loadVector(Value vector, Columns at) {
    bool isWhole = cast<MemRefType>(vector.getType()).getDimSize(1) == width * groups;
    Value col = isWhole ? b.add(first, at.col) : at.col;
    return b.load(vector, {b.index(0), col}, at.mask);
  }

  StepKernel &k;
  KernelBuilder &b;
  const Value x;
  const int64_t groups, width;
  Value row, first; // of the group at hand: its row, its first column
};

} // namespace

LogicalResult kernels::emitRmsNorm(StepKernel &k, blue::RmsNormOp op) {
  NormEmitter norm(k, op, op.getX());
  KernelBuilder &b = k.b;
  Value weight = k.buffer(op.getWeight());
  norm.emit([&]() -> NormEmitter::ValueOf {
    Value sum = sumOverRow(b, norm.width, [&](Columns at) {
      Value value = norm.load(at);
      return b.mulf(value, value);
    });
    Value inverse = inverseRoot(b, sum, norm.width, op.getEpsilon());
    return [&norm, &b, weight, inverse](Columns at) {
      return b.mulf(b.mulf(norm.load(at), inverse), norm.loadVector(weight, at));
    };
  });
  return success();
}

LogicalResult kernels::emitLayerNorm(StepKernel &k, blue::LayerNormOp op) {
  NormEmitter norm(k, op, op.getX());
  KernelBuilder &b = k.b;
  Value weight = k.buffer(op.getWeight());
  Value bias = op.getBias() ? k.buffer(op.getBias()) : Value();
  norm.emit([&]() -> NormEmitter::ValueOf {
    Value sum = sumOverRow(b, norm.width, [&](Columns at) { return norm.load(at); });
    Value mean = b.broadcast(b.divf(sum, b.scalar(static_cast<double>(norm.width))));
    auto centred = [&norm, &b, mean](Columns at) { return b.subf(norm.load(at), mean); };
    Value squares = sumOverRow(b, norm.width, [&](Columns at) {
      Value value = centred(at);
      // Lanes past the row are not -mean but nothing.
      if (at.mask)
        value = b.select(at.mask, value, b.splat(0));
      return b.mulf(value, value);
    });
    Value inverse = inverseRoot(b, squares, norm.width, op.getEpsilon());
    return [&norm, &b, weight, bias, centred, inverse](Columns at) {
      Value value = b.mulf(centred(at), inverse);
      Value scale = norm.loadVector(weight, at);
      return bias ? b.fma(value, scale, norm.loadVector(bias, at)) : b.mulf(value, scale);
    };
  });
  return success();
}
