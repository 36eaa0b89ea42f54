// Pass lower-dots-to-x86; its description stands in LowerDotsToX86.td.
#ifndef BLUEC_TARGETS_X86_64_LOWER_DOTS_TO_X86_H
#define BLUEC_TARGETS_X86_64_LOWER_DOTS_TO_X86_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::targets {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "targets/x86_64/lower_dots_to_x86/LowerDotsToX86.h.inc"

} // namespace bluec::targets

#endif // BLUEC_TARGETS_X86_64_LOWER_DOTS_TO_X86_H
