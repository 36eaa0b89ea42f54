// ONNX's element types (TensorProto.DataType), by number: models may carry numbers that are newer
// than the protobuf classes that read them.
#ifndef BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H
#define BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H

#include "mlir/IR/Types.h"

#include <cstdint>
#include <string>

namespace bluec::onnx {

/// The MLIR type of an ONNX element type; null for those that bluec has no use for (strings,
/// complex numbers, FP8, 4-bit integers). Booleans are i1, signed integers signless.
mlir::Type elementTypeOf(mlir::MLIRContext *context, int64_t dataType);

/// ONNX's number of an element type, 0 when it has none.
int64_t dataTypeOf(mlir::Type elementType);

/// "float16"; "data type 42" for numbers that ONNX does not know either.
std::string dataTypeName(int64_t dataType);

/// Bytes of one element in raw_data; 0 for types that bluec has no use for.
int64_t elementBytes(mlir::Type elementType);

} // namespace bluec::onnx

#endif // BLUEC_COMPILER_DIALECT_ONNX_DATATYPES_H
