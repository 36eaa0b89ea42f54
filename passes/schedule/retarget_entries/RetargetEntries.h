// Gives the entries of each device the layouts of its target; the description is in
// RetargetEntries.td.
#ifndef BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES_RETARGETENTRIES_H
#define BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES_RETARGETENTRIES_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/retarget_entries/RetargetEntries.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES_RETARGETENTRIES_H
