#include "passes/kernels/extract_section/ExtractSection.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_EXTRACTSECTION
#include "passes/kernels/extract_section/ExtractSection.h.inc"

namespace {

struct ExtractSectionPass : impl::ExtractSectionBase<ExtractSectionPass> {
  using ExtractSectionBase::ExtractSectionBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    plan::TargetAttr kept;
    SmallVector<plan::EntryOp> others;
    for (auto entry : module.getOps<plan::EntryOp>()) {
      plan::TargetAttr found = plan::targetOf(entry);
      if (!found || found.getName() != target) {
        others.push_back(entry);
        continue;
      }
      if (kept && kept != found) {
        entry.emitOpError() << "expected one target of the name '" << target << "', found two";
        return signalPassFailure();
      }
      kept = found;
    }
    if (!kept) {
      module.emitError() << "expected an entry on a device of target '" << target
                         << "', found none";
      return signalPassFailure();
    }
    for (plan::EntryOp entry : others)
      entry.erase();
    module->setAttr(plan::kTargetAttr, kept);
    module->setAttr(plan::kSectionAttr, StringAttr::get(&getContext(), target));
  }
};

} // namespace
} // namespace bluec::kernels
