#include "passes/onnx/fold_constants/FoldWeights.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/onnx/inference/Rules.h"

#include "llvm/Support/Threading.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;

namespace {

using Transforms = SmallVector<Attribute>;

// A float constant of one element that changes no shape when it meets `weight`.
std::optional<double> scalarBeside(Value value, RankedTensorType weight) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  if (!constant)
    return std::nullopt;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValueAttr());
  if (!elements || elements.getNumElements() != 1 || !isa<FloatType>(elements.getElementType()) ||
      elements.getType().getRank() > weight.getRank())
    return std::nullopt;
  return (*elements.getValues<APFloat>().begin()).convertToDouble();
}

// Add, Sub, Mul and Div of a weight and a scalar.
std::optional<Transforms> foldArithmetic(Operation *op, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (!isa<FloatType>(type.getElementType()))
    return std::nullopt;
  bool isLeft = op->getOperand(0) == weight;
  std::optional<double> number = scalarBeside(op->getOperand(isLeft ? 1 : 0), type);
  if (!number || (!isLeft && isa<onnx::DivOp>(op)))
    return std::nullopt;
  MLIRContext *context = op->getContext();
  auto attribute = [&](double value) { return FloatAttr::get(Float64Type::get(context), value); };
  if (isa<onnx::MulOp>(op))
    return Transforms{blue::ScaleAttr::get(context, attribute(*number))};
  if (isa<onnx::DivOp>(op))
    return *number == 0 ? std::optional<Transforms>()
                        : Transforms{blue::ScaleAttr::get(context, attribute(1.0 / *number))};
  if (isa<onnx::AddOp>(op))
    return Transforms{blue::OffsetAttr::get(context, attribute(*number))};
  if (isLeft)
    return Transforms{blue::OffsetAttr::get(context, attribute(-*number))};
  return Transforms{blue::ScaleAttr::get(context, attribute(-1.0)),
                    blue::OffsetAttr::get(context, attribute(*number))};
}

std::optional<Transforms> foldSlice(onnx::SliceOp op, RankedTensorType type,
                                    onnx::ShapeInference &inference) {
  onnx::NodeFacts node(inference, op);
  auto starts = node.constants(1), ends = node.constants(2);
  std::optional<SmallVector<int64_t>> axes, steps;
  if (node.has(3))
    axes = node.constants(3);
  if (node.has(4))
    steps = node.constants(4);
  if (!starts || !ends || (node.has(3) && !axes) || (node.has(4) && !steps) ||
      ends->size() != starts->size())
    return std::nullopt;
  if (steps && llvm::any_of(*steps, [](int64_t step) { return step != 1; }))
    return std::nullopt;
  Transforms transforms;
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis = axes ? (*axes)[i] : static_cast<int64_t>(i);
    axis += axis < 0 ? type.getRank() : 0;
    if (axis < 0 || axis >= type.getRank())
      return std::nullopt;
    int64_t extent = type.getDimSize(static_cast<unsigned>(axis));
    auto clamp = [&](int64_t at) {
      return at < 0 ? (at < -extent ? 0 : at + extent) : std::min(at, extent);
    };
    int64_t begin = clamp((*starts)[i]), end = clamp((*ends)[i]);
    if (begin >= end)
      return std::nullopt; // nothing is left; a constant says that better
    transforms.push_back(blue::SliceAttr::get(op.getContext(), axis, begin, end));
  }
  return transforms;
}

// The transforms that make the only result of `op` from `weight`.
std::optional<Transforms> transformsOf(Operation *op, Value weight, RankedTensorType result,
                                       onnx::ShapeInference &inference) {
  MLIRContext *context = op->getContext();
  auto type = cast<RankedTensorType>(weight.getType());
  if (isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp>(op))
    return foldArithmetic(op, weight);
  if (op->getOperand(0) != weight)
    return std::nullopt;
  if (isa<onnx::IdentityOp>(op))
    return Transforms{};
  if (isa<onnx::CastOp, onnx::CastLikeOp>(op)) {
    if (result.getElementType() == type.getElementType())
      return Transforms{};
    return Transforms{blue::ConvertAttr::get(context, result.getElementType())};
  }
  if (isa<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::FlattenOp>(op))
    return Transforms{blue::ReshapeAttr::get(context, result.getShape())};
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op)) {
    SmallVector<int64_t> permutation;
    if (std::optional<ArrayRef<int64_t>> perm = transpose.getPerm())
      permutation.assign(perm->begin(), perm->end());
    else
      for (int64_t i = type.getRank(); i-- > 0;)
        permutation.push_back(i);
    return Transforms{blue::TransposeAttr::get(context, permutation)};
  }
  if (auto slice = dyn_cast<onnx::SliceOp>(op))
    return foldSlice(slice, type, inference);
  return std::nullopt;
}

// `weight` with more transforms; null when they do not give `result`.
Value extend(onnx::WeightOp weight, ArrayRef<Attribute> more, RankedTensorType result, Location loc,
             OpBuilder &builder) {
  Transforms all(weight.getTransforms().begin(), weight.getTransforms().end());
  RankedTensorType type = cast<RankedTensorType>(weight.getType());
  // A transform that does not fit leaves the node as it is, which is no error. Other functions may
  // be folded at the same time: what they report is theirs.
  ScopedDiagnosticHandler quiet(builder.getContext(), [self = llvm::get_threadid()](Diagnostic &) {
    return success(llvm::get_threadid() == self);
  });
  for (Attribute transform : more) {
    FailureOr<RankedTensorType> next =
        blue::inferTransformedType(type, transform, [&] { return mlir::emitError(loc); });
    if (failed(next))
      return {};
    type = *next;
    all.push_back(transform);
  }
  if (type != result)
    return {};
  return onnx::WeightOp::create(builder, loc, type, weight.getNameAttr(), weight.getSource(),
                                builder.getArrayAttr(all));
}

} // namespace

SmallVector<Value> bluec::foldIntoWeight(Operation *op, onnx::ShapeInference &inference,
                                         OpBuilder &builder) {
  onnx::WeightOp weight;
  for (Value operand : op->getOperands())
    if ((weight = operand.getDefiningOp<onnx::WeightOp>()))
      break;
  if (!weight || !isa<onnx::NodeOpInterface>(op))
    return {};
  for (Type type : op->getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape())
      return {};
  }
  builder.setInsertionPoint(op);
  if (auto split = dyn_cast<onnx::SplitOp>(op)) {
    // One weight for query, key and value is cut into three.
    if (split.getX() != weight.getResult())
      return {};
    int64_t axis = split.getAxis(), begin = 0;
    auto type = cast<RankedTensorType>(weight.getType());
    axis += axis < 0 ? type.getRank() : 0;
    SmallVector<Value> parts;
    for (Type result : op->getResultTypes()) {
      auto part = cast<RankedTensorType>(result);
      int64_t end = begin + part.getDimSize(static_cast<unsigned>(axis));
      Attribute slice = blue::SliceAttr::get(op->getContext(), axis, begin, end);
      Value value = extend(weight, slice, part, op->getLoc(), builder);
      if (!value)
        return {};
      parts.push_back(value);
      begin = end;
    }
    return parts;
  }
  if (op->getNumResults() != 1)
    return {};
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  std::optional<Transforms> transforms = transformsOf(op, weight, result, inference);
  if (!transforms)
    return {};
  Value value = extend(weight, *transforms, result, op->getLoc(), builder);
  return value ? SmallVector<Value>{value} : SmallVector<Value>();
}
