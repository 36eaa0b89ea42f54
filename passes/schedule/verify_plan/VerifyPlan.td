#ifndef BLUEC_PASSES_SCHEDULE_VERIFY_PLAN
#define BLUEC_PASSES_SCHEDULE_VERIFY_PLAN

include "mlir/Pass/PassBase.td"

def VerifyPlan : Pass<"verify-plan", "::mlir::ModuleOp"> {
  let summary = "check a finished plan: nothing overlaps, nothing is out of bounds";
  let description = [{
    **What it does.** Checks what the kernels count on and no single op can see, without looking at
    how plan-memory and assign-weights arrived at it: values that are alive together share no byte
    of an arena and lie inside it, aligned; two weights share either the whole of their range or
    nothing of it and lie inside their segment; caches do not overlap; those of fewer positions than the
    context are rings for whoever uses them, as the module says; a step reads from a cache
    only behind the steps that append to it; quantized rows have sums that divide the groups of the
    weights they meet; an entry's steps are on its device; launches that share a parallel loop touch no byte
    that another of them writes; encoders are whole or pairs of stages, one of a
    capacity, that hand over one value; layouts have a dot and an alignment of the target that the entry's
    device has, if it has one; `plan.encode_calls` has a list for each number of tiles below the batch, of
    encoders that are there; every byte count on the module holds. A section (extract-section) has some of the
    entries only: what concerns them together is not asked of it.

    **What must have run before.** plan-memory. After this pass, a plan is legal input for the
    kernel generator. It runs again after join-steps: a plan of launches is checked the same way.

    **What it does not do.** It changes nothing.

    **Before and after.** tests/lit/schedule/verify_plan/
  }];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_VERIFY_PLAN
