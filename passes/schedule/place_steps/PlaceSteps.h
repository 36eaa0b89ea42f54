// Chooses a device for every step; the description is in PlaceSteps.td.
#ifndef BLUEC_PASSES_SCHEDULE_PLACE_STEPS_PLACESTEPS_H
#define BLUEC_PASSES_SCHEDULE_PLACE_STEPS_PLACESTEPS_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/place_steps/PlaceSteps.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_PLACE_STEPS_PLACESTEPS_H
