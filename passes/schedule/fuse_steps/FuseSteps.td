#ifndef BLUEC_PASSES_SCHEDULE_FUSE_STEPS
#define BLUEC_PASSES_SCHEDULE_FUSE_STEPS

include "mlir/Pass/PassBase.td"

def FuseSteps : Pass<"fuse-steps", "::mlir::ModuleOp"> {
  let summary = "fuse elementwise steps and quantization into the step that makes their operand";
  let description = [{
    **What it does.** A step of elementwise ops joins the step that makes one of its operands, on
    three conditions. That step's root is a linear layer, an embedding or elementwise itself. Nothing
    else reads the operand. The other operands are there in time. So bias and residual additions,
    activations, scales, position embeddings, and swiglu (into the second of its two linear layers)
    become epilogues, and the intermediate value never reaches memory. A rope whose result is only
    appended to the key cache joins the append. Then a plan.quantize joins the step that makes its
    rows, when that step's kernel sees whole rows: a norm, an embedding, or elementwise ops alone.
    The rows never reach memory as floats.

    **What must have run before.** lower-to-plan. Steps have no offsets yet.

    **What it does not do.** It does not quantize in linear layers and attention, whose tasks see
    parts of rows. An elementwise step that only a quantization reads joins no linear layer either:
    together with the quantization it saves the same bytes. It computes nothing twice: a value with
    two readers is a step of its own. It reorders no two steps that touch the KV cache. It changes no
    bit of any result.

    **Before and after.** tests/lit/schedule/fuse_steps/
  }];
  let statistics = [
    Statistic<"stepsFused", "steps-fused", "steps that joined another one">,
    Statistic<"quantizesFused", "quantizes-fused", "of those, quantizations of rows">,
    Statistic<"bytesSaved", "bytes-saved",
              "bytes not written and not read back, in one call of each entry at capacity">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_FUSE_STEPS
