#include "passes/schedule/fuse_downsampling/FuseDownsampling.h"

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/IR/Builders.h"

namespace bluec {
#define GEN_PASS_DEF_FUSEDOWNSAMPLING
#include "passes/schedule/fuse_downsampling/FuseDownsampling.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

/// The linear layer of the step that alone reads `gathered`, if it can gather by itself.
plan::LinearOp readerOf(Value gathered, int64_t channels) {
  if (!gathered.hasOneUse())
    return {};
  OpOperand &use = *gathered.use_begin();
  auto step = dyn_cast<plan::StepOp>(use.getOwner());
  auto linear = step ? dyn_cast<plan::LinearOp>(step.getRoot()) : plan::LinearOp();
  if (!linear || linear.getGather() ||
      linear.getX() != step.getBlock().getArgument(use.getOperandNumber()) ||
      !linear.getX().hasOneUse() || !plan::canGather(linear.getPanels().getType(), channels))
    return {};
  return linear;
}

struct FuseDownsamplingPass : bluec::impl::FuseDownsamplingBase<FuseDownsamplingPass> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<plan::EntryOp>())
      for (auto step : llvm::make_early_inc_range(entry.getBody().front().getOps<plan::StepOp>()))
        if (auto gathering = dyn_cast<blue::TokenDownsampleOp>(step.getRoot()))
          fuse(step, gathering);
  }

  void fuse(plan::StepOp step, blue::TokenDownsampleOp gathering) {
    Value tokens = step.getOperand(0);
    auto type = cast<RankedTensorType>(tokens.getType());
    bool fits =
        gathering.canBeGathered() && gathering->getNextNode() == step.getBlock().getTerminator();
    plan::LinearOp linear =
        fits ? readerOf(step.getResult(), type.getShape().back()) : plan::LinearOp();
    if (!linear) {
      ++left;
      return;
    }
    ++fused;
    bytesSaved += static_cast<uint64_t>(
        2 * plan::denseBytes(cast<RankedTensorType>(step.getResult().getType())));
    auto reader = linear->getParentOfType<plan::StepOp>();
    cast<BlockArgument>(linear.getX()).setType(type);
    linear.setGatherAttr(plan::DownsampleAttr::get(
        &getContext(), static_cast<int64_t>(gathering.getHeight()),
        static_cast<int64_t>(gathering.getWidth()), gathering.getColumnMajor()));
    step.getResult().replaceAllUsesWith(tokens);
    Builder builder(&getContext());
    reader->setLoc(builder.getFusedLoc({step.getLoc(), reader.getLoc()}));
    step.erase();
  }
};

} // namespace
