// Applies a precision recipe; the description is in QuantizeModel.td.
#ifndef BLUEC_PASSES_PRECISION_QUANTIZE_MODEL_QUANTIZEMODEL_H
#define BLUEC_PASSES_PRECISION_QUANTIZE_MODEL_QUANTIZEMODEL_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

/// On a blue.linear: the largest magnitude of its input in a calibration run, a float attribute.
inline constexpr llvm::StringLiteral kInputMaxAttr = "blue.input_max";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/precision/quantize_model/QuantizeModel.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_PRECISION_QUANTIZE_MODEL_QUANTIZEMODEL_H
