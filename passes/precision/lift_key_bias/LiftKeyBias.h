// Takes large constants out of keys that are cached in 8 bits; the description is in
// LiftKeyBias.td.
#ifndef BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS_LIFTKEYBIAS_H
#define BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS_LIFTKEYBIAS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/precision/lift_key_bias/LiftKeyBias.h.inc"

} // namespace bluec

#endif // BLUEC_PASSES_PRECISION_LIFT_KEY_BIAS_LIFTKEYBIAS_H
