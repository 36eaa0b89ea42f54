#include "targets/common/ModelTable.h"

#include "compiler/dialect/plan/Layouts.h"
#include "runtime/abi/bluec_abi.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

static_assert(plan::kAbiAlignment == BLUEC_ALIGNMENT);

namespace {

class Reader {
public:
  explicit Reader(ModuleOp module) : module(module), symbols(module) {}
  FailureOr<ModelTable> read();

private:
  LogicalResult readSegments();
  LogicalResult readEntry(plan::EntryOp op);
  FailureOr<Address> addressOf(Value value, plan::EntryOp entry);
  FailureOr<TensorRow> tensorOf(Value value, plan::EntryOp entry, std::string name);

  ModuleOp module;
  SymbolTable symbols;
  ModelTable table;
};

} // namespace

/// The element type's number in the contract, 0 if it has none.
static uint32_t dtypeOf(Type type) {
  if (type.isF32())
    return BLUEC_F32;
  if (type.isInteger(32))
    return BLUEC_I32;
  if (type.isF16())
    return BLUEC_F16;
  if (type.isInteger(8))
    return BLUEC_I8;
  return 0;
}

namespace {

/// Bytes that a step reads or writes.
struct Range {
  Base base;
  int64_t begin, end;

  bool overlaps(const Range &other) const {
    return base == other.base && begin < other.end && other.begin < end;
  }
};

struct Access {
  SmallVector<Range> reads, writes;

  bool conflicts(const Access &other) const {
    auto overlap = [](ArrayRef<Range> some, ArrayRef<Range> others) {
      return llvm::any_of(some, [&](const Range &a) {
        return llvm::any_of(others, [&](const Range &b) { return a.overlaps(b); });
      });
    };
    return overlap(writes, other.writes) || overlap(writes, other.reads) ||
           overlap(reads, other.writes);
  }
};

/// Finds steps that may run side by side: threads go from one to the next without waiting for each
/// other. A step of one task is over before another thread has heard of it, and stays alone.
class Joiner {
public:
  bool joins(const StepRow &step, int64_t capacity, Access access) {
    auto tasks = step.tasks.compose(ArrayRef<int64_t>{capacity});
    constexpr size_t most = 8; // steps
    bool isWide = tasks[0] > 1;
    bool fits = isWide && !group.empty() && group.size() < most &&
                llvm::none_of(group, [&](const Access &other) { return access.conflicts(other); });
    if (!fits)
      group.clear();
    if (isWide)
      group.push_back(std::move(access));
    return fits;
  }

private:
  SmallVector<Access> group;
};

} // namespace

/// Names of an entry's input and output in the contract; both have one of each.
static std::pair<StringRef, StringRef> valueNames(plan::EntryKind kind) {
  switch (kind) {
  case plan::EntryKind::Encode:
    return {"pixels", "features"};
  case plan::EntryKind::EncodePatches:
    return {"pixels", "patches"};
  case plan::EntryKind::EncodeBlocks:
    return {"patches", "features"};
  case plan::EntryKind::Embed:
    return {"ids", "embeddings"};
  case plan::EntryKind::Prefill:
    return {"embeddings", "logits"};
  case plan::EntryKind::Decode:
    return {"ids", "logits"};
  }
  return {"input", "output"};
}

FailureOr<Address> Reader::addressOf(Value value, plan::EntryOp entry) {
  auto missing = [&](StringRef pass) -> FailureOr<Address> {
    return emitError(value.getLoc()) << "expected an offset; run " << pass << " first";
  };
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!entry.getInputOffsets())
      return missing("plan-memory");
    return Address{Base::Arena, (*entry.getInputOffsets())[argument.getArgNumber()]};
  }
  Operation *op = value.getDefiningOp();
  if (auto get = dyn_cast<plan::GetWeightOp>(op)) {
    auto weight = symbols.lookup<plan::WeightOp>(get.getWeight());
    if (!weight || !weight.getOffset())
      return missing("assign-weights");
    return Address{Base::Weights, static_cast<int64_t>(*weight.getOffset())};
  }
  if (auto get = dyn_cast<plan::GetCacheOp>(op)) {
    auto cache = symbols.lookup<plan::CacheOp>(get.getCache());
    if (!cache || !cache.getOffset())
      return missing("plan-memory");
    return Address{Base::Cache, static_cast<int64_t>(*cache.getOffset())};
  }
  auto launch = dyn_cast<plan::LaunchOp>(op);
  if (!launch)
    return op->emitError("expected plan.launch; run lower-steps-to-kernels first");
  if (!launch.getOffset())
    return missing("plan-memory");
  return Address{Base::Arena, static_cast<int64_t>(*launch.getOffset())};
}

