#ifndef BLUEC_PASSES_MODEL_INLINE_CACHED_BRANCH
#define BLUEC_PASSES_MODEL_INLINE_CACHED_BRANCH

include "mlir/Pass/PassBase.td"

def InlineCachedBranch : Pass<"inline-cached-branch", "::mlir::func::FuncOp"> {
  let summary = "replace the If of a merged decoder by the branch with a KV cache";
  let description = [{
    **What it does.** A merged decoder chooses between a graph without and one with a past by its
    input `use_cache_branch`. The then-branch, with a past, takes the If's place: a past of length 0
    makes it serve the first call too. The input goes away. An If on a constant becomes the branch
    that the constant says. Types are inferred again.

    **What must have run before.** The import.

    **What it does not do.** An If on anything else is an error at the node: bundles have no control
    flow.

    **Before and after.** tests/lit/onnx/inline_cached_branch/
  }];
  let statistics = [
    Statistic<"branchesInlined", "branches-inlined", "Ifs that became one of their branches">
  ];
  let dependentDialects = ["::bluec::onnx::OnnxDialect"];
}

#endif // BLUEC_PASSES_MODEL_INLINE_CACHED_BRANCH
