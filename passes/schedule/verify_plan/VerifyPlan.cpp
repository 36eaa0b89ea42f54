#include "passes/schedule/verify_plan/VerifyPlan.h"

#include "compiler/dialect/plan/Addresses.h"
#include "compiler/dialect/plan/Layouts.h"

#include <map>

namespace bluec {
#define GEN_PASS_DEF_VERIFYPLAN
#include "passes/schedule/verify_plan/VerifyPlan.h.inc"
} // namespace bluec

using namespace mlir;
using namespace bluec;

namespace {

/// A range of bytes, who has it, and the steps from which to which it is in use.
struct Range {
  Operation *owner;
  int64_t offset, bytes;
  int64_t first = 0, last = 0;

  bool overlaps(const Range &other) const {
    return offset < other.offset + other.bytes && other.offset < offset + bytes &&
           first <= other.last && other.first <= last;
  }
};

LogicalResult checkRange(const Range &range, int64_t bytes, StringRef what) {
  int64_t alignment = plan::alignmentOf(range.owner->getParentOfType<ModuleOp>());
  if (range.offset < 0 || range.offset % alignment != 0 || range.offset > bytes ||
      range.bytes > bytes - range.offset)
    return range.owner->emitError()
           << "expected a range aligned to " << alignment << " of the " << bytes << " bytes of the "
           << what << ", found " << range.bytes << " bytes at " << range.offset;
  return success();
}

LogicalResult checkDisjoint(ArrayRef<Range> ranges, StringRef what) {
  for (size_t i = 0; i < ranges.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (ranges[i].overlaps(ranges[j])) {
        InFlightDiagnostic diagnostic = ranges[i].owner->emitError()
                                        << "shares bytes of the " << what << " at "
                                        << ranges[i].offset << " with another that is in use";
        diagnostic.attachNote(ranges[j].owner->getLoc())
            << "the other one, at " << ranges[j].offset;
        return diagnostic;
      }
  return success();
}

int64_t bytesOf(Type type) { return plan::denseBytes(cast<RankedTensorType>(type)); }

/// Steps and launches alike: the ops of an entry that run.
bool runs(Operation &op) { return isa<plan::StepOp, plan::LaunchOp>(op); }

LogicalResult checkArena(plan::EntryOp entry) {
  if (!entry.getArenaBytes() || !entry.getInputOffsets())
    return entry.emitOpError("expected arena bytes and input offsets (plan-memory)");
  int64_t arena = static_cast<int64_t>(*entry.getArenaBytes());
  Block &block = entry.getBody().front();

  DenseMap<Operation *, int64_t> numbers;
  for (Operation &op : block)
    if (runs(op))
      numbers.try_emplace(&op, static_cast<int64_t>(numbers.size()));
  numbers.try_emplace(block.getTerminator(), static_cast<int64_t>(numbers.size()));

  SmallVector<Range> ranges;
  auto lastReader = [&](Value value, int64_t made) {
    for (Operation *user : value.getUsers())
      made = std::max(made, numbers.lookup(user));
    return made;
  };
  for (auto [argument, offset] : llvm::zip(block.getArguments(), *entry.getInputOffsets()))
    ranges.push_back({entry, offset, bytesOf(argument.getType()), -1, lastReader(argument, -1)});
  for (Operation &op : block) {
    if (!runs(op) || op.getNumResults() == 0)
      continue;
    auto offset = op.getAttrOfType<IntegerAttr>("offset");
    auto lastUse = op.getAttrOfType<IntegerAttr>("last_use");
    if (!offset || !lastUse)
      return op.emitOpError("expected an offset and a last use (plan-memory)");
    int64_t last = lastReader(op.getResult(0), numbers.lookup(&op));
    if (lastUse.getInt() != last)
      return op.emitOpError() << "expected last use " << last << ", found " << lastUse.getInt();
    ranges.push_back(
        {&op, offset.getInt(), bytesOf(op.getResult(0).getType()), numbers.lookup(&op), last});
  }
  for (const Range &range : ranges)
    if (failed(checkRange(range, arena, "arena")))
      return failure();
  return checkDisjoint(ranges, "arena");
}

/// Launches that share a parallel loop run in any order, on any thread: none may touch bytes that
/// another writes.
LogicalResult checkJoined(plan::EntryOp entry, const SymbolTable &symbols) {
  SmallVector<plan::LaunchOp> loop;
  SmallVector<plan::Access> accesses; // of the loop's launches
  for (Operation &op : entry.getBody().front()) {
    auto launch = dyn_cast<plan::LaunchOp>(op);
    if (!launch)
      continue;
    FailureOr<plan::Access> access = plan::accessOf(launch, entry, symbols);
    if (failed(access))
      return failure();
    if (!launch.getJoined()) {
      loop.clear();
      accesses.clear();
    } else if (loop.empty()) {
      return launch.emitOpError("shares a loop with the launch before it, found none before it");
    }
    for (auto [other, itsAccess] : llvm::zip_equal(loop, accesses))
      if (access->conflicts(itsAccess)) {
        InFlightDiagnostic diagnostic =
            launch.emitOpError("shares a loop and bytes with another launch, one of which writes "
                               "them");
        diagnostic.attachNote(other.getLoc()) << "the other one, layer " << other.getLayerAttr();
        return diagnostic;
      }
    loop.push_back(launch);
    accesses.push_back(std::move(*access));
  }
  return success();
}

/// An attention step must see what the call itself appends.
LogicalResult checkCacheOrder(plan::EntryOp entry) {
  DenseSet<Value> read;
  for (auto step : entry.getBody().front().getOps<plan::StepOp>()) {
    bool appends = isa<plan::AppendKeysOp, plan::AppendValuesOp>(step.getRoot());
    for (Value operand : step.getOperands()) {
      if (!operand.getDefiningOp<plan::GetCacheOp>())
        continue;
      if (!appends)
        read.insert(operand);
      else if (read.contains(operand))
        return step.emitOpError("appends to a cache behind a step that reads it");
    }
  }
  return success();
}

/// The sums of quantized rows must cover whole parts of every stretch that no scale changes within:
/// by them a weight's zero point is taken out.
LogicalResult checkSums(plan::EntryOp entry) {
  // Products of i16 and i8 over more would not fit into i32.
  constexpr int64_t kMost = 512;
  for (auto step : entry.getBody().front().getOps<plan::StepOp>()) {
    Operation *product = step.getRoot();
    if (!isa<plan::LinearOp, plan::ExpertLinearOp>(product))
      continue;
    auto typeOf = [&](unsigned i) {
      return cast<RankedTensorType>(product->getOperand(i).getType());
    };
    std::optional<plan::RowLayout> rows = plan::RowLayout::of(typeOf(0));
    if (!rows)
      continue;
    plan::PanelLayout panels = *plan::PanelLayout::of(typeOf(1));
    for (int64_t group : {rows->group, panels.group})
      if (rows->sums > kMost || (group < rows->k && group % rows->sums != 0))
        return product->emitOpError()
               << "expected sums over at most " << kMost << " elements that divide groups of "
               << group << ", found " << rows->sums;
  }
  return success();
}

LogicalResult checkBytes(ModuleOp module, StringRef name, int64_t atLeast) {
  auto attr = module->getAttrOfType<IntegerAttr>(name);
  if (!attr || attr.getInt() < atLeast)
    return module.emitError() << "expected " << name << " of at least " << atLeast << " bytes";
  return success();
}

LogicalResult checkWeights(ModuleOp module) {
  auto segments = module->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr);
  if (!segments)
    return module.emitError() << "expected " << plan::kSegmentsAttr << " (assign-weights)";
  int64_t end = 0;
  llvm::StringMap<plan::SegmentAttr> byName;
  for (Attribute attr : segments) {
    auto segment = dyn_cast<plan::SegmentAttr>(attr);
    if (!segment || segment.getOffset() % plan::kPageBytes != 0 || segment.getOffset() < end ||
        segment.getBytes() < 0)
      return module.emitError() << "expected segments that begin at pages, one behind the other, "
                                   "found "
                                << attr;
    end = segment.getOffset() + segment.getBytes();
    byName[segment.getName()] = segment;
  }
  SmallVector<Range> ranges;
  llvm::DenseMap<int64_t, int64_t> bytesAt;
  for (auto weight : module.getOps<plan::WeightOp>()) {
    auto segment = byName.lookup(weight.getSegment());
    if (!segment || !weight.getOffset())
      return weight.emitOpError("expected an offset in one of the segments (assign-weights)");
    int64_t offset = static_cast<int64_t>(*weight.getOffset());
    int64_t bytes = weight.getPackedBytes();
    if (failed(checkRange({weight, offset - segment.getOffset(), bytes}, segment.getBytes(),
                          "segment")))
      return failure();
    auto [found, isNew] = bytesAt.try_emplace(offset, bytes);
    if (isNew)
      ranges.push_back({weight, offset, bytes});
    else if (found->second != bytes)
      return weight.emitOpError("shares a part of its range with another weight");
  }
  // Sorted, neighbours are the only ones that can overlap.
  llvm::sort(ranges, [](const Range &a, const Range &b) { return a.offset < b.offset; });
  for (size_t i = 1; i < ranges.size(); ++i)
    if (failed(checkDisjoint({ranges[i - 1], ranges[i]}, "weights")))
      return failure();
  return checkBytes(module, plan::kWeightsBytesAttr, end);
}

/// Caches of fewer positions than the context are rings for all that uses them, and the module says
/// what its caller has to know of them. Launches of kernels do not tell.
LogicalResult checkRings(ModuleOp module) {
  auto contextAttr = module->getAttrOfType<IntegerAttr>(plan::kContextAttr);
  if (!contextAttr)
    return success();
  int64_t context = contextAttr.getInt(), smallest = 0, back = 0;
  auto check = [&](auto op, Value cache) -> WalkResult {
    int64_t positions = plan::RingLayout::of(cast<RankedTensorType>(cache.getType())).positions;
    if (op.getRing() == (positions < context))
      return WalkResult::advance();
    return op.emitOpError() << "expected " << (op.getRing() ? "fewer than" : "at least")
                            << " the context's " << context << " positions, found " << positions;
  };
  WalkResult walked = module.walk([&](Operation *op) -> WalkResult {
    if (auto append = dyn_cast<plan::AppendKeysOp>(op))
      return check(append, append.getCache());
    if (auto append = dyn_cast<plan::AppendValuesOp>(op))
      return check(append, append.getCache());
    auto attention = dyn_cast<plan::AttentionOp>(op);
    if (!attention || !attention.getCausal())
      return WalkResult::advance();
    if (attention.getRing()) {
      auto ring = plan::RingLayout::of(cast<RankedTensorType>(attention.getKeys().getType()));
      int64_t itsBack = ring.back(static_cast<int64_t>(*attention.getWindow()));
      back = smallest == 0 ? itsBack : std::min(back, itsBack);
      smallest = smallest == 0 ? ring.positions : std::min(smallest, ring.positions);
    }
    return check(attention, attention.getKeys());
  });
  if (walked.wasInterrupted())
    return failure();
  for (auto [name, expected] :
       {std::pair(plan::kRingPositionsAttr, smallest), std::pair(plan::kRingBackAttr, back)})
    if (auto found = module->getAttrOfType<IntegerAttr>(name);
        smallest > 0 && (!found || found.getInt() != expected))
      return module.emitError() << "expected " << name << " to be " << expected << ", found "
                                << (found ? found.getInt() : 0);
  return success();
}

LogicalResult checkCaches(ModuleOp module) {
  SmallVector<Range> ranges;
  int64_t end = 0;
  for (auto cache : module.getOps<plan::CacheOp>()) {
    if (!cache.getOffset())
      return cache.emitOpError("expected an offset (plan-memory)");
    Range range{cache, static_cast<int64_t>(*cache.getOffset()), bytesOf(cache.getType())};
    end = std::max(end, range.offset + range.bytes);
    ranges.push_back(range);
  }
  if (failed(checkBytes(module, plan::kCacheBytesAttr, end)))
    return failure();
  for (const Range &range : ranges)
    if (failed(checkRange(range, end, "KV cache")))
      return failure();
  return checkDisjoint(ranges, "KV cache");
}

/// A layout's dot and alignment are what the target has, and its panels are whole vectors.
LogicalResult checkLayout(Operation *owner, Type type, plan::TargetAttr target) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto check = [&](plan::DotAttr dot, int64_t alignment, bool isWhole) -> LogicalResult {
    if (dot && !plan::hasDot(target, dot))
      return owner->emitError() << "expected a dot that target '" << target.getName()
                                << "' has, found " << dot;
    if (alignment != target.getAlignment() || !isWhole)
      return owner->emitError() << "expected whole vectors, and parts aligned to "
                                << target.getAlignment() << " as the target's buffers, found "
                                << tensor.getEncoding();
    return success();
  };
  Attribute layout = tensor ? tensor.getEncoding() : Attribute();
  int64_t lanes = plan::lanesOf(target);
  if (auto panels = dyn_cast_or_null<plan::PanelsAttr>(layout))
    return check(panels.getDot(), panels.getAlignment(), panels.getRows() % lanes == 0);
  if (auto rows = dyn_cast_or_null<plan::RowsAttr>(layout)) {
    if (rows.getPairs() != 0 && rows != plan::rowsFor(target, tensor, rows.getSums()))
      return owner->emitError() << "expected rows as target '" << target.getName()
                                << "' has them, found " << rows;
    return check({}, rows.getAlignment(), true);
  }
  if (auto keys = dyn_cast_or_null<plan::KeysAttr>(layout))
    return check(keys.getDot(), keys.getAlignment(), keys.getBlock() % lanes == 0);
  if (auto values = dyn_cast_or_null<plan::ValuesAttr>(layout))
    return check(values.getDot(), values.getAlignment(), values.getBlock() % lanes == 0);
  return success();
}

