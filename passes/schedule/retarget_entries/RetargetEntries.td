#ifndef BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES
#define BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES

include "mlir/Pass/PassBase.td"

def RetargetEntries : Pass<"retarget-entries", "::mlir::ModuleOp"> {
  let summary = "give the entries of each device the layouts of its target";
  let description = [{
    **What it does.** lower-to-plan lays everything out for the module's target, since no step has a device yet.
    Where a plan.device says that its device has another target, this pass changes the types in the entries that
    are on it: panels of weights, quantized rows, packed keys and values, and the caches that only they use. A
    weight that devices of two targets read becomes two, each in its own layout. What is computed, and where, stays.

    **What must have run before.** cut-stages: an entry has one device then.

    **What it does not do.** It converts nothing while the model runs. A cache that entries of two targets use, and
    a value that crosses between stages, has to be laid out alike by both; else there is an error. What a target
    cannot gather (fuse-downsampling) is an error, too. Weights are packed for the activations that they meet. Keys and
    values keep the width of operands that the module's target gave them: where that has no dot product, the device
    uses none for attention either.

    **Before and after.** tests/lit/schedule/retarget_entries/
  }];
  let statistics = [
    Statistic<"retargeted", "retargeted", "entries that got other layouts">,
    Statistic<"copies", "copies", "weights that are there in two layouts">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_RETARGET_ENTRIES
