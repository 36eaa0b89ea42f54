// Evaluates what is known at compile time; the description stands in FoldConstants.td.
#ifndef BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDCONSTANTS_H
#define BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDCONSTANTS_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/fold_constants/FoldConstants.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_FOLD_CONSTANTS_FOLDCONSTANTS_H
