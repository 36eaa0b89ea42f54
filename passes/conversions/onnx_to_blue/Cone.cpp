#include "passes/conversions/onnx_to_blue/Cone.h"

#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

static bool isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// A tensor without elements: the rest of heads that are rotated as a whole, say.
static bool isEmpty(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isFloatTensor(value) && llvm::is_contained(type.getShape(), 0);
}

/// An op whose first result is its first operand, element by element.
static bool doesNothing(Operation *op) {
  if (auto cast = dyn_cast<onnx::CastOp>(op))
    return isFloatTensor(cast.getX()) && isFloatTensor(cast.getResult());
  if (auto dropout = dyn_cast<onnx::DropoutOp>(op))
    return isa<NoneType>(dropout.getTrainingMode().getType());
  return isa<onnx::IdentityOp>(op);
}

Value bluec::onnx_to_blue::strip(Value value) {
  for (Operation *op = value.getDefiningOp(); op && doesNothing(op); op = value.getDefiningOp()) {
    if (op->getResult(0) != value)
      break;
    value = op->getOperand(0);
  }
  return value;
}

std::optional<double>
bluec::onnx_to_blue::scalarConstant(Value value, const Dependences &dependences, Probe &probe) {
  if (!isFloatTensor(value) || !dependences.isConstant(value))
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  // Never a weight: those are not read here.
  if (type.hasStaticShape() && type.getNumElements() != 1)
    return std::nullopt;
  std::shared_ptr<const Tensor> tensor = probe.value(value);
  if (!tensor || tensor->numElements() != 1)
    return std::nullopt;
  return tensor->number(0);
}

/// The operands of a movement op that are data; its other operands are indices.
static SmallVector<Value> dataOperands(Operation *op) {
  if (isa<onnx::ConcatOp>(op))
    return llvm::to_vector(op->getOperands());
  return {op->getOperand(0)};
}

bool bluec::onnx_to_blue::isMovement(Operation *op, const Dependences &dependences) {
  if (doesNothing(op))
    return true;
  if (!isa<onnx::ReshapeOp, onnx::TransposeOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::FlattenOp,
           onnx::ExpandOp, onnx::ConcatOp, onnx::SliceOp, onnx::GatherOp, onnx::GatherElementsOp,
           onnx::GatherNDOp, onnx::SplitOp, onnx::PadOp, onnx::TileOp, onnx::NegOp,
           onnx::DepthToSpaceOp, onnx::SpaceToDepthOp>(op))
    return false;
  SmallVector<Value> data = dataOperands(op);
  for (Value operand : op->getOperands().drop_front(data.size()))
    if (dependences.onActivations(operand) && !isa<NoneType>(operand.getType()))
      return false;
  return true;
}

/// The activation operands of an op that is linear in them, all others not depending on
/// activations; empty when it is not.
static SmallVector<Value> linearOperands(Operation *op, const Dependences &dependences) {
  auto depends = [&](Value value) { return dependences.onActivations(value); };
  if (isMovement(op, dependences))
    return dataOperands(op);
  if (isa<onnx::AddOp, onnx::SubOp>(op)) {
    if (depends(op->getOperand(0)) && depends(op->getOperand(1)))
      return llvm::to_vector(op->getOperands());
    return {};
  }
  if (isa<onnx::MulOp>(op)) {
    if (depends(op->getOperand(0)) != depends(op->getOperand(1)))
      return {op->getOperand(depends(op->getOperand(0)) ? 0 : 1)};
    return {};
  }
  if (isa<onnx::DivOp>(op)) {
    if (depends(op->getOperand(0)) && !depends(op->getOperand(1)))
      return {op->getOperand(0)};
    return {};
  }
  if (isa<onnx::RotaryEmbeddingOp, onnx::MsRotaryEmbeddingOp>(op)) {
    for (Value table : op->getOperands().drop_front())
      if (depends(table))
        return {};
    return {op->getOperand(0)};
  }
  return {};
}

