// Pass lower-entries; its description stands in LowerEntries.td.
#ifndef BLUEC_PASSES_KERNELS_LOWER_ENTRIES_H
#define BLUEC_PASSES_KERNELS_LOWER_ENTRIES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/lower_entries/LowerEntries.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_ENTRIES_H