/// Of all that entries touch, for the targets of their devices. What none touches is laid out for
/// the module's target, or, in a section, for another one.
LogicalResult checkLayouts(ModuleOp module, const SymbolTable &symbols) {
  DenseSet<Operation *> checked;
  auto checkFor = [&](plan::TargetAttr target, Operation *owner, TypeRange types) -> LogicalResult {
    checked.insert(owner);
    for (Type type : types)
      if (target && failed(checkLayout(owner, type, target)))
        return failure();
    return success();
  };
  for (auto entry : module.getOps<plan::EntryOp>()) {
    plan::TargetAttr target = plan::targetOf(entry);
    for (Operation &op : entry.getBody().front()) {
      Operation *owner = &op;
      if (auto get = dyn_cast<plan::GetWeightOp>(op))
        owner = symbols.lookup(get.getWeight());
      else if (auto get = dyn_cast<plan::GetCacheOp>(op))
        owner = symbols.lookup(get.getCache());
      if (failed(checkFor(target, owner, op.getResultTypes())))
        return failure();
    }
  }
  if (module->hasAttr(plan::kSectionAttr))
    return success();
  auto target = module->getAttrOfType<plan::TargetAttr>(plan::kTargetAttr);
  for (auto weight : module.getOps<plan::WeightOp>())
    if (!checked.contains(weight) && failed(checkFor(target, weight, weight.getPacked())))
      return failure();
  for (auto cache : module.getOps<plan::CacheOp>())
    if (!checked.contains(cache) && failed(checkFor(target, cache, cache.getType())))
      return failure();
  return success();
}

