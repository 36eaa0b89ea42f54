#ifndef BLUEC_PASSES_KERNELS_JOIN_STEPS
#define BLUEC_PASSES_KERNELS_JOIN_STEPS

include "mlir/Pass/PassBase.td"

def JoinSteps : Pass<"join-steps", "::mlir::ModuleOp"> {
  let summary = "decide which launches share a parallel loop";
  let description = [{
    **What it does.** Marks a launch as `joined` when it may run side by side with the launch before it
    and with all that share that one's loop: none of them writes bytes that another reads or writes. Threads
    then go from one to the next without waiting for each other. A launch of one task at full
    capacity stays alone: it is over before another thread has heard of it. At most `most` launches share a loop.

    **What must have run before.** lower-steps-to-kernels, since a kernel says how many tasks it has;
    assign-weights and plan-memory, since bytes are compared.

    **What it does not do.** The order of launches stays, and so does every offset.

    **Before and after.** tests/lit/kernels/join_steps/
  }];
  let options = [Option<"most", "most", "int64_t", "8", "launches that share a loop, at most">];
  let statistics = [
    Statistic<"numLoops", "loops", "parallel loops, of one launch or of several">,
    Statistic<"numJoined", "joined", "launches that share the loop of the one before">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_KERNELS_JOIN_STEPS
