#ifndef BLUEC_PASSES_SCHEDULE_PLACE_STEPS
#define BLUEC_PASSES_SCHEDULE_PLACE_STEPS

include "mlir/Pass/PassBase.td"

def PlaceSteps : Pass<"place-steps", "::mlir::ModuleOp"> {
  let summary = "choose the device of a machine that each step runs on";
  let description = [{
    **What it does.** Asks the model of costs (compiler/machine) how long each step takes on each device of
    the machine description, and gives each entry the placement that ends it soonest: all steps on one
    device, or, for an encoder, the first steps on one and the rest on another, where exactly one value
    crosses. Of an encoder, three calls of the batch count (a picture of nine tiles and its like), of which the
    second device works on one while the first works on the next, with transfers and the cost of a call on
    each device. (Of an embedding, that prefill has to get its rows.) All encoders are cut at the same step. Then it rewrites `plan.encode_calls`: for each number of
    tiles below a batch the faster of one partly filled call and several of one tile. An encoder that no
    call uses any more is erased. Without a machine it does nothing: every step is on "cpu".

    **What must have run before.** lower-to-plan and whatever fuses steps.

    **What it does not do.** It reorders nothing, and it does not place steps here and there: what hands values
    to and fro between devices pays for it in every call, and an entry point is compiled for one device. A
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
