// What changes the tokens of pictures: learned ones in front of them, and means of neighbours.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// The rows [N, channels] that `value` has in front of each picture, in every call.
static std::optional<Tensor> learnedTokens(Raising &raising, Value value, int64_t channels) {
  std::optional<Tensor> found;
  for (Probe *probe : raising.shortProbes()) {
    std::shared_ptr<const Tensor> tensor = probe->value(value);
    if (!tensor || tensor->type != reference::ElementType::F32 || tensor->rank() != 3 ||
        tensor->shape[0] != probe->lengths().batch || tensor->shape[1] < 1 ||
        tensor->shape[2] != channels)
      return std::nullopt;
    Tensor rows = Tensor::zeros(reference::ElementType::F32, {tensor->shape[1], channels});
    for (size_t i = 0; i < tensor->f32.size(); ++i)
      if (i < rows.f32.size())
        rows.f32[i] = tensor->f32[i];
      else if (tensor->f32[i] != rows.f32[i % rows.f32.size()])
        return std::nullopt;
    if (found && (found->shape != rows.shape || found->f32 != rows.f32))
      return std::nullopt;
    found = std::move(rows);
  }
  return found;
}

/// A concatenation of the same tokens and those of each picture.
static bool matchPrepend(Raising &raising, onnx::ConcatOp op) {
  const Dependences &dependences = raising.dependences();
  auto axis = static_cast<int64_t>(op.getAxis());
  if (op->getNumOperands() != 2 || (axis != 1 && axis != -2) ||
      dependences.onActivations(op->getOperand(0)) || !dependences.onActivations(op->getOperand(1)))
    return false;
  std::optional<RowsUse> use = raising.rows(op->getOperand(1));
  auto type = dyn_cast<RankedTensorType>(op->getOperand(1).getType());
  SmallVector<int64_t> shape = use ? raising.shapeOf(*use) : SmallVector<int64_t>();
  // Its rows have to be its tokens: [pictures, tokens, channels] as it stands.
  if (shape.size() != 3 || !type || type.getRank() != 3 ||
      type.getShape().drop_front() != ArrayRef<int64_t>(shape).drop_front())
    return false;
  std::optional<Tensor> tokens = learnedTokens(raising, op->getOperand(0), shape[2]);
  if (!tokens || llvm::AddOverflow(shape[1], tokens->shape[0], shape[1]))
    return false;
  WeightUse weight;
  weight.shape = tokens->shape;
  weight.value = std::make_shared<Tensor>(std::move(*tokens));
  weight.elementType = Float32Type::get(op.getContext());

  Match match;
  match.nodes = {op};
  match.uses = {*use};
  match.results = {op.getResult()};
  match.build = [use = *use, weight, shape](Emitter &emitter,
                                            Location location) -> SmallVector<Value> {
    return {blue::TokenPrependOp::create(emitter.builder, location, emitter.floats(shape),
                                         emitter.rows(use, location),
                                         emitter.weight(weight, "tokens", location))};
  };
  return raising.recordRows(std::move(match), shape) != nullptr;
}

/// The side of square windows that stand side by side and cover whole tokens; 0 for others.
static int64_t windowOf(onnx::AveragePoolOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  ArrayRef<int64_t> kernel = op.getKernelShape();
  auto areAll = [](std::optional<ArrayRef<int64_t>> values, int64_t expected) {
    return !values || llvm::all_of(*values, [&](int64_t value) { return value == expected; });
  };
  if (!type || type.getRank() != 4 || kernel.size() != 2 || kernel[0] != kernel[1] ||
      !op.getStrides() || op.getStrides()->size() != 2 || !areAll(op.getStrides(), kernel[0]) ||
      !areAll(op.getPads(), 0) || !areAll(op.getDilations(), 1) || kernel[0] < 2)
    return 0;
  bool isExact = type.getDimSize(2) % kernel[0] == 0 && type.getDimSize(3) % kernel[0] == 0;
  bool isWhole = op.getAutoPad() == "NOTSET" || op.getAutoPad() == "VALID";
  return isExact || (isWhole && op.getCeilMode() == 0) ? kernel[0] : 0;
}

static bool matchPool(Raising &raising, onnx::AveragePoolOp op) {
  constexpr int64_t kMaxFactor = 64; // of blue.token_pool
  int64_t factor = windowOf(op);
  std::optional<RowsUse> use = readGrid(raising, op.getX());
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  if (!use || !type)
    return false;
  int64_t channels = type.getDimSize(1), height = type.getDimSize(2), width = type.getDimSize(3);
  if (factor == 0 || factor > kMaxFactor || factor > height || factor > width) {
    raising.explain(op, "expected square windows side by side, of 2 to " + Twine(kMaxFactor) +
                            " tokens a side");
    return false;
  }
  int64_t down = height / factor, across = width / factor;
  Meaning meaning;
  meaning.shape = {ShapedType::kDynamic, down * across, channels};
  meaning.arrangement = gridArrangement(channels, down, across);
  Match match;
  match.nodes = {op};
  match.uses = {*use};
  match.results = {op.getResult()};
  match.build = [use = *use, shape = meaning.shape, height, width,
                 factor](Emitter &emitter, Location location) -> SmallVector<Value> {
    return {blue::TokenPoolOp::create(emitter.builder, location, emitter.floats(shape),
                                      emitter.rows(use, location), height, width, factor)};
  };
  raising.record(std::move(match), meaning);
  return true;
}

bool bluec::onnx_to_blue::matchTokens(Raising &raising, Operation *op) {
  if (raising.role != blue::Role::Vision)
    return false;
  if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    return matchPrepend(raising, concat);
  if (auto pool = dyn_cast<onnx::AveragePoolOp>(op))
    return matchPool(raising, pool);
  return false;
}
