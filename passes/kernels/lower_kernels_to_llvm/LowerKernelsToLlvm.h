// Pass lower-kernels-to-llvm; its description is in LowerKernelsToLlvm.td.
#ifndef BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_H
#define BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_H
