#include "passes/onnx/unpack_quantized/UnpackQuantized.h"

#include "compiler/dialect/onnx/PackedWeight.h"
#include "compiler/dialect/onnx/inference/ShapeInference.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace bluec {

#define GEN_PASS_DEF_UNPACKQUANTIZED
#include "passes/onnx/unpack_quantized/UnpackQuantized.h.inc"

namespace {

bool isMissing(Value value) { return isa<NoneType>(value.getType()); }

/// An initializer as it stands in the file: nothing but its shape has been changed.
onnx::WeightOp plainWeight(Value value) {
  auto weight = value.getDefiningOp<onnx::WeightOp>();
  if (weight && llvm::all_of(weight.getTransforms(), llvm::IsaPred<blue::ReshapeAttr>))
    return weight;
  return {};
}

/// The bytes of `weight` as elements of another type: as many of them, or twice as many of 4 bits.
blue::SourceAttr retyped(onnx::WeightOp weight, ArrayRef<int64_t> shape, Type elementType) {
  blue::SourceAttr source = weight.getSource();
  return blue::SourceAttr::get(source.getContext(), source.getFile(), source.getOffset(),
                               RankedTensorType::get(shape, elementType));
}

/// Two 4-bit elements for each byte, the low half first.
DenseElementsAttr splitBytes(DenseElementsAttr bytes, RankedTensorType type) {
  SmallVector<APInt> values;
  for (const APInt &byte : bytes.getValues<APInt>())
    for (unsigned half : {0u, 4u})
      values.push_back(byte.extractBits(4, half));
  return DenseElementsAttr::get(type, values);
}

/// Scales or zeros as a #blue.dequantize names them: a source or elements of this shape. `value`
/// holds as many elements, or bytes of two elements each. Null when it is neither.
Attribute valuesOf(Value value, ArrayRef<int64_t> shape, Type elementType) {
  auto type = RankedTensorType::get(shape, elementType);
  if (onnx::WeightOp weight = plainWeight(value))
    return retyped(weight, shape, elementType);
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!elements)
    return {};
  if (elements.getElementType() != elementType)
    return splitBytes(elements, type);
  return elements.reshape(type);
}

/// Everything about one weight on its way.
struct Unpacked {
  onnx::WeightOp weight;
  blue::SourceAttr source;
  SmallVector<Attribute> transforms;
  RankedTensorType type; ///< after the transforms

  Value create(OpBuilder &builder, Location loc) {
    return onnx::WeightOp::create(builder, loc, type, weight.getNameAttr(), source,
                                  builder.getArrayAttr(transforms));
  }
};

/// A weight of com.microsoft's nodes. `rowElements` of them stand in each row of the file;
/// `zeroColumns` zeros, in bytes or not, in each row of zeros.
std::optional<Unpacked> unpack(const onnx::PackedWeight &form, Value elements, Type integer,
                               int64_t rowElements, Value scales, Value zeros, int64_t zeroColumns,
                               bool hasMiddle) {
  onnx::WeightOp weight = plainWeight(elements);
  if (!weight)
    return std::nullopt;
  MLIRContext *context = weight.getContext();
  Type scale = cast<RankedTensorType>(scales.getType()).getElementType();
  Attribute scaleValues = valuesOf(scales, {form.rows, form.blocks()}, scale), zeroValues;
  if (!isMissing(zeros)) {
    zeroValues = valuesOf(zeros, {form.rows, zeroColumns}, integer);
  } else if (hasMiddle) {
    auto type = RankedTensorType::get({form.rows, form.blocks()}, integer);
    APInt middle(static_cast<unsigned>(form.bits), static_cast<uint64_t>(form.middle()));
    zeroValues = DenseElementsAttr::get(type, middle);
  }
  if (!scaleValues || (!zeroValues && !isMissing(zeros)))
    return std::nullopt;
  Unpacked unpacked{weight, retyped(weight, {form.rows, rowElements}, integer), {}, {}};
  if (rowElements != form.columns)
    unpacked.transforms.push_back(blue::SliceAttr::get(context, 1, 0, form.columns));
  unpacked.transforms.push_back(
      blue::DequantizeAttr::get(context, {1, form.block}, scaleValues, zeroValues));
  unpacked.type = RankedTensorType::get({form.rows, form.columns}, scale);
  return unpacked;
}

Type unsignedOf(MLIRContext *context, int64_t bits) {
  return IntegerType::get(context, static_cast<unsigned>(bits), IntegerType::Unsigned);
}

