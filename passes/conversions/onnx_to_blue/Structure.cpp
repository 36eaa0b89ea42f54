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
