// Makes constants of inputs that have one value in all calls; the description is in BindInputs.td.
#ifndef BLUEC_PASSES_ONNX_BIND_INPUTS_BINDINPUTS_H
#define BLUEC_PASSES_ONNX_BIND_INPUTS_BINDINPUTS_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/bind_inputs/BindInputs.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_BIND_INPUTS_BINDINPUTS_H
