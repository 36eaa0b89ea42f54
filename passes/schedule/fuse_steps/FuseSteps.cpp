#include "passes/schedule/fuse_steps/FuseSteps.h"

#include "mlir/IR/IRMapping.h"

namespace bluec {
#define GEN_PASS_DEF_FUSESTEPS
#include "passes/schedule/fuse_steps/FuseSteps.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

bool touchesCache(plan::StepOp step) {
  return llvm::any_of(step.getOperands(), [](Value operand) {
    return isa_and_nonnull<plan::GetCacheOp>(operand.getDefiningOp());
  });
}

bool takesEpilogue(plan::StepOp step) {
  Operation *root = step.getRoot();
  return isa<plan::LinearOp, plan::ExpertLinearOp, blue::EmbeddingOp, plan::EmbeddingOp>(root) ||
         plan::isElementwise(root);
}

/// True if the step's kernel sees whole rows of its result, one after the other, and no
/// quantization ends it yet. (Tasks of linear layers and of attention see parts of rows, and so do
/// norms by groups.)
bool takesQuantization(plan::StepOp step) {
  Operation *root = step.getRoot();
  if (plan::normGroups(root) > 1)
    return false;
  return isa<blue::RmsNormOp, blue::LayerNormOp, blue::EmbeddingOp, plan::EmbeddingOp>(root) ||
         plan::isElementwise(root);
}

/// True if nothing reads the step's result but a quantization. It is better made together with
/// that, row by row, than with a linear layer: the same bytes are written and read, and the layers
/// that make its operands can run side by side.
bool onlyQuantized(plan::StepOp step) {
  Value result = step.getResult();
  auto reader = result.hasOneUse() ? dyn_cast<plan::StepOp>(*result.user_begin()) : plan::StepOp();
  return reader && isa<plan::QuantizeOp>(reader.getRoot());
}

/// The steps that must move before `producer`, so that `operand` is there when it runs; failure
/// when one of them cannot.
LogicalResult collectHoists(Value operand, plan::StepOp producer,
                            SmallVectorImpl<plan::StepOp> &hoists) {
  auto step = operand.getDefiningOp<plan::StepOp>();
  if (!step || step->isBeforeInBlock(producer))
    return success();
  // A step that depends on the producer, or reads what others append to the KV cache, stays.
  if (step == producer || touchesCache(step))
    return failure();
  for (Value inner : step.getOperands())
    if (failed(collectHoists(inner, producer, hoists)))
      return failure();
  if (!llvm::is_contained(hoists, step))
    hoists.push_back(step);
  return success();
}

/// True when `value`, the result of another step, enters `step` as an operand of its first op only.
bool entersAtStart(plan::StepOp step, Value value) {
  if (llvm::count(step.getOperands(), value) != 1)
    return false;
  auto at = llvm::find(step.getOperands(), value) - step.getOperands().begin();
  BlockArgument argument = step.getBlock().getArgument(static_cast<unsigned>(at));
  Operation &first = step.getBlock().front();
  return argument.hasOneUse() && *argument.user_begin() == &first;
}

/// One step that does what `producer` and then `consumer` did, placed before `place`.
plan::StepOp merge(plan::StepOp producer, plan::StepOp consumer, Operation *place) {
  Value between = producer.getResult();
  SmallVector<Value> operands(producer.getOperands());
  for (Value operand : consumer.getOperands())
    if (operand != between && !llvm::is_contained(operands, operand))
      operands.push_back(operand);

  OpBuilder builder(place);
  Location location = builder.getFusedLoc({producer.getLoc(), consumer.getLoc()});
  auto merged = plan::StepOp::create(builder, location, consumer->getResultTypes(), operands,
                                     producer.getLayerAttr(), consumer.getValueAttr(),
                                     producer.getDeviceAttr(), IntegerAttr(), IntegerAttr());
  Block &block = merged.getBody().emplaceBlock();
  for (Value operand : operands)
    block.addArgument(operand.getType(), location);
  builder.setInsertionPointToEnd(&block);

  IRMapping mapping;
  auto copyBody = [&](plan::StepOp step) {
    for (auto [operand, argument] : llvm::zip(step.getOperands(), step.getBlock().getArguments()))
      if (operand != between || step == producer)
        mapping.map(argument, block.getArgument(static_cast<unsigned>(
                                  llvm::find(operands, operand) - operands.begin())));
    for (Operation &op : step.getBlock().without_terminator())
      builder.clone(op, mapping);
  };
  copyBody(producer);
  Value made = producer.getBlock().getTerminator()->getOperand(0);
  for (auto [operand, argument] :
       llvm::zip(consumer.getOperands(), consumer.getBlock().getArguments()))
    if (operand == between)
      mapping.map(argument, mapping.lookup(made));
  copyBody(consumer);
  builder.clone(*consumer.getBlock().getTerminator(), mapping);

  if (consumer.getResult())
    consumer.getResult().replaceAllUsesWith(merged.getResult());
  consumer.erase();
  producer.erase();
  return merged;
}

struct FuseStepsPass : bluec::impl::FuseStepsBase<FuseStepsPass> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<plan::EntryOp>()) {
      SmallVector<plan::StepOp> steps(entry.getBody().front().getOps<plan::StepOp>());
      for (plan::StepOp step : steps)
        if (!fuseIntoProducer(step))
          fuseRopeIntoAppend(step);
      // Behind that, so that an elementwise step is whole: it may have joined a linear layer.
      for (auto step : llvm::make_early_inc_range(entry.getBody().front().getOps<plan::StepOp>()))
        fuseQuantize(step);
    }
  }

  bool fuseIntoProducer(plan::StepOp consumer) {
    if (!plan::isElementwise(consumer.getRoot()))
      return false;
    bool isQuantized = onlyQuantized(consumer);
    plan::StepOp producer;
    SmallVector<plan::StepOp> hoists;
    for (Value operand : consumer.getOperands()) {
      auto step = operand.getDefiningOp<plan::StepOp>();
      bool fits = step && operand.hasOneUse() && takesEpilogue(step) &&
                  !(isQuantized && isa<plan::LinearOp, plan::ExpertLinearOp>(step.getRoot())) &&
                  operand.getType() == consumer.getResult().getType() &&
                  entersAtStart(consumer, operand);
      // Of two producers the later one: the other's result is there by then.
      if (!fits || (producer && step->isBeforeInBlock(producer)))
        continue;
      SmallVector<plan::StepOp> moves;
      if (llvm::any_of(consumer.getOperands(), [&](Value other) {
            return other != operand && failed(collectHoists(other, step, moves));
          }))
        continue;
      producer = step;
      hoists = moves;
    }
    if (!producer)
      return false;
    for (plan::StepOp step : hoists)
      step->moveBefore(producer);
    count(producer);
    merge(producer, consumer, producer);
    return true;
  }

  void fuseRopeIntoAppend(plan::StepOp consumer) {
    if (!isa<plan::AppendKeysOp>(consumer.getRoot()))
      return;
    auto producer = consumer.getOperand(0).getDefiningOp<plan::StepOp>();
    if (!producer || !producer.getResult().hasOneUse())
      return;
    bool ropeOnly = isa<blue::RopeOp>(producer.getRoot()) &&
                    producer.getRoot()->getNextNode() == producer.getBlock().getTerminator();
    if (!ropeOnly)
      return;
    count(producer);
    merge(producer, consumer, consumer);
  }

  void fuseQuantize(plan::StepOp consumer) {
    if (!isa<plan::QuantizeOp>(consumer.getRoot()))
      return;
    auto producer = consumer.getOperand(0).getDefiningOp<plan::StepOp>();
    if (!producer || !producer.getResult().hasOneUse() || !takesQuantization(producer))
      return;
    ++quantizesFused;
    count(producer);
    merge(producer, consumer, producer);
  }

  void count(plan::StepOp producer) {
    ++stepsFused;
    auto type = cast<RankedTensorType>(producer.getResult().getType());
    bytesSaved += static_cast<uint64_t>(2 * plan::denseBytes(type));
  }
};

} // namespace
