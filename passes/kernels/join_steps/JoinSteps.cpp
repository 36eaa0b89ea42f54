#include "passes/kernels/join_steps/JoinSteps.h"

#include "compiler/dialect/plan/Addresses.h"

using namespace mlir;

namespace bluec::kernels {

#define GEN_PASS_DEF_JOINSTEPS
#include "passes/kernels/join_steps/JoinSteps.h.inc"

namespace {

class JoinStepsPass : public impl::JoinStepsBase<JoinStepsPass> {
public:
  using JoinStepsBase::JoinStepsBase;
  void runOnOperation() override;

private:
  LogicalResult joinIn(plan::EntryOp entry, const SymbolTable &symbols);
};

} // namespace

LogicalResult JoinStepsPass::joinIn(plan::EntryOp entry, const SymbolTable &symbols) {
  SmallVector<plan::Access> loop; // of the launches that share the last loop
  for (auto launch : entry.getOps<plan::LaunchOp>()) {
    FailureOr<plan::Access> access = plan::accessOf(launch, entry, symbols);
    if (failed(access))
      return failure();
    bool isWide = plan::tasksOf(launch, static_cast<int64_t>(entry.getCapacity())) > 1;
    bool joins =
        isWide && !loop.empty() && static_cast<int64_t>(loop.size()) < most &&
        llvm::none_of(loop, [&](const plan::Access &other) { return access->conflicts(other); });
    launch.setJoined(joins);
    ++(joins ? numJoined : numLoops);
    if (!joins)
      loop.clear();
    if (isWide)
      loop.push_back(std::move(*access));
  }
  return success();
}

void JoinStepsPass::runOnOperation() {
  SymbolTable symbols(getOperation());
  for (auto entry : getOperation().getOps<plan::EntryOp>())
    if (failed(joinIn(entry, symbols)))
      return signalPassFailure();
}

} // namespace bluec::kernels
