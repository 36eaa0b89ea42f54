#include "passes/schedule/retarget_entries/RetargetEntries.h"

#include "compiler/dialect/plan/Layouts.h"

#include "llvm/ADT/MapVector.h"

namespace bluec {
#define GEN_PASS_DEF_RETARGETENTRIES
#include "passes/schedule/retarget_entries/RetargetEntries.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

RankedTensorType withLayout(RankedTensorType type, Attribute layout) {
  return RankedTensorType::get(type.getShape(), type.getElementType(), layout);
}

/// Keys of floats, [batch, heads, blocks, D, lanes], for so many positions.
RankedTensorType retargetedKeys(RankedTensorType type, int64_t positions, plan::TargetAttr target) {
  return plan::floatKeysFor(target, type.getDimSize(0), type.getDimSize(1), positions,
                            type.getDimSize(3), type.getElementType());
}

/// The type of quantized rows, keys or values on `target`; any other type as it is. `block` is of
/// keys and values: positions side by side.
RankedTensorType retargeted(RankedTensorType type, plan::TargetAttr target,
                            function_ref<int64_t()> block) {
  Attribute layout = type.getEncoding();
  if (auto rows = dyn_cast_or_null<plan::RowsAttr>(layout))
    return withLayout(type, plan::rowsFor(target, type, rows.getSums()));
  if (auto keys = dyn_cast_or_null<plan::KeysAttr>(layout))
    return withLayout(type,
                      plan::keysFor(target, keys.getHeads(), block(), keys.getDot().getStorage()));
  if (auto values = dyn_cast_or_null<plan::ValuesAttr>(layout))
    return withLayout(
        type, plan::valuesFor(target, values.getHeads(), block(), values.getDot().getStorage()));
  return type;
}

RankedTensorType retargetedCache(plan::CacheOp cache, int64_t context, plan::TargetAttr target) {
  auto type = cast<RankedTensorType>(cache.getType());
  constexpr int64_t kKeyRank = 5;
  // A ring's blocks are full.
  if (type.getRank() == kKeyRank)
    return retargetedKeys(type, std::min(context, plan::RingLayout::of(type).positions), target);
  return retargeted(type, target, [&] { return target.getTuningOrDefault().getCacheBlock(); });
}

/// What a step makes; in an encoder, where positions of keys and values are a tile's tokens.
RankedTensorType retargetedResult(plan::StepOp step, plan::TargetAttr target) {
  auto type = cast<RankedTensorType>(step.getResult().getType());
  if (auto keys = dyn_cast<plan::PackKeysOp>(step.getRoot()); keys && !type.getEncoding())
    return retargetedKeys(type, keys.getKeys().getType().getDimSize(1), target);
  return retargeted(type, target, [&] { return plan::attentionBlock(target, type.getDimSize(1)); });
}

struct RetargetEntriesPass : bluec::impl::RetargetEntriesBase<RetargetEntriesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module.getOps<plan::DeviceOp>().empty())
      return markAllAnalysesPreserved();
    if (failed(retarget(module)))
      signalPassFailure();
  }

  LogicalResult retarget(ModuleOp module) {
    base = plan::requireTarget(module);
    if (!base)
      return failure();
    SymbolTable table(module);
    symbols = &table;
    noteDots();
    for (auto entry : module.getOps<plan::EntryOp>())
      if (failed(retargetEntry(entry)))
        return failure();
    for (auto &[cache, use] : caches)
      cache.setType(use.first);
    for (auto &[weight, readers] : weights)
      splitWeight(weight, readers);
    return checkCrossing();
  }

  /// By which product each weight meets activations, where one does.
  void noteDots() {
    getOperation().walk([&](Operation *product) {
      if (!isa<plan::LinearOp, plan::ExpertLinearOp>(product))
        return;
      auto step = product->getParentOfType<plan::StepOp>();
      auto panels = dyn_cast<BlockArgument>(product->getOperand(1));
      auto get = step && panels
                     ? step.getOperand(panels.getArgNumber()).getDefiningOp<plan::GetWeightOp>()
                     : plan::GetWeightOp();
      if (get)
        dots.try_emplace(get.getWeight(), plan::storageOf(product->getOperand(0).getType()));
    });
  }

  LogicalResult retargetEntry(plan::EntryOp entry) {
    plan::TargetAttr target = plan::targetOf(entry);
    for (auto get : entry.getBody().front().getOps<plan::GetCacheOp>())
      if (failed(retargetCache(entry, get, target)))
        return failure();
    for (auto get : entry.getBody().front().getOps<plan::GetWeightOp>())
      retargetWeight(get, target);
    if (target == base)
      return success();
    ++retargeted;
    for (BlockArgument input : entry.getBody().getArguments())
      input.setType(::retargeted(cast<RankedTensorType>(input.getType()), target, [&] {
        return plan::attentionBlock(target, cast<RankedTensorType>(input.getType()).getDimSize(1));
      }));
    for (auto step : entry.getBody().front().getOps<plan::StepOp>())
      if (failed(retargetStep(step, target)))
        return failure();
    return success();
  }

  /// Fails where another entry's target lays the cache out in another way.
  LogicalResult retargetCache(plan::EntryOp entry, plan::GetCacheOp get, plan::TargetAttr target) {
    auto cache = symbols->lookup<plan::CacheOp>(get.getCache());
    RankedTensorType type = cast<RankedTensorType>(cache.getType());
    if (target != base) {
      auto context = getOperation()->getAttrOfType<IntegerAttr>(plan::kContextAttr);
      if (!context)
        return getOperation().emitError() << "expected " << plan::kContextAttr;
      type = retargetedCache(cache, context.getInt(), target);
    }
    auto [found, isNew] = caches.try_emplace(cache, type, entry);
    auto [firstType, firstEntry] = found->second;
    if (firstType != type)
      return entry.emitOpError() << "expected the KV cache in the layout that '"
                                 << firstEntry.getSymName() << "' uses on '"
                                 << firstEntry.getDevice() << "' (target "
                                 << plan::targetOf(firstEntry).getName()
                                 << "), found another one on '" << entry.getDevice() << "' (target "
                                 << target.getName() << ")";
    get.getResult().setType(type);
    return success();
  }

  void retargetWeight(plan::GetWeightOp get, plan::TargetAttr target) {
    auto weight = symbols->lookup<plan::WeightOp>(get.getWeight());
    auto packed = cast<RankedTensorType>(weight.getPacked());
    if (auto panels = dyn_cast_or_null<plan::PanelsAttr>(packed.getEncoding());
        panels && target != base) {
      Type dot = dots.lookup(weight.getSymName());
      packed =
          withLayout(packed, plan::panelsFor(target, dot ? dot : panels.getDot().getStorage()));
    } else if (target != base && weight.getPanelRows() > 0) {
      packed = plan::panelsOf(weight.getTransformedType(), plan::panelRows(target));
    }
    weights[weight][packed].push_back(get);
    get.getResult().setType(packed);
  }

  using Readers = llvm::MapVector<RankedTensorType, SmallVector<plan::GetWeightOp>>; // by layout

  /// The weight in the layout of its first readers, and a copy in each of the others.
  void splitWeight(plan::WeightOp weight, const Readers &readers) {
    for (const auto &[packed, gets] : readers) {
      if (packed == readers.front().first) {
        weight.setPacked(packed);
        continue;
      }
      OpBuilder builder(weight);
      builder.setInsertionPointAfter(weight);
      auto copy = cast<plan::WeightOp>(builder.clone(*weight));
      copy.setPacked(packed);
      symbols->insert(copy); // under a name of its own
      for (plan::GetWeightOp get : gets)
        get.setWeight(copy.getSymName());
      ++copies;
    }
  }

  LogicalResult retargetStep(plan::StepOp step, plan::TargetAttr target) {
    for (auto [argument, operand] :
         llvm::zip_equal(step.getBlock().getArguments(), step.getOperands()))
      argument.setType(operand.getType());
    if (auto linear = dyn_cast<plan::LinearOp>(step.getRoot()); linear && linear.getGather())
      if (int64_t channels = linear.getX().getType().getShape().back();
          !plan::canGather(linear.getPanels().getType(), channels))
        return step.emitOpError() << "layer " << step.getLayerAttr() << ": expected rows of "
                                  << channels << " elements that target '" << target.getName()
                                  << "' can gather, found " << linear.getPanels().getType();
    if (auto experts = dyn_cast<plan::ExpertLinearOp>(step.getRoot())) {
      int64_t channels = cast<RankedTensorType>(experts.getResult().getType()).getShape().back();
      int64_t together = plan::panelRows(target);
      if (channels % together != 0)
        return step.emitOpError() << "layer " << step.getLayerAttr() << ": expected experts of a "
                                  << "multiple of " << together << " channels for target '"
                                  << target.getName() << "', found " << channels;
    }
    if (!step.getResult())
      return success();
    RankedTensorType type = retargetedResult(step, target);
    step.getResult().setType(type);
    step.getBlock().getTerminator()->getOperand(0).setType(type);
    return success();
  }

  /// Stages on two targets hand over what both lay out alike.
  LogicalResult checkCrossing() {
    auto module = getOperation();
    for (auto entry : module.getOps<plan::EntryOp>())
      for (auto next : module.getOps<plan::EntryOp>()) {
        bool follows = entry.isEncoder() && next.isEncoder() &&
                       next.getCapacity() == entry.getCapacity() &&
                       next.getStage() == entry.getStage() + 1;
        if (!follows)
          continue;
        TypeRange given = entry.getBody().front().getTerminator()->getOperandTypes();
        TypeRange taken = next.getBody().front().getArgumentTypes();
        if (given != taken)
          return next.emitOpError()
                 << "expected " << taken << " to cross from '" << entry.getDevice() << "' (target "
                 << plan::targetOf(entry).getName() << ") to '" << next.getDevice() << "' (target "
                 << plan::targetOf(next).getName() << "), found " << given
                 << ": targets lay it out in two ways";
      }
    return success();
  }

  plan::TargetAttr base; // of the module
  SymbolTable *symbols = nullptr;
  llvm::StringMap<Type> dots; // of linears' activations, by weight
  // What an entry wants a cache to be, and the first entry that does.
  llvm::MapVector<plan::CacheOp, std::pair<RankedTensorType, plan::EntryOp>> caches;
  llvm::MapVector<plan::WeightOp, Readers> weights;
};

} // namespace
