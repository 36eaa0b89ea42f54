// Checks a finished plan; the description is in VerifyPlan.td.
#ifndef BLUEC_PASSES_SCHEDULE_VERIFY_PLAN_VERIFYPLAN_H
#define BLUEC_PASSES_SCHEDULE_VERIFY_PLAN_VERIFYPLAN_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/verify_plan/VerifyPlan.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_VERIFY_PLAN_VERIFYPLAN_H
