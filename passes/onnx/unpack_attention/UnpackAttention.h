// Splits attention from its input projections; the description stands in UnpackAttention.td.
#ifndef BLUEC_PASSES_ONNX_UNPACK_ATTENTION_UNPACKATTENTION_H
#define BLUEC_PASSES_ONNX_UNPACK_ATTENTION_UNPACKATTENTION_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/unpack_attention/UnpackAttention.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_UNPACK_ATTENTION_UNPACKATTENTION_H
