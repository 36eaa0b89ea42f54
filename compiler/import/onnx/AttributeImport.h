// AttributeProtos as MLIR attributes.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_ATTRIBUTEIMPORT_H
#define BLUEC_COMPILER_IMPORT_ONNX_ATTRIBUTEIMPORT_H

#include "compiler/import/onnx/OnnxFile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace bluec {

/// An int becomes an I64Attr, a float an F32Attr, a string a StrAttr, ints a DenseI64ArrayAttr,
/// floats a DenseF32ArrayAttr, a tensor a DenseElementsAttr. Errors are one line that names the
/// attribute; graphs are not attributes here.
llvm::Expected<mlir::Attribute> importAttribute(const OnnxFile &file,
                                                const ::onnx::AttributeProto &attribute,
                                                mlir::Builder &builder);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_ATTRIBUTEIMPORT_H
