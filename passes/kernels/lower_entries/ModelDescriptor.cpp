#include "passes/kernels/lower_entries/ModelDescriptor.h"

#include "compiler/dialect/plan/Layouts.h"
#include "runtime/abi/bluec_abi.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

static_assert(abi::kMaxRank == BLUEC_MAX_RANK);

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

static abi::Kind kindOf(plan::EntryKind kind) {
  switch (kind) {
  case plan::EntryKind::Encode:
    return abi::Kind::Encode;
  case plan::EntryKind::EncodePatches:
    return abi::Kind::EncodePatches;
  case plan::EntryKind::EncodeBlocks:
    return abi::Kind::EncodeBlocks;
  case plan::EntryKind::Embed:
    return abi::Kind::Embed;
  case plan::EntryKind::Prefill:
    return abi::Kind::Prefill;
  case plan::EntryKind::Decode:
    return abi::Kind::Decode;
  }
  llvm_unreachable("unknown kind of entry point");
}

ModelDescriptor::ModelDescriptor(abi::ModelOp model, const SymbolTable &symbols)
    : model(model), symbols(symbols), b(OpBuilder::atBlockEnd(&model.getBody().front())) {}

LogicalResult ModelDescriptor::addSegments(ModuleOp module) {
  auto list = module->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr);
  for (Attribute attribute : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto segment = dyn_cast<plan::SegmentAttr>(attribute);
    if (!segment)
      return module.emitError("expected #plan.segment in ") << plan::kSegmentsAttr;
    segments.push_back(segment.getName());
    abi::SegmentOp::create(b, module.getLoc(), segment.getName(),
                           static_cast<uint64_t>(segment.getOffset()),
                           static_cast<uint64_t>(segment.getBytes()));
  }
  return success();
}

void ModelDescriptor::addDevice(plan::EntryOp entry) {
  if (llvm::is_contained(devices, entry.getDevice()))
    return;
  devices.push_back(entry.getDeviceAttr().getValue());
  abi::DeviceOp::create(b, entry.getLoc(), entry.getDevice());
}

FailureOr<abi::TensorAttr> ModelDescriptor::tensorOf(Value value, plan::EntryOp entry,
                                                     StringRef name) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> dims(type.getShape());
  Type element = type.getElementType();
  if (std::optional<plan::RowLayout> rows = plan::RowLayout::of(type)) {
    element = b.getI8Type();
    dims.back() = rows->rowBytes();
  } else if (std::optional<plan::CacheLayout> packed = plan::CacheLayout::of(type)) {
    element = b.getI8Type();
    dims = {packed->batch, packed->heads, packed->headBytes()};
  }
  if (!element.isF32() && !element.isF16() && !element.isInteger(32) && !element.isInteger(8))
    return emitError(value.getLoc())
           << "expected elements of f32, i32, f16 or i8, or quantized rows, keys or values, found "
           << type;
  while (static_cast<int64_t>(dims.size()) > abi::kMaxRank) {
    dims[1] *= dims[2];
    dims.erase(dims.begin() + 2);
  }
  FailureOr<plan::ByteRange> range = plan::rangeOf(value, entry, symbols);
  if (failed(range))
    return failure();
  auto error = [&] { return emitError(value.getLoc()); };
  auto tensor = abi::TensorAttr::getChecked(error, b.getContext(), name, element,
                                            ArrayRef<int64_t>(dims), range->offset, range->bytes);
  if (!tensor)
    return failure();
  return tensor;
}

LogicalResult ModelDescriptor::addTensors(ValueRange values, plan::EntryOp entry, StringRef name,
                                          SmallVectorImpl<Attribute> &tensors) {
  for (Value value : values) {
    FailureOr<abi::TensorAttr> tensor = tensorOf(value, entry, name);
    if (failed(tensor))
      return failure();
    tensors.push_back(*tensor);
  }
  return success();
}

LogicalResult ModelDescriptor::addEntry(plan::EntryOp entry, EntryFunctions functions) {
  if (!segments.empty() && !llvm::is_contained(segments, entry.getSegment()))
    return entry.emitOpError("expected a segment of ")
           << plan::kSegmentsAttr << ", found '" << entry.getSegment() << "'";
  if (!entry.getArenaBytes())
    return entry.emitOpError("expected the arena's size; run plan-memory first");
  Block &body = entry.getBody().front();
  auto [inputName, outputName] = valueNames(entry.getKind());
  SmallVector<Attribute> inputs, outputs;
  if (failed(addTensors(body.getArguments(), entry, inputName, inputs)) ||
      failed(addTensors(body.getTerminator()->getOperands(), entry, outputName, outputs)))
    return failure();
  addDevice(entry);
  auto op = abi::EntryOp::create(b, entry.getLoc(), entry.getSymNameAttr(),
                                 abi::KindAttr::get(b.getContext(), kindOf(entry.getKind())),
                                 entry.getSegmentAttr(), entry.getDeviceAttr(),
                                 entry.getCapacityAttr(), entry.getArenaBytesAttr(),
                                 FlatSymbolRefAttr::get(functions.run.getSymNameAttr()),
                                 b.getArrayAttr(inputs), b.getArrayAttr(outputs));
  OpBuilder inside = OpBuilder::atBlockEnd(&op.getBody().emplaceBlock());
  for (auto [launch, function] : llvm::zip_equal(entry.getOps<plan::LaunchOp>(), functions.steps)) {
    abi::TensorAttr output;
    if (Value result = launch.getResult()) {
      FailureOr<abi::TensorAttr> tensor = tensorOf(result, entry, launch.getValue());
      if (failed(tensor))
        return failure();
      output = *tensor;
    }
    int64_t tasks = plan::tasksOf(launch, static_cast<int64_t>(entry.getCapacity()));
    abi::StepOp::create(inside, launch.getLoc(), launch.getLayerAttr(),
                        FlatSymbolRefAttr::get(function.getSymNameAttr()), launch.getKernelAttr(),
                        inside.getI64IntegerAttr(tasks), output);
  }
  return success();
}
