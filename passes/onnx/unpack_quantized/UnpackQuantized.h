// Makes weights of packed integers; the description stands in UnpackQuantized.td.
#ifndef BLUEC_PASSES_ONNX_UNPACK_QUANTIZED_UNPACKQUANTIZED_H
#define BLUEC_PASSES_ONNX_UNPACK_QUANTIZED_UNPACKQUANTIZED_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/unpack_quantized/UnpackQuantized.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_UNPACK_QUANTIZED_UNPACKQUANTIZED_H
