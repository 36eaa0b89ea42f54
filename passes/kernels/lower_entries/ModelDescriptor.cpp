#include "passes/kernels/lower_entries/ModelDescriptor.h"

#include "compiler/dialect/plan/Layouts.h"
#include "runtime/abi/bluec_abi.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

static_assert(abi::kMaxRank == BLUEC_MAX_RANK);

static abi::Role roleOf(plan::Role role) {
  switch (role) {
  case plan::Role::Encode:
    return abi::Role::Encode;
  case plan::Role::Embed:
    return abi::Role::Embed;
  case plan::Role::Decode:
    return abi::Role::Decode;
  }
  llvm_unreachable("unknown role of an entry point");
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
    if (int64_t there = plan::padded(rows->rows, rows->together()); there != rows->rows)
      dims = {there, 0};
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

LogicalResult ModelDescriptor::addTensors(ValueRange values, ArrayAttr names, plan::EntryOp entry,
                                          SmallVectorImpl<Attribute> &tensors) {
  for (auto [value, name] : llvm::zip_equal(values, names.getAsValueRange<StringAttr>())) {
    // From stage to stage a part of the leading dim is handed over as the same part of the bytes.
    auto type = cast<RankedTensorType>(value.getType());
    std::optional<plan::RowLayout> rows = plan::RowLayout::of(type);
    if (rows && entry.getStages() > 1 && rows->rows / type.getDimSize(0) % rows->together() != 0)
      return emitError(value.getLoc())
             << "expected rows that are handed over to stand side by side only with rows of the "
                "same element of the leading dim, found "
             << type;
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
  SmallVector<Attribute> inputs, outputs;
  if (failed(addTensors(body.getArguments(), entry.getTakes(), entry, inputs)) ||
      failed(addTensors(body.getTerminator()->getOperands(), entry.getGives(), entry, outputs)))
    return failure();
  addDevice(entry);
  auto op = abi::EntryOp::create(b, entry.getLoc(), entry.getSymNameAttr(),
                                 abi::RoleAttr::get(b.getContext(), roleOf(entry.getRole())),
                                 b.getI64IntegerAttr(static_cast<int64_t>(entry.getStage())),
                                 b.getI64IntegerAttr(static_cast<int64_t>(entry.getStages())),
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
