#include "passes/schedule/cut_stages/CutStages.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace bluec {
#define GEN_PASS_DEF_CUTSTAGES
#include "passes/schedule/cut_stages/CutStages.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

/// What a stage is called instead of "encode", its number, and the names of what it takes and
/// gives.
struct Stage {
  StringRef name;
  int64_t number;
  ArrayRef<StringRef> takes, gives;
};

/// The name of the value that crosses.
constexpr StringRef kCrossing = "patches";

/// Builds one stage of two from steps of an entry.
plan::EntryOp makeStage(plan::EntryOp entry, const Stage &described,
                        MutableArrayRef<plan::StepOp> steps, ValueRange inputs,
                        ValueRange outputs) {
  OpBuilder builder(entry);
  StringRef name = entry.getSymName();
  std::string suffix = name.consume_front("encode") ? name.str() : "_" + name.str();
  auto stage = plan::EntryOp::create(
      builder, entry.getLoc(), builder.getStringAttr(described.name + suffix), entry.getRoleAttr(),
      builder.getI64IntegerAttr(described.number), builder.getI64IntegerAttr(2),
      entry.getCapacityAttr(), entry.getSegmentAttr(), builder.getStrArrayAttr(described.takes),
      builder.getStrArrayAttr(described.gives), steps.front().getDeviceAttr(), IntegerAttr(),
      DenseI64ArrayAttr());
  Block &block = stage.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, block.addArgument(input.getType(), input.getLoc()));
  builder.setInsertionPointToEnd(&block);
  for (Operation &op : entry.getBody().front()) {
    bool isRead = llvm::any_of(op.getUsers(), [&](Operation *user) {
      return llvm::is_contained(steps, dyn_cast<plan::StepOp>(user));
    });
    if (isa<plan::GetWeightOp, plan::GetCacheOp>(op) && isRead)
      builder.clone(op, mapping);
  }
  for (plan::StepOp step : steps)
    builder.clone(*step, mapping);
  SmallVector<Value> returned;
  for (Value output : outputs)
    returned.push_back(mapping.lookup(output));
  plan::ReturnOp::create(builder, entry.getLoc(), returned);
  return stage;
}

struct CutStagesPass : bluec::impl::CutStagesBase<CutStagesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    plan::EntryOp lastWhole;
    for (auto entry : llvm::make_early_inc_range(module.getOps<plan::EntryOp>())) {
      bool isEncoder = entry.isEncoder();
      FailureOr<bool> isCut = cutEntry(entry);
      if (failed(isCut))
        return signalPassFailure();
      if (isEncoder && !*isCut)
        lastWhole = entry;
      (*isCut ? cut : whole) += isEncoder;
    }
    if (cut > 0 && lastWhole) {
      lastWhole.emitOpError("expected all encoders to be cut, or none, found both");
      return signalPassFailure();
    }
    if (auto machine = module->getAttrOfType<StringAttr>(plan::kMachineAttr); machine && lastWhole)
      lastWhole.emitRemark() << "all steps are on device '" << lastWhole.getDevice()
                             << "' of machine " << machine << ": nothing overlaps";
  }

  /// Whether the entry has become two. (It is gone then.)
  FailureOr<bool> cutEntry(plan::EntryOp entry) {
    Block &block = entry.getBody().front();
    SmallVector<plan::StepOp> steps(block.getOps<plan::StepOp>());
    if (steps.empty())
      return false;
    size_t at = 0;
    for (size_t i = 1; i < steps.size(); ++i) {
      if (steps[i].getDevice() == steps[i - 1].getDevice())
        continue;
      if (at != 0 || !entry.isEncoder())
        return steps[i].emitOpError()
               << "expected " << (at != 0 ? "an encoder that crosses once" : "steps on one device")
               << ", found '" << steps[i].getDevice() << "' behind '" << steps[i - 1].getDevice()
               << "'";
      at = i;
    }
    if (at == 0) {
      entry.setDeviceAttr(steps.front().getDeviceAttr());
      return false;
    }

    MutableArrayRef<plan::StepOp> all(steps);
    MutableArrayRef<plan::StepOp> first = all.take_front(at), second = all.drop_front(at);
    llvm::SetVector<Value> crossing;
    auto note = [&](Value value) {
      auto step = value.getDefiningOp<plan::StepOp>();
      if (isa<BlockArgument>(value) || (step && !llvm::is_contained(second, step)))
        crossing.insert(value);
    };
    for (plan::StepOp step : second)
      llvm::for_each(step.getOperands(), note);
    llvm::for_each(block.getTerminator()->getOperands(), note);
    auto type = crossing.size() == 1 ? cast<RankedTensorType>(crossing.front().getType())
                                     : RankedTensorType();
    if (!type || isa<BlockArgument>(crossing.front()) || type.getRank() == 0 ||
        type.getDimSize(0) != static_cast<int64_t>(entry.getCapacity()))
      return second.front().emitOpError()
             << "expected one value with a row for each tile to cross from '"
             << first.front().getDevice() << "' to '" << second.front().getDevice() << "', found "
             << crossing.size() << (type ? " of another kind" : "");
    auto takes = llvm::to_vector(entry.getTakes().getAsValueRange<StringAttr>());
    auto gives = llvm::to_vector(entry.getGives().getAsValueRange<StringAttr>());
    makeStage(entry, {"encode_patches", 0, takes, kCrossing}, first, block.getArguments(),
              crossing.getArrayRef());
    makeStage(entry, {"encode_blocks", 1, kCrossing, gives}, second, crossing.getArrayRef(),
              block.getTerminator()->getOperands());
    entry.erase();
    return true;
  }
};

} // namespace
