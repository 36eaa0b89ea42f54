// Places values in arenas; the description is in PlanMemory.td.
#ifndef BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_PLANMEMORY_H
#define BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_PLANMEMORY_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/plan_memory/PlanMemory.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_PLANMEMORY_H
