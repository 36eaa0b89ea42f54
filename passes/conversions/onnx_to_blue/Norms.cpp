// RMSNorm and LayerNorm, written out or as nodes.
#include "passes/conversions/onnx_to_blue/Heads.h"
#include "passes/conversions/onnx_to_blue/Structure.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

//===----------------------------------------------------------------------------------------===//
// Written out
//===----------------------------------------------------------------------------------------===//

/// Whether `op` reduces over the last dim only and keeps it.
static bool reducesLastDim(Raising &raising, onnx::ReduceMeanOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getData().getType());
  if (!type || op.getKeepdims() == 0 || isa<NoneType>(op.getAxes().getType()) ||
      !raising.dependences().isConstant(op.getAxes()))
    return false;
  std::shared_ptr<const Tensor> axes = raising.shortProbes().front()->value(op.getAxes());
  return axes && axes->i64.size() == 1 &&
         (axes->i64[0] == -1 || axes->i64[0] == type.getRank() - 1);
}

/// The x of mean(x^2) over the last dim, or null.
static Value argumentOfMeanSquare(Raising &raising, Value value) {
  auto mean = producer<onnx::ReduceMeanOp>(value);
  if (!mean || !reducesLastDim(raising, mean))
    return Value();
  if (auto power = producer<onnx::PowOp>(mean.getData())) {
    std::optional<double> exponent = raising.scalar(power.getRhs());
    return exponent && *exponent == 2 ? strip(power.getLhs()) : Value();
  }
  if (auto square = producer<onnx::MulOp>(mean.getData()))
    return isSame(square.getLhs(), square.getRhs()) ? strip(square.getLhs()) : Value();
  return Value();
}

namespace {

/// sqrt(mean(x^2) + epsilon), or the inverse of it.
struct RootMeanSquare {
  Value x;
  double epsilon = 0;
  Operation *node = nullptr;
};

/// x / sqrt(mean(x^2) + epsilon), where x may be centred: x = y - mean(y).
struct Normalised {
  Value x;
  bool isCentred = false;
  double epsilon = 0;
  SmallVector<Operation *> nodes;
};

} // namespace

static std::optional<RootMeanSquare> readSum(Raising &raising, Value value, Operation *node) {
  auto sum = producer<onnx::AddOp>(value);
  if (!sum) {
    // An epsilon that no float shows beside the mean may have been left out by an exporter.
    Value x = argumentOfMeanSquare(raising, value);
    return x ? std::optional(RootMeanSquare{x, 0, node}) : std::nullopt;
  }
  for (unsigned i : {1u, 0u}) {
    std::optional<double> epsilon = raising.scalar(sum->getOperand(i));
    Value x = epsilon ? argumentOfMeanSquare(raising, sum->getOperand(1 - i)) : Value();
    if (x && *epsilon >= 0)
      return RootMeanSquare{x, *epsilon, node};
  }
  return std::nullopt;
}

static std::optional<RootMeanSquare> readRoot(Raising &raising, Value value) {
  if (auto root = producer<onnx::SqrtOp>(value))
    return readSum(raising, root.getX(), root);
  if (auto power = producer<onnx::PowOp>(value))
    if (raising.scalar(power.getRhs()) == 0.5)
      return readSum(raising, power.getLhs(), power);
  return std::nullopt;
}

static std::optional<RootMeanSquare> readInverseRoot(Raising &raising, Value value) {
  if (auto inverse = producer<onnx::ReciprocalOp>(value))
    return readRoot(raising, inverse.getX());
  if (auto quotient = producer<onnx::DivOp>(value))
    if (raising.scalar(quotient.getLhs()) == 1.0)
      return readRoot(raising, quotient.getRhs());
  if (auto power = producer<onnx::PowOp>(value))
    if (raising.scalar(power.getRhs()) == -0.5)
      return readSum(raising, power.getLhs(), power);
  return std::nullopt;
}

