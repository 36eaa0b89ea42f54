#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN

include "mlir/Pass/PassBase.td"

def LowerToPlan : Pass<"lower-to-plan", "::mlir::ModuleOp"> {
  let summary = "make entry points of the parts of a model (blue to plan)";
  let description = [{
    **What it does.** Replaces the functions of the model by entry points of static shape:
    - `encode`: image-batch tiles; from the function with blue.role "vision";
    - `encode_1`: one tile, if the batch is more; it reads the same weights;
    - `embed`: chunk token ids; from "embed";
    - `prefill`: chunk embeddings to the last valid token's logits (`logits=last`) or to those of every
      valid token (`logits=all`); from "decoder";
    - `decode`: one token id to its logits; "embed" and "decoder" in one.

    Each layer op becomes a plan.step. Weights become plan.weight, in panels of the target's width
    where a linear layer reads them. Patch embedding becomes im2col and a linear. The past and
    present keys and values of a decoder become one KV cache of `context` tokens, written in place.
    Layers with a window keep as many of them as windows need when a call begins at most
    max(chunk, rewind) tokens before the furthest one written, if that is less: their caches are rings,
    and the module says `plan.ring_positions` and `plan.ring_back`.
    With `logits=last`, whatever only the logits need after the last attention is computed for the
    last valid row only. Where the decoder takes the positions of its rows as a tensor, `prefill` and
    `decode` take them too, as input "positions". `plan.encode_calls` says which encoders encode fewer tiles than a batch: a
    single tile runs in encode_1, several share a call of the batch.

    **What must have run before.** Raising to `blue` and the precision phase; the module carries
    the target's facts as `plan.target`.

    **What it does not do.** It fuses nothing (fuse-steps), places nothing (assign-weights,
    plan-memory) and changes no arithmetic. An op that it cannot express is an error at its location.

    **Before and after.** tests/lit/schedule/lower_to_plan/
  }];
  let options = [
    Option<"context", "context", "int64_t", /*default=*/"2048",
           "tokens that the KV cache holds">,
    Option<"chunk", "chunk", "int64_t", /*default=*/"128",
           "tokens that one call of prefill takes at most">,
    Option<"rewind", "rewind", "int64_t", /*default=*/"512",
           "tokens that a call may go back where layers keep a window's only">,
    Option<"imageBatch", "image-batch", "int64_t", /*default=*/"1",
           "tiles that one call of encode takes at most">,
    Option<"logits", "logits", "::bluec::Logits", /*default=*/"::bluec::Logits::Last",
           "the rows of a call of prefill that get logits",
           [{::llvm::cl::values(
               clEnumValN(::bluec::Logits::Last, "last", "the last valid one"),
               clEnumValN(::bluec::Logits::All, "all", "every valid one"))}]>
  ];
  let statistics = [
    Statistic<"steps", "steps", "steps in all entry points">,
    Statistic<"weights", "weights", "weights that the entry points read">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN
