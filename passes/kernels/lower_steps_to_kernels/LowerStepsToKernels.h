// Pass lower-steps-to-kernels; its description is in LowerStepsToKernels.td.
#ifndef BLUEC_PASSES_KERNELS_LOWER_STEPS_TO_KERNELS_H
#define BLUEC_PASSES_KERNELS_LOWER_STEPS_TO_KERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_STEPS_TO_KERNELS_H