LogicalResult checkDevice(plan::EntryOp entry) {
  for (Operation &op : entry.getBody().front()) {
    auto device = runs(op) ? op.getAttrOfType<StringAttr>("device") : StringAttr();
    if (device && device.getValue() != entry.getDevice())
      return op.emitOpError() << "expected device '" << entry.getDevice()
                              << "' as its entry, found " << device << " (cut-stages)";
  }
  return success();
}

/// The stages of an encoder are all there, each takes what the one before it gives, under the same
/// names, and no whole encoder is beside them.
LogicalResult checkStages(ModuleOp module) {
  std::map<std::pair<int64_t, int64_t>, plan::EntryOp> stages; // by capacity and stage
  plan::EntryOp first;
  for (auto entry : module.getOps<plan::EntryOp>()) {
    if (!entry.isEncoder())
      continue;
    auto capacity = static_cast<int64_t>(entry.getCapacity());
    auto stage = static_cast<int64_t>(entry.getStage());
    if (first && first.getStages() != entry.getStages())
      return entry.emitOpError() << "expected encoders of " << first.getStages()
                                 << " stages, as the others, found one of " << entry.getStages();
    if (!first)
      first = entry;
    if (!stages.try_emplace({capacity, stage}, entry).second)
      return entry.emitOpError() << "expected one stage " << stage << " of an encoder of capacity "
                                 << capacity << ", found two";
  }
  for (auto [place, entry] : stages) {
    auto [capacity, stage] = place;
    for (int64_t other = 0; other < static_cast<int64_t>(entry.getStages()); ++other)
      if (!stages.count({capacity, other}))
        return entry.emitOpError() << "expected the encoder's stage " << other << ", found none";
    if (entry.isLastStage())
      continue;
    plan::EntryOp next = stages.at({capacity, stage + 1});
    if (entry.getGives() != next.getTakes() ||
        TypeRange(entry.getBody().front().getTerminator()->getOperands()) !=
            TypeRange(next.getBody().getArguments()))
      return entry.emitOpError() << "expected to hand over what '" << next.getSymName()
                                 << "' takes, found other names or types";
  }
  return success();
}

