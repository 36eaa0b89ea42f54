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

/// On an onnx op that is in no layer: why, as a string. Set by onnx-to-blue, read by verify-model.
inline constexpr llvm::StringLiteral kUnraisedAttr = "blue.unraised";
/// The reason of a node that no pattern has more to say about.
inline constexpr llvm::StringLiteral kUnknownLayer = "expected a node of a layer that bluec knows";

} // namespace bluec

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_ONNXTOBLUE_H
