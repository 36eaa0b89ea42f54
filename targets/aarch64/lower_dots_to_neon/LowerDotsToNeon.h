// Pass lower-dots-to-neon; its description stands in LowerDotsToNeon.td.
#ifndef BLUEC_TARGETS_AARCH64_LOWER_DOTS_TO_NEON_H
#define BLUEC_TARGETS_AARCH64_LOWER_DOTS_TO_NEON_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::targets {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "targets/aarch64/lower_dots_to_neon/LowerDotsToNeon.h.inc"

} // namespace bluec::targets

#endif // BLUEC_TARGETS_AARCH64_LOWER_DOTS_TO_NEON_H
