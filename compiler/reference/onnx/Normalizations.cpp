// Evaluators of normalisations, standard and com.microsoft. Means accumulate in double.
#include "compiler/reference/onnx/Support.h"

#include <cmath>

using namespace mlir;

namespace bluec::reference {
namespace {

struct NormForm {
  int64_t axis; ///< normalises dims [axis, rank)
  double epsilon;
  bool isCentered; ///< LayerNorm subtracts the mean, RMSNorm does not
};
struct Normalized {
  Tensor result, mean, inverse; ///< 1 / sqrt(variance or mean square + epsilon), one a row
};

FailureOr<Normalized> normalize(Operation *op, const Tensor &x, const Tensor &scale,
                                const Tensor *bias, const NormForm &form) {
  if (!x.isFloat() || !scale.isFloat() || (bias && !bias->isFloat()))
    return fault(op) << "expected floats, found integers";
  ArrayRef<int64_t> tail = ArrayRef(x.shape).drop_front(static_cast<size_t>(form.axis));
  for (const Tensor *weight : {&scale, bias}) {
    if (!weight)
      continue;
    FailureOr<Shape> shape = broadcastShapes(op, tail, weight->shape);
    if (failed(shape))
      return failure();
    if (ArrayRef(*shape) != tail)
      return fault(op) << "expected a scale and bias that broadcast to the normalised dims";
  }
  int64_t width = 1;
  for (int64_t dim : tail)
    width *= dim;
  int64_t rows = width ? x.numElements() / width : 0;
  // Weights are read in the order of the normalised dims.
  auto spread = [&](const Tensor &weight) {
    std::vector<double> values(static_cast<size_t>(width));
    forEachIndex<1>(tail, {broadcastStrides(weight.shape, tail)},
                    [&](int64_t i, const std::array<int64_t, 1> &at) {
                      values[static_cast<size_t>(i)] = weight.number(at[0]);
                    });
    return values;
  };
  std::vector<double> gains = spread(scale), offsets;
  if (bias)
    offsets = spread(*bias);
  Normalized out{x, {}, {}};
  Shape statistics(x.shape);
  for (size_t i = static_cast<size_t>(form.axis); i < statistics.size(); ++i)
    statistics[i] = 1;
  out.mean = out.inverse = Tensor::zeros(ElementType::F32, statistics);
  for (int64_t row = 0; row < rows; ++row) {
    double mean = 0, squares = 0, count = static_cast<double>(width);
    if (form.isCentered) {
      for (int64_t i = 0; i < width; ++i)
        mean += x.number(row * width + i);
      mean /= count;
    }
    for (int64_t i = 0; i < width; ++i) {
      double centered = x.number(row * width + i) - mean;
      squares += centered * centered;
    }
    double inverse = 1.0 / std::sqrt(squares / count + form.epsilon);
    for (int64_t i = 0; i < width; ++i) {
      auto at = static_cast<size_t>(i);
      setFloat(out.result, row * width + i,
               (x.number(row * width + i) - mean) * inverse * gains[at] +
                   (bias ? offsets[at] : 0.0));
    }
    out.mean.f32[static_cast<size_t>(row)] = static_cast<float>(mean);
    out.inverse.f32[static_cast<size_t>(row)] = static_cast<float>(inverse);
  }
  return out;
}

FailureOr<NormForm> formOf(Operation *op, const Tensor &x, bool isCentered) {
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  auto epsilon = op->getAttrOfType<FloatAttr>("epsilon");
  FailureOr<int64_t> at = axisOf(op, axis ? axis.getInt() : -1, x.rank());
  if (failed(at))
    return failure();
  return NormForm{*at, epsilon ? epsilon.getValueAsDouble() : 1e-5, isCentered};
}

template <bool isCentered>
Results normalization(Operation *op, Operands operands, const EvaluationLimits &) {
  FailureOr<NormForm> form = formOf(op, *operands[0], isCentered);
  if (failed(form))
    return failure();
  FailureOr<Normalized> out =
      normalize(op, *operands[0], *operands[1], has(operands, 2) ? operands[2] : nullptr, *form);
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(out->result));
  if (op->getNumResults() == 3) // LayerNormalization
    results.push_back(std::move(out->mean));
  if (op->getNumResults() >= 2)
    results.push_back(std::move(out->inverse));
  return results;
}

// Adds skip and bias to x, then normalises the last dim.
template <bool isCentered>
Results skipNormalization(Operation *op, Operands operands, const EvaluationLimits &) {
  Tensor sum = *operands[0];
  const Tensor *bias = has(operands, isCentered ? 4 : 3) ? operands[isCentered ? 4 : 3] : nullptr;
  for (const Tensor *term : {operands[1], bias}) {
    if (!term)
      continue;
    FailureOr<Shape> shape = broadcastShapes(op, sum.shape, term->shape);
    if (failed(shape))
      return failure();
    if (*shape != sum.shape || !sum.isFloat() || term->type != sum.type)
      return fault(op) << "expected floats that broadcast to the input";
    forEachIndex<1>(sum.shape, {broadcastStrides(term->shape, sum.shape)},
                    [&](int64_t i, const std::array<int64_t, 1> &at) {
                      setFloat(sum, i, sum.number(i) + term->number(at[0]));
                    });
  }
  FailureOr<NormForm> form = formOf(op, sum, isCentered);
  if (failed(form))
    return failure();
  FailureOr<Normalized> out = normalize(
      op, sum, *operands[2], isCentered && has(operands, 3) ? operands[3] : nullptr, *form);
  if (failed(out))
    return failure();
  SmallVector<Tensor> results;
  results.push_back(std::move(out->result));
  results.push_back(std::move(out->mean));
  results.push_back(std::move(out->inverse));
  results.push_back(std::move(sum));
  return results;
}

} // namespace

void addNormalizationEvaluators(EvaluatorTable &table) {
  table["onnx.LayerNormalization"] = normalization<true>;
  table["onnx.RMSNormalization"] = normalization<false>;
  table["onnx.SimplifiedLayerNormalization"] = normalization<false>;
  table["onnx.ms.SimplifiedLayerNormalization"] = normalization<false>;
  table["onnx.ms.SkipLayerNormalization"] = skipNormalization<true>;
  table["onnx.ms.SkipSimplifiedLayerNormalization"] = skipNormalization<false>;
}

} // namespace bluec::reference
