// Pass expand-kernel-ops; its description stands in ExpandKernelOps.td.
#ifndef BLUEC_PASSES_KERNELS_EXPAND_KERNEL_OPS_H
#define BLUEC_PASSES_KERNELS_EXPAND_KERNEL_OPS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/kernels/expand_kernel_ops/ExpandKernelOps.h.inc"

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_EXPAND_KERNEL_OPS_H