static std::optional<Normalised> readNormalised(Raising &raising, Value value) {
  Operation *op = strip(value).getDefiningOp();
  std::optional<RootMeanSquare> root;
  Value x;
  if (auto quotient = dyn_cast_or_null<onnx::DivOp>(op)) {
    root = readRoot(raising, quotient.getRhs());
    x = quotient.getLhs();
  } else if (auto product = dyn_cast_or_null<onnx::MulOp>(op)) {
    for (unsigned i : {1u, 0u})
      if (!root) {
        root = readInverseRoot(raising, product.getOperand(i));
        x = product.getOperand(1 - i);
      }
  }
  if (!root || !isSame(x, root->x))
    return std::nullopt;
  Normalised result{strip(x), false, root->epsilon, {op, root->node}};
  if (auto difference = producer<onnx::SubOp>(x))
    if (auto mean = producer<onnx::ReduceMeanOp>(difference.getRhs());
        mean && reducesLastDim(raising, mean) && isSame(mean.getData(), difference.getLhs())) {
      result.x = strip(difference.getLhs());
      result.isCentred = true;
      result.nodes.push_back(difference);
    }
  return result;
}

//===----------------------------------------------------------------------------------------===//
// Recording
//===----------------------------------------------------------------------------------------===//

namespace {

struct Norm {
  bool isCentred;
  double epsilon;
  std::optional<WeightUse> weight; ///< ones when not there
  std::optional<WeightUse> bias;
  int64_t groups = 1; ///< heads, say, that are normalised one by one
};

} // namespace

static Value makeNorm(Emitter &emitter, Location location, Value x, const Norm &norm) {
  int64_t channels = cast<RankedTensorType>(x.getType()).getShape().back() / norm.groups;
  WeightUse weight;
  if (norm.weight) {
    weight = *norm.weight;
  } else {
    Tensor ones = Tensor::zeros(reference::ElementType::F32, {channels});
    llvm::fill(ones.f32, 1.0f);
    weight.value = std::make_shared<Tensor>(std::move(ones));
    weight.shape = {channels};
    weight.elementType = emitter.builder.getF32Type();
  }
  Value weightValue = emitter.weight(weight, "weight", location);
  FloatAttr epsilon = emitter.builder.getF64FloatAttr(norm.epsilon);
  IntegerAttr groups = emitter.builder.getI64IntegerAttr(norm.groups);
  if (!norm.isCentred)
    return blue::RmsNormOp::create(emitter.builder, location, x.getType(), x, weightValue, epsilon,
                                   groups);
  Value bias = norm.bias ? emitter.weight(*norm.bias, "bias", location) : Value();
  return blue::LayerNormOp::create(emitter.builder, location, x.getType(), x, weightValue, bias,
                                   epsilon, groups);
}

/// A norm of heads that stand before their rows, [1, heads, T, D].
static bool recordHeadsNorm(Raising &raising, ArrayRef<Operation *> nodes, Value x, Norm norm) {
  std::optional<RowsUse> use;
  int64_t headDim = 0;
  for (Probe *probe : raising.shortProbes()) {
    std::optional<Heads> heads = readHeads(raising, x, /*transposed=*/false, *probe);
    if (!heads || heads->past || heads->factor != 1 || raising.role == blue::Role::Vision ||
        !llvm::equal(heads->head, llvm::seq<int64_t>(heads->count())))
      return false;
    use = heads->use(raising);
    norm.groups = heads->count();
    headDim = heads->headDim;
  }
  for (const std::optional<WeightUse> &vector : {norm.weight, norm.bias})
    if (!use || (vector && vector->shape.front() != headDim))
      return false;
  Match match;
  match.nodes = llvm::to_vector(nodes);
  match.uses = {*use};
  match.results = {nodes.front()->getResult(0)};
  match.build = [use = *use, norm](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {makeNorm(emitter, location, emitter.rows(use, location), norm)};
  };
  Meaning meaning;
  meaning.shape = raising.shapeOf(*use);
  meaning.arrangement = headsFirst(match.results.front(), norm.groups, headDim);
  raising.record(std::move(match), meaning);
  return true;
}

/// The rows of `x` may have several of its last dim: as many groups.
static bool recordNorm(Raising &raising, ArrayRef<Operation *> nodes, Value x, Norm norm,
                       Match::Kind kind) {
  std::optional<RowsUse> use = raising.rows(x);
  auto type = dyn_cast<RankedTensorType>(x.getType());
  if (!type || type.getRank() == 0)
    return false;
  if (!use)
    return recordHeadsNorm(raising, nodes, x, norm);
  int64_t channels = raising.channels(*use), width = type.getShape().back();
  if (width < 1 || channels % width != 0)
    return false;
  norm.groups = channels / width;
  for (const std::optional<WeightUse> &vector : {norm.weight, norm.bias})
    if (vector && vector->shape.front() != width && vector->shape.front() != channels)
      return false;
  return recordElementwise(
      raising, nodes, x,
      [norm](Emitter &emitter, Location location, Value rows) {
        return makeNorm(emitter, location, rows, norm);
      },
      kind);
}

