// Products with weights: MatMul, Gemm and FusedMatMul, with or without a bias.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

static Value makeLinear(Emitter &emitter, Location location, const LinearParts &parts) {
  Value x = emitter.rows(parts.x, location);
  SmallVector<int64_t> shape = llvm::to_vector(cast<RankedTensorType>(x.getType()).getShape());
  shape.back() = parts.weight.shape[0];
  Value weight = emitter.weight(parts.weight, "weight", location, /*keepsIntegers=*/true);
  Value bias = parts.bias ? emitter.weight(*parts.bias, "bias", location) : Value();
  return blue::LinearOp::create(emitter.builder, location, emitter.floats(shape), x, weight, bias);
}

/// The rows of a weight or bias that make these columns of the result.
static void takeRows(WeightUse &use, const Columns &columns) {
  if (columns.stride == 0)
    return use.slice(0, columns.begin, columns.end);
  // As stretches of rows, of which each gives a part.
  std::vector<int64_t> rest(use.shape.begin() + 1, use.shape.end());
  auto withRows = [&](std::vector<int64_t> rows) {
    rows.insert(rows.end(), rest.begin(), rest.end());
    return rows;
  };
  int64_t stretches = use.shape[0] / columns.stride, each = columns.end - columns.begin;
  use.reshape(withRows({stretches, columns.stride}));
  use.slice(1, columns.begin, columns.end);
  use.reshape(withRows({stretches * each}));
}

static bool recordLinear(Raising &raising, ArrayRef<Operation *> nodes, LinearParts linear) {
  auto parts = std::make_shared<const LinearParts>(std::move(linear));
  Match match;
  match.kind = Match::Kind::Linear;
  match.nodes = llvm::to_vector(nodes);
  match.uses = {parts->x};
  match.results = {nodes.front()->getResult(0)};
  match.linear = parts;
  match.build = [parts](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {makeLinear(emitter, location, *parts)};
  };
  match.buildColumns = [parts](Emitter &emitter, Location location, Columns columns) {
    LinearParts some = *parts;
    takeRows(some.weight, columns);
    if (some.bias)
      takeRows(*some.bias, columns);
    return makeLinear(emitter, location, some);
  };
  SmallVector<int64_t> shape = raising.shapeOf(parts->x);
  shape.back() = parts->weight.shape[0];
  return raising.recordRows(std::move(match), shape) != nullptr;
}

/// x * weight, the weight being [K, N], or [N, K] with `isTransposed`.
static bool matchProduct(Raising &raising, Operation *op, Value x, Value weightValue,
                         bool isTransposed, double factor, Value biasValue, double biasFactor) {
  auto xType = dyn_cast<RankedTensorType>(x.getType());
  auto weightType = dyn_cast<RankedTensorType>(weightValue.getType());
  if (!xType || !weightType || xType.getRank() < 1 || weightType.getRank() != 2 ||
      !raising.dependences().onActivations(x))
    return false;
  std::optional<WeightUse> weight = raising.weight(weightValue);
  if (!weight)
    return false;
  std::optional<RowsUse> rows = raising.rows(x);
  if (!rows) {
    raising.explain(op, "expected an operand whose rows are those of a layer, in their order");
    return false;
  }
  if (!isTransposed)
    weight->transpose({1, 0});
  if (xType.getShape().back() != weight->shape[1] || raising.channels(*rows) != weight->shape[1]) {
    raising.explain(op, "expected rows of " + Twine(weight->shape[1]) + " channels, found " +
                            Twine(raising.channels(*rows)));
    return false;
  }
  weight->scale(factor);
  LinearParts parts{*rows, std::move(*weight), std::nullopt};
  if (biasValue && !isa<NoneType>(biasValue.getType())) {
    parts.bias = raising.vectorWeight(biasValue, parts.weight.shape[0]);
    if (!parts.bias)
      return false;
    parts.bias->scale(biasFactor);
  }
  return recordLinear(raising, op, std::move(parts));
}

/// A linear layer and a vector added to every row of it.
static bool matchBias(Raising &raising, Operation *op) {
  for (unsigned i : {1u, 0u}) {
    const Match *product = raising.matchOf(op->getOperand(1 - i), Match::Kind::Linear);
    if (!product || product->linear->bias)
      continue;
    std::optional<WeightUse> bias =
        raising.vectorWeight(op->getOperand(i), product->linear->weight.shape[0]);
    if (!bias)
      continue;
    LinearParts parts = *product->linear;
    parts.bias = std::move(bias);
    SmallVector<Operation *> nodes = {op};
    nodes.append(product->nodes);
    return recordLinear(raising, nodes, std::move(parts));
  }
  return false;
}

bool bluec::onnx_to_blue::matchLinear(Raising &raising, Operation *op) {
  if (auto product = dyn_cast<onnx::MatMulOp>(op))
    return matchProduct(raising, op, product.getLhs(), product.getRhs(), false, 1, Value(), 1);
  if (auto gemm = dyn_cast<onnx::GemmOp>(op)) {
    if (gemm.getTransA() != 0)
      return false;
    return matchProduct(raising, op, gemm.getA(), gemm.getB(), gemm.getTransB() != 0,
                        gemm.getAlpha().convertToFloat(), gemm.getC(),
                        gemm.getBeta().convertToFloat());
  }
  if (auto product = dyn_cast<onnx::MsFusedMatMulOp>(op)) {
    if (product.getTransA() != 0 || product.getTransBatchA() != 0 || product.getTransBatchB() != 0)
      return false;
    return matchProduct(raising, op, product.getLhs(), product.getRhs(), product.getTransB() != 0,
                        product.getAlpha().convertToFloat(), Value(), 1);
  }
  if (isa<onnx::AddOp>(op))
    return matchBias(raising, op);
  return false;
}
