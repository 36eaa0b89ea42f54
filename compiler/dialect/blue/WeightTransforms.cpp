// What each weight transform makes of the type before it.
#include "compiler/dialect/blue/Blue.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bluec::blue;

/// The number of elements of a shape, or nothing when a dim is negative or the product overflows.
static std::optional<int64_t> elementCount(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    if (dim < 0 || llvm::MulOverflow(count, dim, count))
      return std::nullopt;
  return count;
}

/// The type of a dequantize's scales or zeros, null when they are neither source nor elements.
static RankedTensorType typeOf(Attribute values) {
  if (auto source = dyn_cast<SourceAttr>(values))
    return source.getType();
  if (auto elements = dyn_cast<DenseElementsAttr>(values))
    return dyn_cast<RankedTensorType>(elements.getType());
  return {};
}

static FailureOr<RankedTensorType>
inferDequantized(RankedTensorType type, DequantizeAttr attr,
                 llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto integer = dyn_cast<IntegerType>(type.getElementType());
  if (!integer || (integer.getWidth() != 4 && integer.getWidth() != 8))
    return emitError() << "dequantize: expected integers of 4 or 8 bits, found " << type;
  ArrayRef<int64_t> blocks = attr.getBlocks();
  if (static_cast<int64_t>(blocks.size()) != type.getRank() ||
      llvm::any_of(blocks, [](int64_t block) { return block < 1; }))
    return emitError() << "dequantize: expected " << type.getRank() << " positive blocks, found ["
                       << blocks << "]";
  auto covers = [&](RankedTensorType values) {
    if (!values || !values.hasStaticShape() || values.getRank() != type.getRank())
      return false;
    for (auto [block, extent, count] : llvm::zip(blocks, type.getShape(), values.getShape()))
      if (count < extent / block + (extent % block != 0))
        return false;
    return elementCount(values.getShape()).has_value();
  };
  RankedTensorType scales = typeOf(attr.getScales());
  if (!covers(scales) || !isa<FloatType>(scales.getElementType()) ||
      scales.getElementTypeBitWidth() > 32)
    return emitError() << "dequantize: expected a scale of up to 32 bits for each block of " << type
                       << ", found " << attr.getScales();
  if (attr.getZeros()) {
    RankedTensorType zeros = typeOf(attr.getZeros());
    if (!covers(zeros) || zeros.getElementType() != integer)
      return emitError() << "dequantize: expected a zero of " << integer << " for each block of "
                         << type << ", found " << attr.getZeros();
  }
  return RankedTensorType::get(type.getShape(), scales.getElementType());
}

/// The type of the other weight of a multiply or an add: floats of up to 32 bits.
static FailureOr<RankedTensorType> inferOther(SourceAttr source, ArrayAttr transforms,
                                              llvm::function_ref<InFlightDiagnostic()> emitError) {
  RankedTensorType type = source.getType();
  for (Attribute transform : transforms) {
    FailureOr<RankedTensorType> next = inferTransformedType(type, transform, emitError);
    if (failed(next))
      return failure();
    type = *next;
  }
  return type;
}

static bool isNarrowFloat(Type element) {
  return isa<FloatType>(element) && element.getIntOrFloatBitWidth() <= 32;
}

static FailureOr<RankedTensorType> inferJoined(RankedTensorType type, Attribute attr,
                                               llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto multiply = dyn_cast<MultiplyAttr>(attr);
  FailureOr<RankedTensorType> other =
      multiply ? inferOther(multiply.getSource(), multiply.getTransforms(), emitError)
               : inferOther(cast<AddAttr>(attr).getSource(), cast<AddAttr>(attr).getTransforms(),
                            emitError);
  if (failed(other))
    return failure();
  bool areFloats = isNarrowFloat(type.getElementType()) && isNarrowFloat(other->getElementType());
  auto f32 = Float32Type::get(type.getContext());
  if (!multiply) {
    if (!areFloats || type.getShape() != other->getShape())
      return emitError() << "add: expected floats of the shape of " << type << ", found " << *other;
    return RankedTensorType::get(type.getShape(), f32);
  }
  if (!areFloats || type.getRank() != 2 || other->getRank() != 2 ||
      other->getDimSize(1) != type.getDimSize(0))
    return emitError() << "multiply: expected floats [N, M] for " << type << ", found " << *other;
  return RankedTensorType::get({other->getDimSize(0), type.getDimSize(1)}, f32);
}

