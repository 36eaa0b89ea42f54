#include "passes/conversions/onnx_to_blue/Structure.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// Levels of products that are looked through.
static constexpr unsigned kMaxDepth = 8;

bool bluec::onnx_to_blue::isSame(Value a, Value b) {
  a = strip(a);
  b = strip(b);
  if (a == b)
    return true;
  Operation *left = a.getDefiningOp(), *right = b.getDefiningOp();
  if (!left || !right || left->getName() != right->getName() ||
      left->getNumOperands() != right->getNumOperands() ||
      left->getAttrDictionary() != right->getAttrDictionary() || left->getNumOperands() == 0 ||
      left->getNumRegions() != 0 ||
      cast<OpResult>(a).getResultNumber() != cast<OpResult>(b).getResultNumber())
    return false;
  return llvm::all_of(llvm::zip_equal(left->getOperands(), right->getOperands()), [](auto pair) {
    return strip(std::get<0>(pair)) == strip(std::get<1>(pair));
  });
}

bool bluec::onnx_to_blue::isNear(double a, double b, Type type) {
  Type elementType = getElementTypeOrSelf(type);
  double tolerance = elementType.isBF16() ? 8e-3 : elementType.isF16() ? 1e-3 : 1e-6;
  return std::abs(a - b) <= tolerance * std::abs(b);
}

SmallVector<Scaled> bluec::onnx_to_blue::readAsScaled(Raising &raising, Value value) {
  SmallVector<Scaled> readings = {{strip(value), 1.0}};
  for (unsigned depth = 0; depth < kMaxDepth; ++depth) {
    Scaled last = readings.back();
    Operation *op = last.value.getDefiningOp();
    if (!op || !isa<onnx::MulOp, onnx::DivOp>(op))
      break;
    std::optional<double> right = raising.scalar(op->getOperand(1)), left;
    if (isa<onnx::MulOp>(op) && !right)
      left = raising.scalar(op->getOperand(0));
    if (right && isa<onnx::DivOp>(op) && *right != 0)
      readings.push_back({strip(op->getOperand(0)), last.factor / *right});
    else if (right && isa<onnx::MulOp>(op))
      readings.push_back({strip(op->getOperand(0)), last.factor * *right});
    else if (left)
      readings.push_back({strip(op->getOperand(1)), last.factor * *left});
    else
      break;
  }
  return readings;
}

Product bluec::onnx_to_blue::readAsProduct(Raising &raising, Value value, Value stop) {
  Product product;
  SmallVector<std::pair<Value, unsigned>> worklist = {{strip(value), 0}};
  while (!worklist.empty()) {
    auto [at, depth] = worklist.pop_back_val();
    Operation *op = at.getDefiningOp();
    if (std::optional<double> number = raising.scalar(at)) {
      product.number *= *number;
      continue;
    }
    if (op && at != stop && depth < kMaxDepth && product.factors.size() < kMaxDepth) {
      if (isa<onnx::MulOp>(op)) {
        product.nodes.push_back(op);
        worklist.push_back({strip(op->getOperand(1)), depth + 1});
        worklist.push_back({strip(op->getOperand(0)), depth + 1});
        continue;
      }
      if (isa<onnx::DivOp>(op))
        if (std::optional<double> number = raising.scalar(op->getOperand(1));
            number && *number != 0) {
          product.nodes.push_back(op);
          product.number /= *number;
          worklist.push_back({strip(op->getOperand(0)), depth + 1});
          continue;
        }
    }
    product.factors.push_back(at);
  }
  return product;
}

Value bluec::onnx_to_blue::besideNumber(Raising &raising, Operation *op, double number) {
  for (unsigned i : {1u, 0u}) {
    std::optional<double> found = raising.scalar(op->getOperand(i));
    if (found == number)
      return strip(op->getOperand(1 - i));
  }
  return Value();
}

std::function<std::optional<Tensor>(Probe &)>
bluec::onnx_to_blue::gridArrangement(int64_t channels, int64_t rows, int64_t columns) {
  return [=](Probe &probe) -> std::optional<Tensor> {
    int64_t batch = probe.lengths().batch, tokens = 0, count = 0;
    if (llvm::MulOverflow(rows, columns, tokens) || llvm::MulOverflow(batch, channels, count) ||
        llvm::MulOverflow(count, tokens, count) || count > kMaxNumbered)
      return std::nullopt;
    Tensor tensor = Tensor::zeros(reference::ElementType::F32, {batch, channels, rows, columns});
    size_t at = 0;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t token = 0; token < tokens; ++token)
          tensor.f32[at++] = static_cast<float>((b * tokens + token) * channels + c + 1);
    return tensor;
  };
}

std::optional<RowsUse> bluec::onnx_to_blue::readGrid(Raising &raising, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != 4 ||
      llvm::is_contained(type.getShape().drop_front(), ShapedType::kDynamic))
    return std::nullopt;
  int64_t channels = type.getDimSize(1), rows = type.getDimSize(2), columns = type.getDimSize(3);
  std::optional<Cone> cone =
      traceCone(strip(value), ConeKind::Movement, raising.dependences(),
                *raising.shortProbes().front(), [&](Value at) { return raising.isLayer(at); });
  if (!cone || cone->roots.size() != 1)
    return std::nullopt;
  Value anchor = cone->roots.front();
  const Meaning *meaning = raising.meaning(anchor);
  int64_t tokens = 0;
  if (!meaning || llvm::MulOverflow(rows, columns, tokens) ||
      ArrayRef<int64_t>(meaning->shape) !=
          ArrayRef<int64_t>({ShapedType::kDynamic, tokens, channels}))
    return std::nullopt;
  for (Probe *probe : raising.shortProbes()) {
    std::optional<Tensor> numbers = raising.numbered(anchor, *probe);
    std::optional<Tensor> moved = numbers ? evaluateCone(*cone, *probe, {*numbers}) : std::nullopt;
    std::optional<Tensor> grid = gridArrangement(channels, rows, columns)(*probe);
    if (!moved || !grid || moved->shape != grid->shape || moved->f32 != grid->f32)
      return std::nullopt;
  }
  return RowsUse{anchor};
}

bool bluec::onnx_to_blue::recordElementwise(Raising &raising, ArrayRef<Operation *> nodes, Value x,
                                            std::function<Value(Emitter &, Location, Value)> build,
                                            Match::Kind kind) {
  std::optional<RowsUse> use = raising.rows(x);
  if (!use)
    return false;
  Match match;
  match.kind = kind;
  match.nodes = llvm::to_vector(nodes);
  match.uses = {*use};
  match.results = {nodes.front()->getResult(0)};
  match.build = [use = *use, build](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {build(emitter, location, emitter.rows(use, location))};
  };
  return raising.recordRows(std::move(match), raising.shapeOf(*use)) != nullptr;
}