bool unpackNode(onnx::MsMatMulNBitsOp op) {
  FailureOr<onnx::PackedWeight> form = onnx::PackedWeight::of(op, [&] { return op.emitError(); });
  if (failed(form) || !isMissing(op.getGIdx()))
    return false;
  Type integer = unsignedOf(op.getContext(), form->bits);
  int64_t zeroColumns = form->bytesOf(form->blocks()) * 8 / form->bits;
  std::optional<Unpacked> weight =
      unpack(*form, op.getB(), integer, form->paddedColumns(), op.getScales(), op.getZeroPoints(),
             zeroColumns, /*hasMiddle=*/true);
  if (!weight)
    return false;
  OpBuilder builder(op);
  weight->transforms.push_back(blue::TransposeAttr::get(op.getContext(), {1, 0}));
  weight->type = RankedTensorType::get({form->columns, form->rows}, weight->type.getElementType());
  Type type = op.getType();
  Value result = onnx::MatMulOp::create(builder, op.getLoc(), type, op.getA(),
                                        weight->create(builder, op.getLoc()));
  if (Attribute scope = op->getAttr(onnx::kScopeAttr))
    result.getDefiningOp()->setAttr(onnx::kScopeAttr, scope);
  if (!isMissing(op.getBias()))
    result = onnx::AddOp::create(builder, op.getLoc(), type, result, op.getBias());
  op.getResult().replaceAllUsesWith(result);
  op.erase();
  return true;
}

/// The weight of a QMoE's experts, [experts, rows, columns], in elements of `type`.
Value unpackExperts(onnx::MsQMoEOp op, Value elements, Value scales, Value zeros, Type type) {
  ArrayRef<int64_t> bytes = cast<RankedTensorType>(elements.getType()).getShape();
  auto bits = static_cast<int64_t>(op.getExpertWeightBits());
  int64_t columns = bytes[2] * 8 / bits;
  FailureOr<onnx::PackedWeight> form =
      onnx::PackedWeight::of(op, bytes[0], bytes[1], columns, [&] { return op.emitError(); });
  if (failed(form))
    return {};
  MLIRContext *context = op.getContext();
  int64_t zeroColumns = form->bytesOf(form->blocks()) * 8 / form->bits;
  std::optional<Unpacked> weight = unpack(*form, elements, unsignedOf(context, bits), columns,
                                          scales, zeros, zeroColumns, /*hasMiddle=*/true);
  if (!weight)
    return {};
  if (weight->type.getElementType() != type)
    weight->transforms.push_back(blue::ConvertAttr::get(context, type));
  SmallVector<int64_t> shape{bytes[0], bytes[1], columns};
  weight->transforms.push_back(blue::ReshapeAttr::get(context, shape));
  weight->type = RankedTensorType::get(shape, type);
  OpBuilder builder(op);
  return weight->create(builder, op.getLoc());
}

/// Shapes fit: shape inference has seen to that.
bool unpackNode(onnx::MsQMoEOp op) {
  auto x = dyn_cast<RankedTensorType>(op.getX().getType());
  if (!x)
    return false;
  Value fc1 = unpackExperts(op, op.getFc1ExpertsWeights(), op.getFc1Scales(), op.getFc1ZeroPoints(),
                            x.getElementType());
  Value fc2 = unpackExperts(op, op.getFc2ExpertsWeights(), op.getFc2Scales(), op.getFc2ZeroPoints(),
                            x.getElementType());
  if (!fc1 || !fc2)
    return false;
  OpBuilder builder(op);
  auto moe = onnx::MsMoEOp::create(
      builder, op.getLoc(), op.getType(), op.getX(), op.getRouterProbs(), fc1,
      op.getFc1ExpertsBias(), fc2, op.getFc2ExpertsBias(), op.getFc3ExpertsWeights(),
      op.getFc3ExpertsBias(), op.getActivationAlphaAttr(), op.getActivationBetaAttr(),
      op.getActivationTypeAttr(), op.getKAttr(), op.getNormalizeRoutingWeightsAttr(),
      op.getSwigluFusionAttr(), op.getSwigluLimitAttr(), op.getUseSparseMixerAttr());
  if (Attribute scope = op->getAttr(onnx::kScopeAttr))
    moe->setAttr(onnx::kScopeAttr, scope);
  op.getResult().replaceAllUsesWith(moe.getResult());
  op.erase();
  return true;
}