/// A weight or bias of a norm over the last dim of `x`: a vector for that dim, or, where heads have
/// theirs, one for the last two.
static std::optional<WeightUse> normVector(Raising &raising, Value vector, Value x) {
  auto type = dyn_cast<RankedTensorType>(x.getType());
  if (!type || type.getRank() == 0)
    return std::nullopt;
  if (auto use = raising.vectorWeight(vector, type.getShape().back()))
    return use;
  auto shape = dyn_cast<RankedTensorType>(vector.getType());
  if (type.getRank() < 2 || !shape || !shape.hasStaticShape() || shape.getRank() < 2 ||
      type.getShape().take_back(2) != shape.getShape().take_back(2) ||
      shape.getNumElements() != shape.getShape().back() * shape.getDimSize(shape.getRank() - 2))
    return std::nullopt;
  std::optional<WeightUse> use = raising.weight(vector);
  if (!use || !use->reshape({shape.getNumElements()}))
    return std::nullopt;
  return use;
}

//===----------------------------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------------------------===//

/// weight * x / sqrt(mean(x^2) + epsilon), with the weight on either side or not there.
static bool matchProduct(Raising &raising, Operation *op, bool centred) {
  for (unsigned i : {0u, 1u}) {
    if (!isa<onnx::MulOp>(op))
      break;
    std::optional<WeightUse> weight;
    std::optional<Normalised> normalised = readNormalised(raising, op->getOperand(1 - i));
    if (normalised && normalised->isCentred == centred)
      weight = normVector(raising, op->getOperand(i), op->getResult(0));
    if (!weight)
      continue;
    normalised->nodes.insert(normalised->nodes.begin(), op);
    return recordNorm(raising, normalised->nodes, normalised->x,
                      {centred, normalised->epsilon, weight, std::nullopt},
                      centred ? Match::Kind::LayerNorm : Match::Kind::Other);
  }
  std::optional<Normalised> normalised = readNormalised(raising, op->getResult(0));
  if (!normalised || normalised->isCentred != centred)
    return false;
  return recordNorm(raising, normalised->nodes, normalised->x,
                    {centred, normalised->epsilon, std::nullopt, std::nullopt}, Match::Kind::Other);
}

bool bluec::onnx_to_blue::matchRmsNorm(Raising &raising, Operation *op) {
  if (isa<onnx::MulOp, onnx::DivOp>(op))
    return matchProduct(raising, op, /*centred=*/false);
  return false;
}

bool bluec::onnx_to_blue::matchLayerNorm(Raising &raising, Operation *op) {
  if (isa<onnx::MulOp, onnx::DivOp>(op))
    return matchProduct(raising, op, /*centred=*/true);
  // The bias: the product below is a layer norm already.
  if (!isa<onnx::AddOp>(op))
    return false;
  for (unsigned i : {1u, 0u}) {
    const Match *inner = raising.matchOf(op->getOperand(1 - i), Match::Kind::LayerNorm);
    if (!inner)
      continue;
    std::optional<WeightUse> bias = normVector(raising, op->getOperand(i), op->getResult(0));
    Operation *product = inner->nodes.front();
    for (unsigned j : {0u, 1u}) {
      std::optional<Normalised> normalised = readNormalised(raising, product->getOperand(1 - j));
      std::optional<WeightUse> weight;
      if (bias && normalised && normalised->isCentred)
        weight = normVector(raising, product->getOperand(j), op->getResult(0));
      if (!weight)
        continue;
      SmallVector<Operation *> nodes = {op, product};
      nodes.append(normalised->nodes);
      return recordNorm(raising, nodes, normalised->x, {true, normalised->epsilon, weight, bias},
                        Match::Kind::Other);
    }
  }
  return false;
}

/// Whether an axis attribute means the last dim of `x`.
static bool isLastAxis(Value x, int64_t axis) {
  auto type = dyn_cast<RankedTensorType>(x.getType());
  return type && (axis == -1 || axis == type.getRank() - 1);
}

static bool isNone(Value value) { return isa<NoneType>(value.getType()); }

