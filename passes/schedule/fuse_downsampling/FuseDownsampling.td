#ifndef BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING
#define BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING

include "mlir/Pass/PassBase.td"

def FuseDownsampling : Pass<"fuse-downsampling", "::mlir::ModuleOp"> {
  let summary = "take the gathering of 2x2 tokens into the linear layer after it";
  let description = [{
    **What it does.** A step that is a blue.token_downsample and whose result only one plan.linear
    reads, as its x, joins that step: the linear layer gets `gather` and reads the four tokens of
    each row in place. Padding is not read, and the tensor that is four times as wide
    never exists.

    **What must have run before.** lower-to-plan and fuse-steps. Steps have no offsets yet.

    **What it does not do.** It leaves a gathering of other blocks than 2x2, or of another order than
    whole tokens block by block. It leaves a gathering whose linear layer has panels in groups that
    reach from one token into the next (plan::canGather): with rows of floats that is slower and takes
    its memory, but works; quantize-model makes no quantized rows of that kind. It changes no bit
    of any result.

    **Before and after.** tests/lit/schedule/fuse_downsampling/
  }];
  let statistics = [
    Statistic<"fused", "fused", "gatherings that joined a linear layer">,
    Statistic<"left", "left", "gatherings that stay steps of their own">,
    Statistic<"bytesSaved", "bytes-saved",
              "bytes not written and not read back, in one call of each entry at capacity">
  ];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_SCHEDULE_FUSE_DOWNSAMPLING
