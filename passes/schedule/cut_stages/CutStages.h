// Makes two entry points of an encoder that two devices share; the description is in
// CutStages.td.
#ifndef BLUEC_PASSES_SCHEDULE_CUT_STAGES_CUTSTAGES_H
#define BLUEC_PASSES_SCHEDULE_CUT_STAGES_CUTSTAGES_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/cut_stages/CutStages.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_CUT_STAGES_CUTSTAGES_H
