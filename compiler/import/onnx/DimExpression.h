// Symbolic dims as exporters write them: "sequence_length", "past_sequence_length + 1", ...
#ifndef BLUEC_COMPILER_IMPORT_ONNX_DIMEXPRESSION_H
#define BLUEC_COMPILER_IMPORT_ONNX_DIMEXPRESSION_H

#include "compiler/dialect/onnx/inference/ShapeInference.h"

namespace bluec {

/// The expression that a dim_param spells: names, numbers, + - * // and parentheses. Equal names
/// are equal symbols. A text that is not of this form is one symbol of that name.
mlir::AffineExpr parseDimExpression(llvm::StringRef text, onnx::ShapeInference &inference);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_DIMEXPRESSION_H
