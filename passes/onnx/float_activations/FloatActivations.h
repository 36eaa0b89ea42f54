// Takes the quantization of activations away; the description is in FloatActivations.td.
#ifndef BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS_FLOATACTIVATIONS_H
#define BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS_FLOATACTIVATIONS_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/float_activations/FloatActivations.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_FLOAT_ACTIVATIONS_FLOATACTIVATIONS_H
