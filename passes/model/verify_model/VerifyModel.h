// Checks the model level; the description is in VerifyModel.td.
#ifndef BLUEC_PASSES_MODEL_VERIFY_MODEL_VERIFYMODEL_H
#define BLUEC_PASSES_MODEL_VERIFY_MODEL_VERIFYMODEL_H

#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/model/verify_model/VerifyModel.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_MODEL_VERIFY_MODEL_VERIFYMODEL_H
