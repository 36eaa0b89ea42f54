// Infers the types of onnx graphs; the description stands in InferShapes.td.
#ifndef BLUEC_PASSES_ONNX_INFER_SHAPES_INFERSHAPES_H
#define BLUEC_PASSES_ONNX_INFER_SHAPES_INFERSHAPES_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/infer_shapes/InferShapes.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_INFER_SHAPES_INFERSHAPES_H
