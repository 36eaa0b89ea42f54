// TensorProtos as ops and attributes.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_TENSORIMPORT_H
#define BLUEC_COMPILER_IMPORT_ONNX_TENSORIMPORT_H

#include "compiler/import/onnx/OnnxFile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace bluec {

/// Tensors of at most so many elements are constants in the IR; larger ones are weights by name.
inline constexpr int64_t kMaxInlineElements = 64;
/// Larger data that has no range of bytes in a file (stored element by element) is a constant too,
/// up to this many elements.
inline constexpr int64_t kMaxCopiedElements = int64_t{1} << 20;

/// The elements as an attribute of static tensor type.
mlir::DenseElementsAttr denseElements(const TensorData &data);

/// An onnx.Constant or onnx.Weight for an initializer or a Constant node's tensor. Errors are one
/// line that names the tensor.
llvm::Expected<mlir::Value> importTensor(const OnnxFile &file, const ::onnx::TensorProto &tensor,
                                         llvm::StringRef name, mlir::OpBuilder &builder,
                                         mlir::Location loc);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_TENSORIMPORT_H