/// A norm node; with a skip connection, norm(x + skip + bias) and, when asked for, the sum.
static bool matchSkipNorm(Raising &raising, Operation *op, Value gamma, Value beta, Value bias,
                          double epsilon, bool centred) {
  std::optional<RowsUse> x = raising.rows(op->getOperand(0));
  std::optional<RowsUse> skip = raising.rows(op->getOperand(1));
  if (!x || !skip || raising.shapeOf(*x) != raising.shapeOf(*skip))
    return false;
  int64_t channels = raising.channels(*x);
  Norm norm{centred, epsilon, raising.vectorWeight(gamma, channels), std::nullopt};
  std::optional<WeightUse> sumBias;
  if (!norm.weight)
    return false;
  if (beta && !isNone(beta) && !(norm.bias = raising.vectorWeight(beta, channels)))
    return false;
  if (bias && !isNone(bias) && !(sumBias = raising.vectorWeight(bias, channels)))
    return false;

  Match match;
  match.nodes = {op};
  match.uses = {*x, *skip};
  match.results = {op->getResult(0)};
  Meaning rows;
  rows.shape = raising.rowsShape(op->getResult(0));
  if (rows.shape.empty() || rows.shape.back() != channels)
    return false;
  SmallVector<Meaning> meanings = {rows};
  bool hasSum = !isNone(op->getResult(3));
  if (hasSum) {
    match.results.push_back(op->getResult(3));
    meanings.push_back(rows);
  }
  match.build = [x = *x, skip = *skip, norm, sumBias,
                 hasSum](Emitter &emitter, Location location) -> SmallVector<Value> {
    Value left = emitter.rows(x, location), right = emitter.rows(skip, location);
    Value sum = blue::AddOp::create(emitter.builder, location, left.getType(), left, right);
    if (sumBias)
      sum = blue::AddOp::create(emitter.builder, location, sum.getType(), sum,
                                emitter.weight(*sumBias, "skip_bias", location));
    SmallVector<Value> results = {makeNorm(emitter, location, sum, norm)};
    if (hasSum)
      results.push_back(sum);
    return results;
  };
  raising.record(std::move(match), meanings);
  return true;
}

bool bluec::onnx_to_blue::matchNormNode(Raising &raising, Operation *op) {
  auto plain = [&](Value x, Value scale, Value bias, int64_t axis, double epsilon, bool centred) {
    if (!isLastAxis(x, axis)) {
      raising.explain(op, "expected a norm over the last dim, found axis " + Twine(axis));
      return false;
    }
    Norm norm{centred, epsilon, normVector(raising, scale, x), std::nullopt};
    if (!norm.weight)
      return false;
    if (bias && !isNone(bias) && !(norm.bias = normVector(raising, bias, x)))
      return false;
    return recordNorm(raising, op, x, norm, Match::Kind::Other);
  };
  auto number = [](const APFloat &value) { return double(value.convertToFloat()); };
  if (auto norm = dyn_cast<onnx::LayerNormalizationOp>(op))
    return plain(norm.getX(), norm.getScale(), norm.getB(), norm.getAxis(),
                 number(norm.getEpsilon()), true);
  if (auto norm = dyn_cast<onnx::RMSNormalizationOp>(op))
    return plain(norm.getX(), norm.getScale(), Value(), norm.getAxis(), number(norm.getEpsilon()),
                 false);
  if (auto norm = dyn_cast<onnx::SimplifiedLayerNormalizationOp>(op))
    return plain(norm.getX(), norm.getScale(), Value(), norm.getAxis(), number(norm.getEpsilon()),
                 false);
  if (auto norm = dyn_cast<onnx::MsSimplifiedLayerNormalizationOp>(op))
    return plain(norm.getX(), norm.getScale(), Value(), norm.getAxis(), number(norm.getEpsilon()),
                 false);
  if (auto norm = dyn_cast<onnx::MsSkipLayerNormalizationOp>(op))
    return matchSkipNorm(raising, op, norm.getGamma(), norm.getBeta(), norm.getBias(),
                         number(norm.getEpsilon()), true);
  if (auto norm = dyn_cast<onnx::MsSkipSimplifiedLayerNormalizationOp>(op))
    return matchSkipNorm(raising, op, norm.getGamma(), Value(), norm.getBias(),
                         number(norm.getEpsilon()), false);
  return false;
}