std::optional<Cone> bluec::onnx_to_blue::traceCone(Value value, ConeKind kind,
                                                   const Dependences &dependences, Probe &probe,
                                                   llvm::function_ref<bool(Value)> isLayer,
                                                   bool allowFactor) {
  Cone cone;
  cone.value = value;
  cone.kind = kind;

  // A path without branches from the value on: where factors may stand.
  llvm::DenseSet<Operation *> factors;
  if (allowFactor) {
    Value at = value;
    for (size_t steps = 0; steps < kMaxConeOps; ++steps) {
      Operation *op = at.getDefiningOp();
      if (!op || (at != value && isLayer(at)))
        break;
      if (isa<onnx::MulOp, onnx::DivOp>(op)) {
        bool isLeft = dependences.onActivations(op->getOperand(0));
        if (!isLeft && isa<onnx::DivOp>(op))
          break;
        Value data = op->getOperand(isLeft ? 0 : 1), other = op->getOperand(isLeft ? 1 : 0);
        std::optional<double> factor = scalarConstant(other, dependences, probe);
        // The product must not have more dims than the data.
        auto dataType = dyn_cast<RankedTensorType>(data.getType());
        auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
        if (!factor || !dependences.onActivations(data) || !dataType || !type ||
            dataType.getRank() != type.getRank() || (isa<onnx::DivOp>(op) && *factor == 0))
          break;
        cone.factor *= isa<onnx::DivOp>(op) ? 1 / *factor : *factor;
        factors.insert(op);
        at = data;
        continue;
      }
      if (!isMovement(op, dependences) || dataOperands(op).size() != 1)
        break;
      at = op->getOperand(0);
    }
  }

  auto operandsOf = [&](Operation *op) -> SmallVector<Value> {
    if (factors.contains(op))
      return {op->getOperand(dependences.onActivations(op->getOperand(0)) ? 0 : 1)};
    if (kind == ConeKind::Linear)
      return linearOperands(op, dependences);
    return isMovement(op, dependences) ? dataOperands(op) : SmallVector<Value>();
  };

  llvm::DenseSet<Value> seen;
  llvm::DenseSet<Operation *> members;
  SmallVector<Value> worklist = {value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second || !dependences.onActivations(next) || isEmpty(next))
      continue;
    Operation *op = next.getDefiningOp();
    SmallVector<Value> operands;
    if (op && (next == value || !isLayer(next)))
      operands = operandsOf(op);
    if (operands.empty()) {
      cone.roots.push_back(next);
      continue;
    }
    if (members.insert(op).second)
      cone.ops.push_back(op);
    if (cone.ops.size() > kMaxConeOps)
      return std::nullopt;
    llvm::append_range(worklist, llvm::reverse(operands));
  }
  // Ops of a block come after what they read.
  llvm::sort(cone.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return cone;
}

std::optional<Tensor> bluec::onnx_to_blue::evaluateCone(const Cone &cone, Probe &probe,
                                                        ArrayRef<Tensor> roots) {
  llvm::DenseMap<Value, Tensor> values;
  for (auto [root, tensor] : llvm::zip_equal(cone.roots, roots))
    values[root] = tensor;
  if (cone.ops.empty())
    return roots.front();

  reference::EvaluationLimits limits;
  limits.maxElements = int64_t{1} << 27;
  limits.products = probe.productsLeft();
  ScopedDiagnosticHandler silence(cone.value.getContext(), [](Diagnostic &) { return success(); });
  int64_t count = 0;
  for (const Tensor &root : roots)
    count += root.numElements();
  for (Operation *op : cone.ops) {
    // What moves data seldom makes more of it.
    if (!probe.spend(count))
      return std::nullopt;
    // What passes its operand on, casts included: rounding is not a cone's business. A product
    // among moves is the cone's factor.
    bool isFactor = cone.kind == ConeKind::Movement && isa<onnx::MulOp, onnx::DivOp>(op);
    if (doesNothing(op) || isFactor) {
      Value data = op->getOperand(0);
      if (isFactor && !values.contains(data))
        data = op->getOperand(1);
      auto found = values.find(data);
      if (found == values.end())
        return std::nullopt;
      Tensor copy = found->second;
      values[op->getResult(0)] = std::move(copy);
      continue;
    }
    SmallVector<const Tensor *> operands;
    SmallVector<std::shared_ptr<const Tensor>> held;
    for (Value operand : op->getOperands()) {
      if (isa<NoneType>(operand.getType())) {
        operands.push_back(nullptr);
        continue;
      }
      if (auto found = values.find(operand); found != values.end()) {
        operands.push_back(&found->second);
        continue;
      }
      std::shared_ptr<const Tensor> tensor;
      std::optional<std::vector<int64_t>> shape = probe.shape(operand);
      if (isEmpty(operand) && shape)
        tensor = std::make_shared<Tensor>(Tensor::zeros(reference::ElementType::F32, *shape));
      else
        tensor = probe.value(operand);
      if (!tensor)
        return std::nullopt;
      // A number of the graph's own among moved elements can only be padding.
      if (cone.kind == ConeKind::Movement && isFloatTensor(operand))
        for (int64_t i = 0; i < tensor->numElements(); ++i)
          if (tensor->number(i) != 0)
            return std::nullopt;
      operands.push_back(tensor.get());
      held.push_back(std::move(tensor));
    }
    const reference::EvaluatorTable &table = reference::onnxEvaluators();
    auto evaluator = table.find(op->getName().getStringRef());
    if (evaluator == table.end())
      return std::nullopt;
    FailureOr<SmallVector<Tensor>> results = evaluator->second(op, operands, limits);
    if (failed(results) || results->size() != op->getNumResults())
      return std::nullopt;
    for (auto [result, tensor] : llvm::zip_equal(op->getResults(), *results))
      values[result] = std::move(tensor);
  }
  auto found = values.find(cone.value);
  if (found == values.end() || found->second.type != reference::ElementType::F32)
    return std::nullopt;
  return std::move(found->second);
}
