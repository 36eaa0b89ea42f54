#include "compiler/dialect/plan/Addresses.h"

#include "mlir/IR/AffineMap.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::plan;

FailureOr<ByteRange> plan::rangeOf(Value value, EntryOp entry, const SymbolTable &symbols) {
  int64_t bytes = denseBytes(cast<RankedTensorType>(value.getType()));
  auto at = [&](Base base, std::optional<uint64_t> offset, StringRef pass) -> FailureOr<ByteRange> {
    if (!offset)
      return emitError(value.getLoc()) << "expected an offset; run " << pass << " first";
    return ByteRange{base, static_cast<int64_t>(*offset), bytes};
  };
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    std::optional<uint64_t> offset;
    if (auto offsets = entry.getInputOffsets())
      offset = static_cast<uint64_t>((*offsets)[argument.getArgNumber()]);
    return at(Base::Arena, offset, "plan-memory");
  }
  Operation *op = value.getDefiningOp();
  if (auto get = dyn_cast<GetWeightOp>(op)) {
    auto weight = symbols.lookup<WeightOp>(get.getWeight());
    return at(Base::Weights, weight ? weight.getOffset() : std::nullopt, "assign-weights");
  }
  if (auto get = dyn_cast<GetCacheOp>(op)) {
    auto cache = symbols.lookup<CacheOp>(get.getCache());
    return at(Base::Cache, cache ? cache.getOffset() : std::nullopt, "plan-memory");
  }
  auto launch = dyn_cast<LaunchOp>(op);
  if (!launch)
    return op->emitError("expected plan.launch; run lower-steps-to-kernels first");
  return at(Base::Arena, launch.getOffset(), "plan-memory");
}

bool Access::conflicts(const Access &other) const {
  auto overlap = [](ArrayRef<ByteRange> some, ArrayRef<ByteRange> others) {
    return llvm::any_of(some, [&](const ByteRange &a) {
      return llvm::any_of(others, [&](const ByteRange &b) { return a.overlaps(b); });
    });
  };
  return overlap(writes, other.writes) || overlap(writes, other.reads) ||
         overlap(reads, other.writes);
}

FailureOr<Access> plan::accessOf(LaunchOp launch, EntryOp entry, const SymbolTable &symbols) {
  Access access;
  auto add = [&](Value value, bool isWritten) {
    FailureOr<ByteRange> range = rangeOf(value, entry, symbols);
    if (succeeded(range))
      (isWritten ? access.writes : access.reads).push_back(*range);
    return succeeded(range);
  };
  for (Value operand : launch.getOperands())
    if (!add(operand, !launch.getResult() && operand.getDefiningOp<GetCacheOp>()))
      return failure();
  if (launch.getResult() && !add(launch.getResult(), true))
    return failure();
  return access;
}

int64_t plan::tasksOf(LaunchOp launch, int64_t count) {
  return launch.getTasks().compose(ArrayRef<int64_t>{count}).front();
}
