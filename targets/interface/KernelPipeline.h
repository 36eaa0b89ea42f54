// From a schedule to kernels: the same for every target, but for the target's own lowering.
#ifndef BLUEC_TARGETS_INTERFACE_KERNEL_PIPELINE_H
#define BLUEC_TARGETS_INTERFACE_KERNEL_PIPELINE_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// Before: a plan of steps, with offsets (assign-weights, plan-memory). After: a plan of launches,
/// joined where they share a loop, and a func.func of scf, memref, vector, arith and math (and what
/// the target's own passes make) for each distinct step.
void buildKernelPipeline(mlir::OpPassManager &passes, const Target &target);

/// Fails with an error at the first step that has an operand or a result of a type which the target
/// does not support. For a plan of steps.
mlir::LogicalResult checkSupport(mlir::ModuleOp plan, const Target &target);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_INTERFACE_KERNEL_PIPELINE_H
