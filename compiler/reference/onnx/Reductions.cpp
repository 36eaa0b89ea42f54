// Evaluators of reductions and softmax. Sums accumulate in double, in index order.
#include "compiler/reference/onnx/Support.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace bluec::reference {
namespace {

enum class Kind { L2, Max, Mean, Min, Product, Sum, SumOfSquares };

bool flag(Operation *op, StringRef name, bool fallback) {
  auto value = op->getAttrOfType<IntegerAttr>(name);
  return value ? value.getInt() != 0 : fallback;
}

template <Kind kind>
Results reduce(Operation *op, Operands operands, const EvaluationLimits &limits) {
  const Tensor &x = *operands[0];
  Shape axes;
  if (has(operands, 1)) {
    FailureOr<ArrayRef<int64_t>> given = integersOf(op, *operands[1]);
    if (failed(given))
      return failure();
    axes.assign(given->begin(), given->end());
  }
  if (axes.empty() && flag(op, "noop_with_empty_axes", false))
    return one(x);
  std::vector<bool> isReduced(x.shape.size(), axes.empty());
  for (int64_t axis : axes) {
    FailureOr<int64_t> at = axisOf(op, axis, x.rank());
    if (failed(at))
      return failure();
    isReduced[static_cast<size_t>(*at)] = true;
  }
  bool keepDims = flag(op, "keepdims", true);
  Shape kept, shape; // with ones for reduced dims, and as the node says
  int64_t reduced = 1;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    kept.push_back(isReduced[i] ? 1 : x.shape[i]);
    reduced *= isReduced[i] ? x.shape[i] : 1;
    if (!isReduced[i] || keepDims)
      shape.push_back(kept.back());
  }
  FailureOr<Tensor> out = make(op, x.type, shape, limits);
  if (failed(out))
    return failure();
  bool isFloat = x.isFloat();
  if (!isFloat && (kind == Kind::L2 || kind == Kind::Mean || kind == Kind::SumOfSquares))
    return fault(op) << "expected floats, found integers";
  if (reduced == 0 && x.type == ElementType::I64 && (kind == Kind::Max || kind == Kind::Min))
    return fault(op) << "expected elements to reduce, found none";
  auto count = static_cast<size_t>(out->numElements());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double start = kind == Kind::Max       ? -kInfinity
                 : kind == Kind::Min     ? kInfinity
                 : kind == Kind::Product ? 1.0
                                         : 0.0;
  std::vector<double> floats(isFloat ? count : 0, start);
  std::vector<uint64_t> integers(isFloat ? 0 : count,
                                 kind == Kind::Product || kind == Kind::Min ? 1 : 0);
  std::vector<bool> isSet(isFloat ? 0 : count, false);
  forEachIndex<1>(x.shape, {broadcastStrides(kept, x.shape)},
                  [&](int64_t i, const std::array<int64_t, 1> &at) {
                    auto to = static_cast<size_t>(at[0]);
                    if (!isFloat) {
                      int64_t value = x.i64[static_cast<size_t>(i)];
                      auto mine = static_cast<int64_t>(integers[to]);
                      if (kind == Kind::Max || kind == Kind::Min) {
                        bool isBetter = kind == Kind::Max ? value > mine : value < mine;
                        if (!isSet[to] || isBetter)
                          integers[to] = static_cast<uint64_t>(value);
                        isSet[to] = true;
                      } else if (kind == Kind::Product) {
                        integers[to] *= static_cast<uint64_t>(value);
                      } else {
                        integers[to] += static_cast<uint64_t>(value);
                      }
                      return;
                    }
                    double value = x.number(i), &mine = floats[to];
                    if (kind == Kind::Max)
                      mine = value != value || value > mine ? value : mine;
                    else if (kind == Kind::Min)
                      mine = value != value || value < mine ? value : mine;
                    else if (kind == Kind::Product)
                      mine *= value;
                    else if (kind == Kind::L2 || kind == Kind::SumOfSquares)
                      mine += value * value;
                    else
                      mine += value;
                  });
  for (size_t i = 0; i < count; ++i) {
    if (!isFloat) {
      out->i64[i] = static_cast<int64_t>(integers[i]);
      continue;
    }
    double value = floats[i];
    if (kind == Kind::Mean)
      value /= static_cast<double>(reduced);
    if (kind == Kind::L2)
      value = std::sqrt(value);
    setFloat(*out, static_cast<int64_t>(i), value);
  }
  return one(std::move(*out));
}

