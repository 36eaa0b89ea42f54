// Pass join-steps; its description stands in JoinSteps.td.
#ifndef BLUEC_PASSES_KERNELS_JOIN_STEPS_H
#define BLUEC_PASSES_KERNELS_JOIN_STEPS_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/join_steps/JoinSteps.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_JOIN_STEPS_H