LogicalResult checkEncodeCalls(ModuleOp module) {
  if (!module->hasAttr(plan::kEncodeCallsAttr))
    return success();
  llvm::DenseSet<int64_t> capacities;
  int64_t batch = 0;
  for (auto entry : module.getOps<plan::EntryOp>())
    if (entry.isEncoder()) {
      batch = std::max(batch, static_cast<int64_t>(entry.getCapacity()));
      capacities.insert(static_cast<int64_t>(entry.getCapacity()));
    }
  auto calls = plan::encodeCallsOf(module);
  if (!calls || static_cast<int64_t>(calls->size()) + 1 != std::max<int64_t>(batch, 1))
    return module.emitError() << "expected " << plan::kEncodeCallsAttr
                              << " to list capacities for each number of tiles below " << batch;
  for (auto [index, list] : llvm::enumerate(*calls)) {
    int64_t tiles = static_cast<int64_t>(index) + 1, left = tiles;
    bool fits = true;
    for (int64_t capacity : list) {
      fits &= left > 0 && capacities.contains(capacity);
      left -= capacity;
    }
    if (!fits || left > 0)
      return module.emitError() << plan::kEncodeCallsAttr
                                << ": expected calls of encoders that are "
                                << "there, each with a tile to encode, for " << tiles << " tiles";
  }
  return success();
}