FailureOr<TensorRow> Reader::tensorOf(Value value, plan::EntryOp entry, std::string name) {
  auto type = cast<RankedTensorType>(value.getType());
  TensorRow row;
  row.name = std::move(name);
  row.dims.assign(type.getShape().begin(), type.getShape().end());
  row.dtype = dtypeOf(type.getElementType());
  if (std::optional<plan::RowLayout> rows = plan::RowLayout::of(type)) {
    row.dtype = BLUEC_I8;
    row.dims.back() = rows->rowBytes();
  } else if (std::optional<plan::CacheLayout> packed = plan::CacheLayout::of(type)) {
    row.dtype = BLUEC_I8;
    row.dims = {packed->batch, packed->heads, packed->headBytes()};
  }
  if (row.dtype == 0)
    return emitError(value.getLoc())
           << "expected elements of f32, i32, f16 or i8, or quantized rows, keys or values, "
              "found "
           << type;
  while (row.dims.size() > BLUEC_MAX_RANK) {
    row.dims[1] *= row.dims[2];
    row.dims.erase(row.dims.begin() + 2);
  }
  row.bytes = plan::denseBytes(type);
  FailureOr<Address> address = addressOf(value, entry);
  if (failed(address))
    return failure();
  row.offset = address->offset;
  return row;
}

LogicalResult Reader::readSegments() {
  auto segments = module->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr);
  if (!segments)
    return success();
  for (Attribute attribute : segments) {
    auto segment = dyn_cast<plan::SegmentAttr>(attribute);
    if (!segment)
      return module.emitError("expected #plan.segment in ") << plan::kSegmentsAttr;
    table.segments.push_back({segment.getName().str(), segment.getOffset(), segment.getBytes()});
  }
  return success();
}

LogicalResult Reader::readEntry(plan::EntryOp op) {
  EntryRow entry;
  entry.name = op.getSymName().str();
  entry.kind = static_cast<uint32_t>(op.getKind());
  entry.capacity = static_cast<int64_t>(op.getCapacity());
  auto segment = llvm::find_if(table.segments,
                               [&](const SegmentRow &row) { return row.name == op.getSegment(); });
  if (segment == table.segments.end() && !table.segments.empty())
    return op.emitError("expected a segment of ")
           << plan::kSegmentsAttr << ", found '" << op.getSegment() << "'";
  entry.segment = static_cast<uint32_t>(segment - table.segments.begin());
  auto device = llvm::find(table.devices, op.getDevice());
  entry.device = static_cast<uint32_t>(device - table.devices.begin());
  if (device == table.devices.end())
    table.devices.push_back(op.getDevice().str());
  if (!op.getArenaBytes())
    return op.emitError("expected the arena's size; run plan-memory first");
  entry.arenaBytes = static_cast<int64_t>(*op.getArenaBytes());

  auto [inputName, outputName] = valueNames(op.getKind());
  for (BlockArgument argument : op.getBody().getArguments()) {
    FailureOr<TensorRow> row = tensorOf(argument, op, inputName.str());
    if (failed(row))
      return failure();
    entry.inputs.push_back(*row);
  }
  Joiner joiner;
  for (Operation &inner : op.getBody().front()) {
    if (auto launch = dyn_cast<plan::LaunchOp>(inner)) {
      StepRow step;
      Access access;
      step.name = launch.getLayer().str();
      step.kernel = launch.getKernel().str();
      step.tasks = launch.getTasks();
      SmallVector<Value> buffers(launch.getOperands());
      if (Value result = launch.getResult()) {
        buffers.push_back(result);
        FailureOr<TensorRow> row = tensorOf(result, op, launch.getValue().str());
        if (failed(row))
          return failure();
        step.output = *row;
      }
      for (Value buffer : buffers) {
        FailureOr<Address> address = addressOf(buffer, op);
        if (failed(address))
          return failure();
        step.buffers.push_back(*address);
        // The result, and the caches of a step that has none.
        bool isWritten =
            launch.getResult() ? buffer == launch.getResult() : address->base == Base::Cache;
        int64_t bytes = plan::denseBytes(cast<RankedTensorType>(buffer.getType()));
        (isWritten ? access.writes : access.reads)
            .push_back({address->base, address->offset, address->offset + bytes});
      }
      step.joinsPrevious = joiner.joins(step, entry.capacity, std::move(access));
      entry.steps.push_back(std::move(step));
    } else if (auto end = dyn_cast<plan::ReturnOp>(inner)) {
      for (Value output : end.getOutputs()) {
        FailureOr<TensorRow> row = tensorOf(output, op, outputName.str());
        if (failed(row))
          return failure();
        entry.outputs.push_back(*row);
      }
    } else if (isa<plan::StepOp>(inner)) {
      return inner.emitError("expected plan.launch; run lower-steps-to-kernels first");
    }
  }
  table.entries.push_back(std::move(entry));
  return success();
}

FailureOr<ModelTable> Reader::read() {
  auto number = [&](StringRef name) {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  table.weightsBytes = number(plan::kWeightsBytesAttr);
  table.cacheBytes = number(plan::kCacheBytesAttr);
  table.context = number(plan::kContextAttr);
  if (failed(readSegments()))
    return failure();
  for (auto entry : module.getOps<plan::EntryOp>())
    if (failed(readEntry(entry)))
      return failure();
  return std::move(table);
}

FailureOr<ModelTable> targets::readModelTable(ModuleOp module) { return Reader(module).read(); }
