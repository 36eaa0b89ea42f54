// ONNX's element types (TensorProto.DataType), by number: models may carry numbers that are newer
// than the protobuf classes that read them.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H
#define BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H

#include "mlir/IR/Types.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bluec::onnx {

/// The MLIR type of an ONNX element type; null for those that bluec has no use for (strings,
/// complex numbers, FP8). Booleans are i1, signed integers signless.
mlir::Type elementTypeOf(mlir::MLIRContext *context, int64_t dataType);

/// ONNX's number of an element type, 0 when it has none.
int64_t dataTypeOf(mlir::Type elementType);

/// "float16"; "data type 42" for numbers that ONNX does not know either.
std::string dataTypeName(int64_t dataType);

/// Bytes of `count` elements in raw_data: 4-bit integers stand two in a byte, the first one in its
/// low half. Nothing for types that bluec has no use for, and when the bytes cannot be counted.
std::optional<int64_t> bytesOf(mlir::Type elementType, int64_t count);

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H