bool unpackNode(onnx::MsGatherBlockQuantizedOp op) {
  auto data = cast<RankedTensorType>(op.getData().getType());
  bool inBytes = data.getElementType().isUnsignedInteger(8);
  FailureOr<onnx::PackedWeight> form =
      onnx::PackedWeight::of(op, data.getShape(), inBytes, [&] { return op.emitError(); });
  if (failed(form))
    return false;
  Type integer = inBytes ? unsignedOf(op.getContext(), form->bits) : data.getElementType();
  int64_t zeroColumns = inBytes ? form->bytesOf(form->blocks()) * 8 / form->bits : form->blocks();
  std::optional<Unpacked> weight =
      unpack(*form, op.getData(), integer, form->columns, op.getScales(), op.getZeroPoints(),
             zeroColumns, /*hasMiddle=*/inBytes);
  if (!weight)
    return false;
  OpBuilder builder(op);
  auto gather =
      onnx::GatherOp::create(builder, op.getLoc(), op.getType(),
                             weight->create(builder, op.getLoc()), op.getIndices(), /*axis=*/0);
  op.getResult().replaceAllUsesWith(gather.getResult());
  op.erase();
  return true;
}

bool unpackNode(onnx::DequantizeLinearOp op) {
  onnx::WeightOp weight = plainWeight(op.getX());
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  auto scales = dyn_cast<RankedTensorType>(op.getXScale().getType());
  auto integer = type ? dyn_cast<IntegerType>(type.getElementType()) : IntegerType();
  if (!weight || !integer || (integer.getWidth() != 4 && integer.getWidth() != 8) || !scales ||
      !scales.hasStaticShape())
    return false;
  // Shapes fit: shape inference has seen to that.
  ArrayRef<int64_t> shape = type.getShape();
  SmallVector<int64_t> blocks(shape), counts(shape.size(), 1);
  for (int64_t &block : blocks)
    block = std::max<int64_t>(block, 1);
  auto block = static_cast<int64_t>(op.getBlockSize());
  if (block > 0 || scales.getNumElements() != 1 || scales.getRank() > 1) {
    auto axis = static_cast<int64_t>(op.getAxis());
    auto along = static_cast<size_t>(axis < 0 ? axis + type.getRank() : axis);
    if (block > 0) {
      std::fill(blocks.begin(), blocks.end(), 1);
      counts.assign(scales.getShape().begin(), scales.getShape().end());
    } else {
      counts[along] = shape[along];
    }
    blocks[along] = std::max<int64_t>(block, 1);
  }
  Attribute scaleValues = valuesOf(op.getXScale(), counts, scales.getElementType()), zeroValues;
  if (!isMissing(op.getXZeroPoint()))
    zeroValues = valuesOf(op.getXZeroPoint(), counts, integer);
  if (!scaleValues || (!zeroValues && !isMissing(op.getXZeroPoint())))
    return false;
  SmallVector<Attribute> transforms(weight.getTransforms().begin(), weight.getTransforms().end());
  transforms.push_back(blue::DequantizeAttr::get(op.getContext(), blocks, scaleValues, zeroValues));
  OpBuilder builder(op);
  Unpacked unpacked{weight, weight.getSource(), transforms,
                    RankedTensorType::get(shape, scales.getElementType())};
  op.getResult().replaceAllUsesWith(unpacked.create(builder, op.getLoc()));
  op.erase();
  return true;
}

struct UnpackQuantized : impl::UnpackQuantizedBase<UnpackQuantized> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!onnx::isGraph(function))
      return;
    int64_t unpacked = 0;
    function.walk([&](Operation *op) {
      bool done = false;
      if (auto node = dyn_cast<onnx::MsMatMulNBitsOp>(op))
        done = unpackNode(node);
      else if (auto node = dyn_cast<onnx::MsGatherBlockQuantizedOp>(op))
        done = unpackNode(node);
      else if (auto node = dyn_cast<onnx::MsQMoEOp>(op))
        done = unpackNode(node);
      else if (auto node = dyn_cast<onnx::DequantizeLinearOp>(op))
        done = unpackNode(node);
      unpacked += done;
    });
    weightsUnpacked += static_cast<unsigned>(unpacked);
    if (unpacked > 0 && failed(onnx::inferFunction(function)))
      signalPassFailure();
  }
};

} // namespace
} // namespace bluec
