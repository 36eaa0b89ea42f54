// Sums, differences and products of rows, with rows, vectors and numbers; simple activations.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

template <typename OpType> static bool recordUnary(Raising &raising, Operation *op) {
  return recordElementwise(raising, op, op->getOperand(0),
                           [](Emitter &emitter, Location location, Value x) -> Value {
                             return OpType::create(emitter.builder, location, x.getType(), x);
                           });
}

static Value makeBinary(Emitter &emitter, Location location, Operation *op, Value lhs, Value rhs) {
  if (isa<onnx::AddOp, onnx::SumOp>(op))
    return blue::AddOp::create(emitter.builder, location, lhs.getType(), lhs, rhs);
  if (isa<onnx::SubOp>(op))
    return blue::SubOp::create(emitter.builder, location, lhs.getType(), lhs, rhs);
  return blue::MulOp::create(emitter.builder, location, lhs.getType(), lhs, rhs);
}

/// Two values of the same rows.
static bool matchRows(Raising &raising, Operation *op) {
  std::optional<RowsUse> lhs = raising.rows(op->getOperand(0));
  std::optional<RowsUse> rhs = raising.rows(op->getOperand(1));
  if (!lhs || !rhs || raising.shapeOf(*lhs) != raising.shapeOf(*rhs))
    return false;
  Match match;
  match.nodes = {op};
  match.uses = {*lhs, *rhs};
  match.results = {op->getResult(0)};
  match.build = [op, lhs = *lhs, rhs = *rhs](Emitter &emitter,
                                             Location location) -> SmallVector<Value> {
    Value left = emitter.rows(lhs, location), right = emitter.rows(rhs, location);
    return {makeBinary(emitter, location, op, left, right)};
  };
  return raising.recordRows(std::move(match), raising.shapeOf(*lhs)) != nullptr;
}

static bool recordScale(Raising &raising, Operation *op, Value x, double factor) {
  return recordElementwise(
      raising, op, x, [factor](Emitter &emitter, Location location, Value rows) -> Value {
        return blue::ScaleOp::create(emitter.builder, location, rows.getType(), rows,
                                     emitter.builder.getF64FloatAttr(factor));
      });
}

/// Rows of pictures, and a table that is repeated for each picture.
static bool matchPictureTable(Raising &raising, Operation *op, Value x, ArrayRef<int64_t> shape,
                              Value tables) {
  std::optional<WeightUse> table = raising.pictureTable(tables);
  // Both have to be [pictures, tokens, channels], so that their elements meet as they stand.
  auto type = dyn_cast<RankedTensorType>(x.getType());
  if (!table || !type || type.getRank() != 3 || shape.size() != 3 ||
      type.getShape().drop_front() != shape.drop_front() ||
      ArrayRef<int64_t>(table->shape) != shape.drop_front())
    return false;
  return recordElementwise(
      raising, op, x, [op, table = *table](Emitter &emitter, Location location, Value rows) {
        return makeBinary(emitter, location, op, rows, emitter.weight(table, "table", location));
      });
}

/// Rows and something that is the same in every call: a number, a vector for every row, or, of
/// pictures, a table with a row for each token.
static bool matchConstant(Raising &raising, Operation *op, Value x, Value constant) {
  std::optional<RowsUse> use = raising.rows(x);
  if (!use)
    return false;
  SmallVector<int64_t> shape = raising.shapeOf(*use);
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  if (!raising.dependences().isConstant(constant))
    return matchPictureTable(raising, op, x, shape, constant);
  if (!type || !type.hasStaticShape())
    return false;

  ArrayRef<int64_t> dims = type.getShape();
  while (!dims.empty() && dims.front() == 1)
    dims = dims.drop_front();
  ArrayRef<int64_t> tokens = ArrayRef<int64_t>(shape).drop_front();
  std::optional<WeightUse> weight;
  if (dims.empty()) {
    // One number: spread over the channels.
    std::optional<double> number = raising.scalar(constant);
    if (!number)
      return false;
    Tensor spread = Tensor::zeros(reference::ElementType::F32, {shape.back()});
    llvm::fill(spread.f32, static_cast<float>(*number));
    weight.emplace();
    weight->value = std::make_shared<Tensor>(std::move(spread));
    weight->shape = {shape.back()};
    weight->elementType = Float32Type::get(op->getContext());
  } else if (dims == tokens || dims == tokens.take_back(1)) {
    // The tokens of a picture must be what the table's rows are matched with.
    auto xType = cast<RankedTensorType>(x.getType());
    if (dims.size() > xType.getShape().size() || xType.getShape().take_back(dims.size()) != dims)
      return false;
    weight = raising.weight(constant);
    if (weight && !weight->reshape(std::vector<int64_t>(dims.begin(), dims.end())))
      return false;
  }
  if (!weight)
    return false;
  StringRef suffix = dims.size() > 1 ? "table" : isa<onnx::MulOp>(op) ? "factor" : "addend";
  return recordElementwise(
      raising, op, x,
      [op, weight = *weight, suffix](Emitter &emitter, Location location, Value rows) {
        return makeBinary(emitter, location, op, rows, emitter.weight(weight, suffix, location));
      });
}

bool bluec::onnx_to_blue::matchElementwise(Raising &raising, Operation *op) {
  if (isa<onnx::ReluOp>(op))
    return recordUnary<blue::ReluOp>(raising, op);
  if (isa<onnx::TanhOp>(op))
    return recordUnary<blue::TanhOp>(raising, op);
  if (isa<onnx::SigmoidOp>(op))
    return recordUnary<blue::SigmoidOp>(raising, op);
  if (auto power = dyn_cast<onnx::PowOp>(op); power && raising.scalar(power.getRhs()) == 2.0)
    return recordElementwise(
        raising, op, power.getLhs(), [](Emitter &emitter, Location location, Value x) -> Value {
          return blue::MulOp::create(emitter.builder, location, x.getType(), x, x);
        });
  bool isSum = isa<onnx::SumOp>(op) && op->getNumOperands() == 2;
  if (!isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp>(op) && !isSum)
    return false;

  const Dependences &dependences = raising.dependences();
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  bool leftMoves = dependences.onActivations(lhs), rightMoves = dependences.onActivations(rhs);
  if (leftMoves && rightMoves)
    return !isa<onnx::DivOp>(op) && matchRows(raising, op);
  // What is left over must be a constant on the right, or on either side of what commutes.
  if (!leftMoves) {
    if (isa<onnx::SubOp, onnx::DivOp>(op))
      return false;
    std::swap(lhs, rhs);
  }
  if (!dependences.isConstant(rhs) && raising.role != blue::Role::Vision)
    return false;
  if (std::optional<double> number = raising.scalar(rhs)) {
    if (isa<onnx::MulOp>(op))
      return recordScale(raising, op, lhs, *number);
    if (isa<onnx::DivOp>(op))
      return *number != 0 && recordScale(raising, op, lhs, 1 / *number);
  }
  return !isa<onnx::DivOp>(op) && matchConstant(raising, op, lhs, rhs);
}
