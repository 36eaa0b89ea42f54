#include "compiler/dialect/onnx/DataTypes.h"

#include "mlir/IR/BuiltinTypes.h"

#include <array>
#include <string_view>

using namespace mlir;

// Indexed by TensorProto.DataType.
static constexpr std::array<std::string_view, 24> kNames = {
    "undefined",      "float",      "uint8",          "int8",       "uint16",   "int16",
    "int32",          "int64",      "string",         "bool",       "float16",  "double",
    "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};

Type bluec::onnx::elementTypeOf(MLIRContext *context, int64_t dataType) {
  auto unsignedType = [&](unsigned width) {
    return IntegerType::get(context, width, IntegerType::Unsigned);
  };
  switch (dataType) {
  case 1:
    return Float32Type::get(context);
  case 2:
    return unsignedType(8);
  case 3:
    return IntegerType::get(context, 8);
  case 4:
    return unsignedType(16);
  case 5:
    return IntegerType::get(context, 16);
  case 6:
    return IntegerType::get(context, 32);
  case 7:
    return IntegerType::get(context, 64);
  case 9:
    return IntegerType::get(context, 1);
  case 10:
    return Float16Type::get(context);
  case 11:
    return Float64Type::get(context);
  case 12:
    return unsignedType(32);
  case 13:
    return unsignedType(64);
  case 16:
    return BFloat16Type::get(context);
  case 21:
    return unsignedType(4);
  case 22:
    return IntegerType::get(context, 4);
  default:
    return {};
  }
}

int64_t bluec::onnx::dataTypeOf(Type elementType) {
  for (int64_t dataType = 1; dataType < static_cast<int64_t>(kNames.size()); ++dataType)
    if (elementTypeOf(elementType.getContext(), dataType) == elementType)
      return dataType;
  return 0;
}

std::string bluec::onnx::dataTypeName(int64_t dataType) {
  if (dataType >= 0 && dataType < static_cast<int64_t>(kNames.size()))
    return std::string(kNames[static_cast<size_t>(dataType)]);
  return "data type " + std::to_string(dataType);
}

std::optional<int64_t> bluec::onnx::bytesOf(Type elementType, int64_t count) {
  if (dataTypeOf(elementType) == 0)
    return std::nullopt;
  constexpr int64_t kPacked = 4; // bits; two of these share a byte
  if (elementType.getIntOrFloatBitWidth() == kPacked)
    return count / 2 + count % 2;
  int64_t bytes = (elementType.getIntOrFloatBitWidth() + 7) / 8;
  if (__builtin_mul_overflow(bytes, count, &bytes))
    return std::nullopt;
  return bytes;
}
