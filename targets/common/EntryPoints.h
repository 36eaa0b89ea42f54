// Adds to a module of kernels what calls them: entry functions and the model's descriptor.
#ifndef BLUEC_TARGETS_COMMON_ENTRY_POINTS_H
#define BLUEC_TARGETS_COMMON_ENTRY_POINTS_H

#include "targets/common/ModelTable.h"
#include "targets/interface/Target.h"

namespace llvm {
class Module;
} // namespace llvm

namespace bluec::targets {

/// Adds, to a module that holds the kernels that `table` names:
/// - for each step a function of type bluec_kernel_fn that adds the offsets to the call's bases and
///   calls the kernel;
/// - for each entry a bluec_entry_fn: a straight line of parallel_for and on_step. Steps that run
/// side
///   by side (StepRow::joinsPrevious) share a parallel_for over the tasks of all of them, and
///   on_step is called for each behind it;
/// - the constant BLUEC_MODEL_SYMBOL, the only external symbol, and the tables that it points to.
/// Everything in runtime/abi/bluec_abi.h that has a layout is laid out here.
void addEntryPoints(llvm::Module &module, const ModelTable &table, const ModelInfo &info,
                    const Target &target);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_COMMON_ENTRY_POINTS_H
