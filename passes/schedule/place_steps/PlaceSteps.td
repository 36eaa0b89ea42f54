#ifndef BLUEC_PASSES_SCHEDULE_PLACE_STEPS
#define BLUEC_PASSES_SCHEDULE_PLACE_STEPS

include "mlir/Pass/PassBase.td"

def PlaceSteps : Pass<"place-steps", "::mlir::ModuleOp"> {
  let summary = "choose the device of a machine that each step runs on";
  let description = [{
    **What it does.** Asks the model of costs (compiler/machine) how long each step takes on each device of
    the machine description, and gives each entry the placement that ends it soonest: all steps on one
    device, or, for an encoder, the first steps on one and the rest on another, where exactly one value
    crosses. An encoder's time is that of three calls of the batch (a picture of nine tiles and its like),
    with transfers and the cost of a call on each device. The second device works on one call while the first
    works on the next. (An embedding's time includes handing its rows to prefill.) All encoders are cut at the
    same step. Then it rewrites `plan.encode_calls`: for each number of tiles below a batch the faster of one
    partly filled call and several of one tile. An encoder that no call uses any more is erased. Without a
    machine it does nothing: every step is on "cpu".

    **What must have run before.** lower-to-plan and whatever fuses steps.

    **What it does not do.** It reorders nothing, and it does not place steps here and there. Values that go
    to and fro between devices cost time in every call, and an entry point is compiled for one device. A
    machine that cannot compute an entry in this way is an error at the entry.

    **Before and after.** tests/lit/schedule/place_steps/
  }];
  let options = [
    Option<"machine", "machine", "std::string", /*default=*/"",
           "name of a shipped machine, a file, or a machine description itself; empty: one device, \"cpu\"">
  ];
  let statistics = [
    Statistic<"placed", "placed", "steps that are not on the machine's first device">,
    Statistic<"crossings", "crossings", "values that are handed from one device to another">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_PLACE_STEPS
