#include "passes/schedule/plan_memory/PlanMemory.h"

#include "compiler/dialect/plan/Layouts.h"

#include "passes/schedule/plan_memory/ArenaPacker.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

namespace bluec {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/schedule/plan_memory/PlanMemory.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

struct PlanMemoryPass : bluec::impl::PlanMemoryBase<PlanMemoryPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    alignment = plan::alignmentOf(module);
    Builder builder(module.getContext());
    int64_t largest = 0, unpacked = 0;
    for (auto entry : module.getOps<plan::EntryOp>())
      planEntry(entry, builder, largest, unpacked);

    int64_t cacheBytes = 0;
    for (auto cache : module.getOps<plan::CacheOp>()) {
      cache.setOffset(cacheBytes);
      cacheBytes += alignedBytes(cache.getType());
    }
    int64_t peak = cacheBytes + mostBesideTheCache(module);
    module->setAttr(plan::kCacheBytesAttr, builder.getI64IntegerAttr(cacheBytes));
    module->setAttr(plan::kPeakBytesAttr, builder.getI64IntegerAttr(peak));
    arenaBytes = static_cast<uint64_t>(largest);
    unpackedBytes = static_cast<uint64_t>(unpacked);
  }

  int64_t alignedBytes(Type type) const {
    return plan::padded(plan::denseBytes(cast<RankedTensorType>(type)), alignment);
  }

  /// Of all segments of the weights, the most that one takes with the arenas of the entry points
  /// that read it.
  int64_t mostBesideTheCache(ModuleOp module) {
    auto weights = module->getAttrOfType<IntegerAttr>(plan::kWeightsBytesAttr);
    llvm::StringMap<int64_t> bytesOf;
    if (auto segments = module->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr))
      for (auto segment : segments.getAsRange<plan::SegmentAttr>())
        bytesOf[segment.getName()] = segment.getBytes();
    // Entries of a segment run one at a time, and share an arena on each device; but the stages of
    // an encoder may run at the same time, with two buffers for what crosses.
    struct Arenas {
      llvm::StringMap<int64_t> whole; // by device
      int64_t patches = 0, blocks = 0, crossing = 0;
      int64_t bytes() const {
        int64_t all = 0;
        for (const auto &device : whole)
          all += device.second;
        return std::max(all, patches + blocks + 2 * crossing);
      }
    };
    llvm::StringMap<Arenas> arenasOf;
    for (auto entry : module.getOps<plan::EntryOp>()) {
      Arenas &arenas = arenasOf[entry.getSegment()];
      bool isFirst = !entry.isWhole() && entry.isFirstStage();
      bool isSecond = !entry.isWhole() && entry.isLastStage();
      int64_t &arena = isFirst    ? arenas.patches
                       : isSecond ? arenas.blocks
                                  : arenas.whole[entry.getDevice()];
      arena = std::max(arena, static_cast<int64_t>(entry.getArenaBytes().value_or(0)));
      for (Value output : entry.getBody().front().getTerminator()->getOperands())
        if (isFirst)
          arenas.crossing = std::max(arenas.crossing, alignedBytes(output.getType()));
    }
    int64_t most = 0;
    for (const auto &[segment, arenas] : arenasOf) {
      auto known = bytesOf.find(segment);
      int64_t read = known != bytesOf.end() ? known->second : weights ? weights.getInt() : 0;
      most = std::max(most, read + arenas.bytes());
    }
    return most;
  }

  void planEntry(plan::EntryOp entry, Builder &builder, int64_t &largest, int64_t &unpacked) {
    Block &block = entry.getBody().front();
    SmallVector<plan::StepOp> steps(block.getOps<plan::StepOp>());
    DenseMap<Operation *, int64_t> numbers;
    for (plan::StepOp step : steps)
      numbers.try_emplace(step, static_cast<int64_t>(numbers.size()));
    int64_t end = static_cast<int64_t>(steps.size());

    auto lastUse = [&](Value value, int64_t made) {
      int64_t last = made;
      for (Operation *user : value.getUsers()) {
        auto found = numbers.find(user);
        last = std::max(last, found == numbers.end() ? end : found->second);
      }
      return last;
    };
    std::vector<Lifetime> lifetimes;
    for (BlockArgument argument : block.getArguments())
      lifetimes.push_back({-1, lastUse(argument, -1), alignedBytes(argument.getType())});
    for (plan::StepOp step : steps) {
      if (!step.getResult())
        continue;
      int64_t made = numbers[step];
      int64_t last = lastUse(step.getResult(), made);
      lifetimes.push_back({made, last, alignedBytes(step.getResult().getType())});
      step.setLastUse(last);
    }

    Packing packing = packArena(lifetimes, alignment);
    ArrayRef<int64_t> offsets(packing.offsets);
    entry.setInputOffsetsAttr(
        builder.getDenseI64ArrayAttr(offsets.take_front(block.getNumArguments())));
    offsets = offsets.drop_front(block.getNumArguments());
    for (plan::StepOp step : steps) {
      if (!step.getResult())
        continue;
      step.setOffset(offsets.front());
      offsets = offsets.drop_front();
    }
    entry.setArenaBytes(packing.bytes);
    if (packing.bytes > largest) {
      largest = packing.bytes;
      unpacked = 0;
      for (const Lifetime &lifetime : lifetimes)
        unpacked += lifetime.bytes;
    }
  }

  int64_t alignment = 0;
};

} // namespace
