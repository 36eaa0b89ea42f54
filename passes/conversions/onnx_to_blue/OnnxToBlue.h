// Raises onnx functions to the blue level; the description stands in OnnxToBlue.td.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_ONNXTOBLUE_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_ONNXTOBLUE_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/conversions/onnx_to_blue/OnnxToBlue.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_ONNXTOBLUE_H
