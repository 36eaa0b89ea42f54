// Pass extract-section; its description stands in ExtractSection.td.
#ifndef BLUEC_PASSES_KERNELS_EXTRACT_SECTION_H
#define BLUEC_PASSES_KERNELS_EXTRACT_SECTION_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/extract_section/ExtractSection.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_EXTRACT_SECTION_H