/// KV cache, and weights of a segment with what the entries that read them work on.
LogicalResult checkPeak(ModuleOp module) {
  auto integer = [&](StringRef name) {
    auto attr = module->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : int64_t{0};
  };
  int64_t least = 0;
  for (auto segment :
       module->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr).getAsRange<plan::SegmentAttr>())
    for (auto entry : module.getOps<plan::EntryOp>()) {
      if (entry.getSegment() != segment.getName())
        continue;
      int64_t bytes = segment.getBytes() + static_cast<int64_t>(*entry.getArenaBytes());
      if (entry.isEncoder() && !entry.isLastStage()) {
        for (Value crossing : entry.getBody().front().getTerminator()->getOperands())
          bytes += 2 * bytesOf(crossing.getType());
        for (auto other : module.getOps<plan::EntryOp>())
          if (other.isEncoder() && other.getStage() == entry.getStage() + 1 &&
              other.getCapacity() == entry.getCapacity())
            bytes += static_cast<int64_t>(*other.getArenaBytes());
      }
      // Arenas of other devices stay while this one's is in use.
      llvm::StringMap<int64_t> largest;
      for (auto other : module.getOps<plan::EntryOp>())
        if (entry.isWhole() && other.isWhole() && other.getSegment() == entry.getSegment() &&
            other.getDevice() != entry.getDevice()) {
          int64_t &arena = largest[other.getDevice()];
          arena = std::max(arena, static_cast<int64_t>(*other.getArenaBytes()));
        }
      for (const auto &device : largest)
        bytes += device.second;
      least = std::max(least, bytes);
    }
  return checkBytes(module, plan::kPeakBytesAttr, least + integer(plan::kCacheBytesAttr));
}

struct VerifyPlanPass : bluec::impl::VerifyPlanBase<VerifyPlanPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto entry : module.getOps<plan::EntryOp>())
      if (failed(checkArena(entry)) || failed(checkCacheOrder(entry)) || failed(checkSums(entry)) ||
          failed(checkDevice(entry)))
        return signalPassFailure();
    SymbolTable symbols(module);
    if (failed(checkLayouts(module, symbols)) || failed(checkWeights(module)) ||
        failed(checkCaches(module)) || failed(checkRings(module)))
      return signalPassFailure();
    for (auto entry : module.getOps<plan::EntryOp>())
      if (failed(checkJoined(entry, symbols)))
        return signalPassFailure();
    if (!module->hasAttr(plan::kSectionAttr) &&
        (failed(checkStages(module)) || failed(checkEncodeCalls(module))))
      return signalPassFailure();
    if (failed(checkPeak(module)))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
