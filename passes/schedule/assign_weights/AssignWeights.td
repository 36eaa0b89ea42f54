#ifndef BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS
#define BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS

include "mlir/Pass/PassBase.td"

def AssignWeights : Pass<"assign-weights", "::mlir::ModuleOp"> {
  let summary = "place the weights in weights.bin";
  let description = [{
    **What it does.** Orders the plan.weights of each segment by the step that reads them first,
    gives each an `offset`, and the module `plan.segments` and `plan.weights_bytes`. Segments begin
    at pages, weights where the target aligns them. Weights of a segment with the same bytes share one
    range: the same digest where they have one, otherwise the same value, transforms and packed
    type. Weights that no entry reads are erased.

    **What must have run before.** lower-to-plan; and whoever can read the model's files sets the
    digests (the pipeline does).

    **What it does not do.** It reads and writes no weight.

    **Before and after.** tests/lit/schedule/assign_weights/
  }];
  let statistics = [
    Statistic<"shared", "shared", "weights that share the range of another one">,
    Statistic<"bytesSaved", "bytes-saved", "bytes that sharing keeps out of weights.bin">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_ASSIGN_WEIGHTS
