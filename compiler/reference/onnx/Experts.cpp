#include "compiler/reference/onnx/Experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace bluec::reference {
namespace {

using Activation = onnx::ExpertLayer::Activation;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double activated(Activation activation, double x) {
  switch (activation) {
  case Activation::Relu:
    return std::max(x, 0.0);
  case Activation::Gelu:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::Silu:
    return x * sigmoid(x);
  case Activation::Identity:
  case Activation::Swiglu: // has two operands, see below
    return x;
  }
  return x;
}

double gated(const onnx::ExpertLayer &layer, double gate, double other) {
  if (layer.limit) {
    gate = std::min(gate, *layer.limit);
    other = std::min(std::max(other, -*layer.limit), *layer.limit);
  }
  return gate * sigmoid(layer.alpha * gate) * (other + layer.beta);
}

/// The experts of a row and their shares, largest first.
std::vector<std::pair<int64_t, double>> route(const onnx::ExpertLayer &layer, const Tensor &logits,
                                              int64_t row) {
  int64_t experts = logits.shape[1];
  std::vector<std::pair<int64_t, double>> all;
  for (int64_t e = 0; e < experts; ++e)
    all.emplace_back(e, logits.number(row * experts + e));
  // What is no number comes last, so that any logits have an order.
  std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
    if (std::isnan(a.second) || std::isnan(b.second))
      return std::isnan(a.second) == std::isnan(b.second) ? a.first > b.first
                                                          : std::isnan(b.second);
    return a.second != b.second ? a.second > b.second : a.first > b.first;
  });
  double largest = all.front().second, sum = 0;
  for (auto &[e, share] : all)
    share = std::exp(share - largest);
  if (layer.isNormalized)
    all.resize(static_cast<size_t>(layer.chosen));
  for (const auto &[e, share] : all)
    sum += share;
  all.resize(static_cast<size_t>(layer.chosen));
  for (auto &[e, share] : all)
    share /= sum;
  return all;
}

Results moe(Operation *op, Operands operands, const EvaluationLimits &limits) {
  std::string text;
  auto node = cast<onnx::MsMoEOp>(op);
  std::optional<onnx::ExpertLayer> layer = onnx::ExpertLayer::of(node, text);
  if (!layer)
    return fault(op) << text;
  auto optional = [&](size_t i) { return has(operands, i) ? operands[i] : nullptr; };
  return evaluateExperts(
      op, *layer,
      {*operands[0], *operands[1], *operands[2], optional(3), *operands[4], optional(5)}, limits);
}

} // namespace

Results evaluateExperts(Operation *op, const onnx::ExpertLayer &layer, const ExpertTensors &tensors,
                        const EvaluationLimits &limits) {
  const auto &[x, logits, fc1, bias1, fc2, bias2] = tensors;
  for (const Tensor *tensor : {&x, &logits, &fc1, &fc2, bias1, bias2})
    if (tensor && !tensor->isFloat())
      return fault(op) << "expected operands of floats";
  int64_t columns = x.rank() > 0 ? x.shape.back() : 0;
  if (columns < 1 || logits.rank() != 2 || fc1.rank() != 3 || fc2.rank() != 3)
    return fault(op) << "expected rows, router_probs of rank 2 and weights of rank 3";
  int64_t rows = x.numElements() / columns, experts = logits.shape[1];
  int64_t inner = fc2.shape[2], channels = layer.rowsOfOne() * inner;
  bool fits = logits.shape[0] == rows && fc1.shape == Shape{experts, channels, columns} &&
              fc2.shape == Shape{experts, columns, inner} && layer.chosen <= experts &&
              (!bias1 || bias1->shape == Shape{experts, channels}) &&
              (!bias2 || bias2->shape == Shape{experts, columns});
  if (!fits)
    return fault(op) << "expected router_probs, weights and biases of " << rows << " rows of "
                     << columns << " channels for at least " << layer.chosen << " experts";
  FailureOr<Tensor> out = make(op, x.type, x.shape, limits);
  if (failed(out) ||
      failed(spendProducts(op, {rows, layer.chosen, channels + inner, columns}, limits)))
    return failure();
  std::vector<double> total(static_cast<size_t>(columns));
  std::vector<double> made(static_cast<size_t>(channels)), hidden(static_cast<size_t>(inner));
  for (int64_t row = 0; row < rows; ++row) {
    std::fill(total.begin(), total.end(), 0.0);
    for (auto [e, share] : route(layer, logits, row)) {
      for (int64_t n = 0; n < channels; ++n) {
        int64_t at = e * channels + n;
        double sum = bias1 ? bias1->number(at) : 0;
        for (int64_t k = 0; k < columns; ++k)
          sum += x.number(row * columns + k) * fc1.number(at * columns + k);
        made[static_cast<size_t>(n)] = sum;
      }
      for (size_t i = 0; i < hidden.size(); ++i)
        hidden[i] = layer.activation == Activation::Swiglu
                        ? gated(layer, made[2 * i], made[2 * i + 1])
                        : activated(layer.activation, made[i]);
      for (int64_t n = 0; n < columns; ++n) {
        int64_t at = e * columns + n;
        double sum = bias2 ? bias2->number(at) : 0;
        for (int64_t k = 0; k < inner; ++k)
          sum += hidden[static_cast<size_t>(k)] * fc2.number(at * inner + k);
        total[static_cast<size_t>(n)] += share * sum;
      }
    }
    for (int64_t n = 0; n < columns; ++n)
      setFloat(*out, row * columns + n, total[static_cast<size_t>(n)]);
  }
  return one(std::move(*out));
}

void addExpertEvaluators(EvaluatorTable &table) { table["onnx.ms.MoE"] = moe; }

} // namespace bluec::reference
