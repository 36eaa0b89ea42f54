// Elements attributes as tensors.
#include "compiler/reference/blue/BlueEvaluators.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;
using namespace bluec::reference;

static float widen(const APFloat &value) {
  APFloat wide = value;
  bool losesInfo;
  wide.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
  return wide.convertToFloat();
}

/// Element `i` of dense little-endian elements of `type`.
template <typename T> static T readRaw(ArrayRef<char> bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

/// A tensor from dense little-endian bytes (resources hold their elements like that; i1 as bytes).
static FailureOr<Tensor> fromBytes(Location location, ShapedType type, ArrayRef<char> bytes) {
  Type elementType = type.getElementType();
  int64_t count = type.getNumElements();
  int64_t width = elementType.isIntOrFloat()
                      ? std::max<int64_t>(1, elementType.getIntOrFloatBitWidth() / 8)
                      : 0;
  if (width == 0 || static_cast<int64_t>(bytes.size()) != count * width)
    return emitError(location) << "expected " << count << " elements of " << elementType
                               << " in a resource, found " << bytes.size() << " bytes";
  auto shape = llvm::to_vector_of<int64_t>(type.getShape());
  std::vector<int64_t> dims(shape.begin(), shape.end());
  if (elementType.isF64()) {
    Tensor tensor = Tensor::zeros(ElementType::F64, dims);
    for (int64_t i = 0; i < count; ++i)
      tensor.f64[i] = readRaw<double>(bytes, i);
    return tensor;
  }
  if (auto floatType = dyn_cast<FloatType>(elementType)) {
    Tensor tensor = Tensor::zeros(ElementType::F32, dims);
    for (int64_t i = 0; i < count; ++i) {
      if (elementType.isF32())
        tensor.f32[i] = readRaw<float>(bytes, i);
      else if (width == 2)
        tensor.f32[i] =
            widen(APFloat(floatType.getFloatSemantics(), APInt(16, readRaw<uint16_t>(bytes, i))));
      else
        return emitError(location)
               << "expected f16, bf16, f32 or f64 elements, found " << elementType;
    }
    return tensor;
  }
  bool isBool = elementType.isInteger(1);
  Tensor tensor = Tensor::zeros(isBool ? ElementType::Bool : ElementType::I64, dims);
  for (int64_t i = 0; i < count; ++i) {
    if (width == 8)
      tensor.i64[i] = readRaw<int64_t>(bytes, i);
    else if (width == 4)
      tensor.i64[i] = readRaw<int32_t>(bytes, i);
    else if (width == 2)
      tensor.i64[i] = readRaw<int16_t>(bytes, i);
    else
      tensor.i64[i] = isBool ? bytes[i] != 0 : readRaw<int8_t>(bytes, i);
  }
  return tensor;
}

FailureOr<Tensor> bluec::reference::tensorFromElements(Location location, ElementsAttr value) {
  ShapedType type = value.getShapedType();
  if (!type.hasStaticShape())
    return emitError(location) << "expected a value of static shape, found " << type;
  std::vector<int64_t> shape(type.getShape().begin(), type.getShape().end());
  Type elementType = type.getElementType();

  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError(location) << "expected the bytes of resource '"
                                 << resource.getRawHandle().getKey() << "', found none";
    return fromBytes(location, type, blob->getData());
  }

  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return emitError(location) << "expected dense elements, found another kind of constant";
  if (isa<FloatType>(elementType)) {
    bool isDouble = elementType.isF64();
    Tensor tensor = Tensor::zeros(isDouble ? ElementType::F64 : ElementType::F32, shape);
    for (auto [i, element] : llvm::enumerate(dense.getValues<APFloat>())) {
      if (isDouble)
        tensor.f64[i] = element.convertToDouble();
      else
        tensor.f32[i] = widen(element);
    }
    return tensor;
  }
  if (elementType.isIntOrIndex() &&
      (elementType.isIndex() || elementType.getIntOrFloatBitWidth() <= 64)) {
    bool isBool = elementType.isInteger(1);
    Tensor tensor = Tensor::zeros(isBool ? ElementType::Bool : ElementType::I64, shape);
    for (auto [i, element] : llvm::enumerate(dense.getValues<APInt>()))
      tensor.i64[i] = isBool || elementType.isUnsignedInteger()
                          ? static_cast<int64_t>(element.getZExtValue())
                          : element.getSExtValue();
    return tensor;
  }
  return emitError(location) << "expected float or integer elements, found " << elementType;
}
