// Places weights in weights.bin; the description is in AssignWeights.td.
#ifndef BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS_ASSIGNWEIGHTS_H
#define BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS_ASSIGNWEIGHTS_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/assign_weights/AssignWeights.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS_ASSIGNWEIGHTS_H
