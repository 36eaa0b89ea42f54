#include "compiler/reference/Rounding.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"

#include <bit>
#include <cmath>

using namespace mlir;

namespace bluec::reference {

float halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
  if (exponent == 0x1f)
    return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  float magnitude = std::ldexp(static_cast<float>(fraction), -24);
  return sign ? -magnitude : magnitude;
}

uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return static_cast<uint16_t>(sign | 0x7e00); // not a number
  if (magnitude >= 0x477ff000)
    return static_cast<uint16_t>(sign | 0x7c00); // rounds to infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: a multiple of 2^-24. nearbyint rounds to even.
    float scaled = std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24));
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(scaled));
  }
  uint32_t rebiased = magnitude - (112u << 23);
  uint32_t rounded = rebiased + 0xfff + ((rebiased >> 13) & 1);
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

float bfloat16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t floatToBfloat16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return static_cast<uint16_t>((bits >> 16) | 0x40); // stays not a number
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

std::optional<ElementType> elementTypeFor(Type type) {
  if (type.isF64())
    return ElementType::F64;
  if (type.isF32() || type.isF16() || type.isBF16())
    return ElementType::F32;
  if (type.isInteger(1))
    return ElementType::Bool;
  if (type.isIndex() || (isa<IntegerType>(type) && type.getIntOrFloatBitWidth() <= 64))
    return ElementType::I64;
  return std::nullopt;
}

DenseElementsAttr elementsFromTensor(const Tensor &tensor, Type elementType) {
  if (elementTypeFor(elementType) != tensor.type || elementType.isIndex())
    return {};
  auto type = RankedTensorType::get(tensor.shape, elementType);
  if (auto floating = dyn_cast<FloatType>(elementType)) {
    SmallVector<APFloat> values;
    for (int64_t i = 0; i < tensor.numElements(); ++i) {
      APFloat value(tensor.number(i));
      bool losesInfo;
      value.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
      values.push_back(value);
    }
    return DenseElementsAttr::get(type, values);
  }
  SmallVector<APInt> values;
  for (int64_t value : tensor.i64)
    values.push_back(APInt(elementType.getIntOrFloatBitWidth(), static_cast<uint64_t>(value),
                           /*isSigned=*/true, /*implicitTrunc=*/true));
  return DenseElementsAttr::get(type, values);
}

void roundTo(Tensor &tensor, Type type) {
  if (elementTypeFor(type) != tensor.type)
    return;
  if (type.isF16()) {
    for (float &value : tensor.f32)
      value = halfToFloat(floatToHalf(value));
  } else if (type.isBF16()) {
    for (float &value : tensor.f32)
      value = bfloat16ToFloat(floatToBfloat16(value));
  } else if (auto integer = dyn_cast<IntegerType>(type); integer && integer.getWidth() < 64) {
    // Wraps to the low bits, sign-extended for signed and signless types.
    unsigned shift = 64 - integer.getWidth();
    bool isUnsigned = integer.isUnsigned() || integer.getWidth() == 1;
    for (int64_t &value : tensor.i64) {
      uint64_t high = static_cast<uint64_t>(value) << shift;
      value =
          isUnsigned ? static_cast<int64_t>(high >> shift) : static_cast<int64_t>(high) >> shift;
    }
  }
}

} // namespace bluec::reference