FailureOr<RankedTensorType>
bluec::blue::inferTransformedType(RankedTensorType type, Attribute transform,
                                  llvm::function_ref<InFlightDiagnostic()> emitError) {
  if (!type.hasStaticShape())
    return emitError() << "expected a static shape before a transform, found " << type;
  ArrayRef<int64_t> shape = type.getShape();
  Type elementType = type.getElementType();

  return llvm::TypeSwitch<Attribute, FailureOr<RankedTensorType>>(transform)
      .Case([&](TransposeAttr attr) -> FailureOr<RankedTensorType> {
        ArrayRef<int64_t> permutation = attr.getPermutation();
        if (permutation.size() != shape.size())
          return emitError() << "transpose: expected a permutation of " << shape.size()
                             << " dims, found " << permutation.size();
        llvm::SmallBitVector seen(shape.size());
        SmallVector<int64_t> transposed;
        for (int64_t dim : permutation) {
          if (dim < 0 || dim >= type.getRank() || seen.test(dim))
            return emitError() << "transpose: expected every dim once, found " << dim;
          seen.set(dim);
          transposed.push_back(shape[dim]);
        }
        return RankedTensorType::get(transposed, elementType);
      })
      .Case([&](DequantizeAttr attr) { return inferDequantized(type, attr, emitError); })
      .Case<MultiplyAttr, AddAttr>([&](auto attr) { return inferJoined(type, attr, emitError); })
      .Case([&](QuantizeAttr attr) -> FailureOr<RankedTensorType> {
        if (!elementType.isF32() || shape.size() < 2)
          return emitError() << "quantize: expected rows of f32, found " << type;
        return RankedTensorType::get(shape, attr.getType());
      })
      .Case([&](ReshapeAttr attr) -> FailureOr<RankedTensorType> {
        std::optional<int64_t> before = elementCount(shape);
        std::optional<int64_t> after = elementCount(attr.getShape());
        if (!before || !after || *before != *after)
          return emitError() << "reshape: expected a shape with the elements of " << type
                             << ", found [" << attr.getShape() << "]";
        return RankedTensorType::get(attr.getShape(), elementType);
      })
      .Case([&](SliceAttr attr) -> FailureOr<RankedTensorType> {
        if (attr.getAxis() < 0 || attr.getAxis() >= type.getRank())
          return emitError() << "slice: expected an axis below " << type.getRank() << ", found "
                             << attr.getAxis();
        if (attr.getBegin() < 0 || attr.getBegin() >= attr.getEnd() ||
            attr.getEnd() > shape[attr.getAxis()])
          return emitError() << "slice: expected a range within 0 to " << shape[attr.getAxis()]
                             << ", found " << attr.getBegin() << " to " << attr.getEnd();
        SmallVector<int64_t> sliced(shape);
        sliced[attr.getAxis()] = attr.getEnd() - attr.getBegin();
        return RankedTensorType::get(sliced, elementType);
      })
      .Case([&](ConvertAttr attr) -> FailureOr<RankedTensorType> {
        if (!attr.getElementType().isIntOrFloat())
          return emitError() << "convert: expected an integer or float type, found "
                             << attr.getElementType();
        return RankedTensorType::get(shape, attr.getElementType());
      })
      .Case<ScaleAttr, OffsetAttr>([&](auto attr) -> FailureOr<RankedTensorType> {
        if (!isa<FloatType>(elementType))
          return emitError() << decltype(attr)::getMnemonic() << ": expected float elements, found "
                             << elementType;
        return type;
      })
      .Default([&](Attribute other) -> FailureOr<RankedTensorType> {
        return emitError() << "expected a weight transform, found " << other;
      });
}
