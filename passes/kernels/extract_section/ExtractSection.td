#ifndef BLUEC_PASSES_KERNELS_EXTRACT_SECTION
#define BLUEC_PASSES_KERNELS_EXTRACT_SECTION

include "mlir/Pass/PassBase.td"

def ExtractSection : Pass<"extract-section", "::mlir::ModuleOp"> {
  let summary = "keep the entries that are compiled for one target";
  let description = [{
    **What it does.** A plan whose devices have several targets becomes code for each of them, a section. This pass
    keeps the entries of the devices that have the target of that name, makes it the module's `plan.target`, and
    sets `plan.section`. Weights and caches stay where they are, read here or not: they are those of the whole
    bundle, and so are the sizes on the module.

    **What must have run before.** verify-plan: what concerns entries of several sections (stages, calls that encode
    tiles) is checked on the whole plan; on a section it is not.

    **What it does not do.** It copies nothing; who needs several sections clones the plan.

    **Before and after.** tests/lit/kernels/extract_section/
  }];
  let options = [Option<"target", "target", "std::string", /*default=*/"", "name of the target">];
  let dependentDialects = ["::bluec::plan::PlanDialect"];
}

#endif // BLUEC_PASSES_KERNELS_EXTRACT_SECTION
