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

/// Rows side by side that a product is taken apart for, at most: each has a weight of its own.
static constexpr unsigned kMaxJoined = 16;

/// A product of rows side by side, such as the features of several layers, with `weight`, [N, K]:
/// the sum of each one's product with its columns of the weight.
static bool recordJoinedProduct(Raising &raising, Operation *op, Value x, const WeightUse &weight) {
  auto joined = producer<onnx::ConcatOp>(x);
  auto type = joined ? dyn_cast<RankedTensorType>(joined.getResult().getType()) : nullptr;
  if (!type || type.getRank() < 1)
    return false;
  auto axis = static_cast<int64_t>(joined.getAxis());
  if ((axis != -1 && axis != type.getRank() - 1) || joined->getNumOperands() > kMaxJoined)
    return false;
  auto parts = std::make_shared<std::vector<LinearParts>>();
  SmallVector<int64_t> shape;
  int64_t at = 0;
  for (Value operand : joined->getOperands()) {
    std::optional<RowsUse> rows = raising.rows(operand);
    auto operandType = dyn_cast<RankedTensorType>(operand.getType());
    if (!rows || !operandType || operandType.getRank() < 1)
      return false;
    SmallVector<int64_t> found = raising.shapeOf(*rows);
    int64_t end = at + found.back();
    // Rows of as many columns as the operand has: it holds them as they stand.
    if (found.back() != operandType.getShape().back() || end > weight.shape[1])
      return false;
    LinearParts part{*rows, weight, std::nullopt};
    part.weight.slice(1, at, end);
    parts->push_back(std::move(part));
    at = end;
    found.back() = weight.shape[0];
    if (!shape.empty() && shape != found)
      return false;
    shape = std::move(found);
  }
  if (at != weight.shape[1])
    return false;
  Match match;
  match.nodes = {op};
  match.results = {op->getResult(0)};
  for (const LinearParts &part : *parts)
    match.uses.push_back(part.x);
  match.build = [parts](Emitter &emitter, Location location) -> SmallVector<Value> {
    Value sum;
    for (const LinearParts &part : *parts) {
      Value product = makeLinear(emitter, location, part);
      sum = sum ? blue::AddOp::create(emitter.builder, location, sum.getType(), sum, product)
                      .getResult()
                : product;
    }
    return {sum};
  };
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
  if (!isTransposed)
    weight->transpose({1, 0});
  std::optional<RowsUse> rows = raising.rows(x);
  bool hasBias = biasValue && !isa<NoneType>(biasValue.getType());
  if (!rows && !hasBias && factor == 1 &&
      (recordPatchProduct(raising, op, x, *weight) || recordJoinedProduct(raising, op, x, *weight)))
    return true;
  if (!rows) {
    raising.explain(op, "expected an operand whose rows are those of a layer, in their order");
    return false;
  }
  if (xType.getShape().back() != weight->shape[1] || raising.channels(*rows) != weight->shape[1]) {
    raising.explain(op, "expected rows of " + Twine(weight->shape[1]) + " channels, found " +
                            Twine(raising.channels(*rows)));
    return false;
  }
  weight->scale(factor);
  LinearParts parts{*rows, std::move(*weight), std::nullopt};
  if (hasBias) {
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
