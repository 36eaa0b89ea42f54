#ifndef BLUEC_PASSES_SCHEDULE_PLAN_MEMORY
#define BLUEC_PASSES_SCHEDULE_PLAN_MEMORY

include "mlir/Pass/PassBase.td"

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "place every value in its entry's arena, and the KV cache";
  let description = [{
    **What it does.** Gives every step's result an `offset` in the arena of its entry and the
    `last_use` that ends its lifetime. Gives every entry its `arena_bytes` and `input_offsets`, every
    plan.cache its offset, and the module `plan.cache_bytes` and `plan.peak_bytes`.

    A result is alive from its own step to its last reader, an output to the end of the call, an
    input from the start of the call. Values that are alive together share no byte.

    The peak is the KV cache, and the most that a segment of the weights takes with the largest
    arena of the entry points that read it. No more is in memory at a time: entry points run one
    after the other, and a runtime lets the other segments and their arena leave memory meanwhile.
    The two stages of an encoder may run at the same time: both arenas count, and two buffers for the
    value that crosses.

    **What must have run before.** fuse-steps (later fusion would outdate the lifetimes) and
    assign-weights (for the peak).

    **What it does not do.** It does not reorder steps, and no result takes its operand's place.

    **Before and after.** tests/lit/schedule/plan_memory/
  }];
  let statistics = [
    Statistic<"arenaBytes", "arena-bytes", "bytes of the largest arena">,
    Statistic<"unpackedBytes", "unpacked-bytes",
              "bytes that the largest arena would take if no two values shared a byte">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_PLAN_MEMORY
