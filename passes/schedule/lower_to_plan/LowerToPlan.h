// Makes entry points of the parts of a model; the description is in LowerToPlan.td.
#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LOWERTOPLAN_H
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LOWERTOPLAN_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

/// The rows of a call that get logits.
enum class Logits { Last, All };

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/lower_to_plan/LowerToPlan.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LOWERTOPLAN_H
