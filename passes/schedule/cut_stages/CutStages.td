#ifndef BLUEC_PASSES_SCHEDULE_CUT_STAGES
#define BLUEC_PASSES_SCHEDULE_CUT_STAGES

include "mlir/Pass/PassBase.td"

def CutStages : Pass<"cut-stages", "::mlir::ModuleOp"> {
  let summary = "make two entry points of an encoder that crosses from one device to another";
  let description = [{
    **What it does.** An encoder whose first steps are on one device and the rest on another becomes
    `encode_patches` (pixels to the value that crosses) and `encode_blocks` (that value to features).
    Their names end as that of the `encode` which they replace. The two share no memory: the first can
    work on the next tiles while the second works on these. The value that crosses is the output of one
    and the input of the other; its two buffers are the caller's. Every entry gets the device of its
    steps. Where a machine has been asked and no encoder is cut, a remark says that nothing overlaps.

    **What must have run before.** place-steps; without it every step is on "cpu" and nothing is cut.

    **What it does not do.** No value is handed over inside of an entry: steps on several devices in an entry that is
    no encoder, a second crossing, or several values in one are errors.

    **Before and after.** tests/lit/schedule/cut_stages/
  }];
  let statistics = [
    Statistic<"cut", "cut", "encoders that became two stages">,
    Statistic<"whole", "whole", "encoders that are on one device">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_CUT_STAGES