// Splits a shape at an axis: elements before, along and after it.
struct Split {
  int64_t outer = 1, extent = 1, inner = 1;
};
Split splitAt(const Shape &shape, int64_t axis) {
  Split split;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t &part = static_cast<int64_t>(i) < axis    ? split.outer
                    : static_cast<int64_t>(i) == axis ? split.extent
                                                      : split.inner;
    part *= shape[i];
  }
  return split;
}

Results argMax(Operation *op, Operands operands, const EvaluationLimits &limits) {
  auto node = cast<onnx::ArgMaxOp>(op);
  const Tensor &x = *operands[0];
  FailureOr<int64_t> axis = axisOf(op, static_cast<int64_t>(node.getAxis()), x.rank());
  if (failed(axis))
    return failure();
  Split split = splitAt(x.shape, *axis);
  if (split.extent == 0)
    return fault(op) << "expected elements to choose from, found none";
  Shape shape = x.shape;
  if (node.getKeepdims())
    shape[static_cast<size_t>(*axis)] = 1;
  else
    shape.erase(shape.begin() + *axis);
  FailureOr<Tensor> out = make(op, ElementType::I64, shape, limits);
  if (failed(out))
    return failure();
  for (int64_t o = 0; o < split.outer; ++o)
    for (int64_t i = 0; i < split.inner; ++i) {
      int64_t best = 0;
      auto at = [&](int64_t k) { return x.number((o * split.extent + k) * split.inner + i); };
      for (int64_t k = 1; k < split.extent; ++k)
        if (at(k) > at(best) || (node.getSelectLastIndex() && at(k) == at(best)))
          best = k;
      out->i64[static_cast<size_t>(o * split.inner + i)] = best;
    }
  return one(std::move(*out));
}

template <bool isLog> Results softmax(Operation *op, Operands operands, const EvaluationLimits &) {
  const Tensor &x = *operands[0];
  auto attribute = op->getAttrOfType<IntegerAttr>("axis");
  FailureOr<int64_t> axis = axisOf(op, attribute ? attribute.getInt() : -1, x.rank());
  if (failed(axis))
    return failure();
  if (!x.isFloat())
    return fault(op) << "expected floats, found integers";
  Split split = splitAt(x.shape, *axis);
  Tensor out = x;
  for (int64_t o = 0; o < split.outer; ++o)
    for (int64_t i = 0; i < split.inner; ++i) {
      auto at = [&](int64_t k) { return (o * split.extent + k) * split.inner + i; };
      double largest = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t k = 0; k < split.extent; ++k)
        largest = std::max(largest, x.number(at(k)));
      for (int64_t k = 0; k < split.extent; ++k)
        sum += std::exp(x.number(at(k)) - largest);
      for (int64_t k = 0; k < split.extent; ++k) {
        double shifted = x.number(at(k)) - largest;
        setFloat(out, at(k), isLog ? shifted - std::log(sum) : std::exp(shifted) / sum);
      }
    }
  return one(std::move(out));
}

} // namespace

void addReductionEvaluators(EvaluatorTable &table) {
  table["onnx.ReduceL2"] = reduce<Kind::L2>;
  table["onnx.ReduceMax"] = reduce<Kind::Max>;
  table["onnx.ReduceMean"] = reduce<Kind::Mean>;
  table["onnx.ReduceMin"] = reduce<Kind::Min>;
  table["onnx.ReduceProd"] = reduce<Kind::Product>;
  table["onnx.ReduceSum"] = reduce<Kind::Sum>;
  table["onnx.ReduceSumSquare"] = reduce<Kind::SumOfSquares>;
  table["onnx.ArgMax"] = argMax;
  table["onnx.Softmax"] = softmax<false>;
  table["onnx.LogSoftmax"] = softmax<true>;
}

} // namespace bluec::reference
