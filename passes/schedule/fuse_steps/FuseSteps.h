// Fuses elementwise steps into their producers; the description is in FuseSteps.td.
#ifndef BLUEC_PASSES_SCHEDULE_FUSE_STEPS_FUSESTEPS_H
#define BLUEC_PASSES_SCHEDULE_FUSE_STEPS_FUSESTEPS_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/fuse_steps/FuseSteps.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_FUSE_STEPS_FUSESTEPS_H
