// Sets the batch of decoders to one; the description stands in SpecializeBatch.td.
#ifndef BLUEC_PASSES_ONNX_SPECIALIZE_BATCH_SPECIALIZEBATCH_H
#define BLUEC_PASSES_ONNX_SPECIALIZE_BATCH_SPECIALIZEBATCH_H

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/onnx/specialize_batch/SpecializeBatch.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_ONNX_SPECIALIZE_BATCH_SPECIALIZEBATCH_H
