#include "compiler/dialect/abi/Abi.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bluec::abi;

#include "compiler/dialect/abi/AbiDialect.cpp.inc"

#include "compiler/dialect/abi/AbiEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/abi/AbiTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/abi/AbiAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/abi/AbiOps.cpp.inc"

void AbiDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialect/abi/AbiTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/abi/AbiAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/abi/AbiOps.cpp.inc"
      >();
}

ModelOp bluec::abi::requireModel(ModuleOp module) {
  auto models = module.getOps<ModelOp>();
  if (!models.empty())
    return *models.begin();
  module.emitError("expected an abi.model; run lower-entries first");
  return nullptr;
}

/// The number of the op of that name among those of its kind, or nullopt.
template <typename Named> static std::optional<int64_t> find(ModelOp model, StringRef name) {
  int64_t index = 0;
  for (auto op : model.getBody().getOps<Named>()) {
    if (op.getName() == name)
      return index;
    ++index;
  }
  return std::nullopt;
}

int64_t bluec::abi::segmentIndex(ModelOp model, StringRef name) {
  return find<SegmentOp>(model, name).value_or(0);
}
int64_t bluec::abi::deviceIndex(ModelOp model, StringRef name) {
  return find<DeviceOp>(model, name).value_or(0);
}

/// Functions are told by what they can do: they are func.func, or llvm.func once they have been
/// lowered, when types are no longer ours to check.
static FunctionOpInterface functionOf(Operation *from, FlatSymbolRefAttr name,
                                      SymbolTableCollection &symbols) {
  return dyn_cast_or_null<FunctionOpInterface>(symbols.lookupNearestSymbolFrom(from, name));
}
static bool isLowered(FunctionOpInterface function) {
  return llvm::none_of(function.getArgumentTypes(), [](Type type) { return isa<CallType>(type); });
}
static bool isEntry(FunctionOpInterface function) {
  ArrayRef<Type> arguments = function.getArgumentTypes(), results = function.getResultTypes();
  return arguments.size() == 1 && isa<CallType>(arguments[0]) && results.size() == 1 &&
         results[0].isInteger(32);
}
static bool isKernel(FunctionOpInterface function) {
  ArrayRef<Type> arguments = function.getArgumentTypes();
  return arguments.size() == 3 && isa<CallType>(arguments[0]) && arguments[1].isInteger(64) &&
         arguments[2].isInteger(64) && function.getResultTypes().empty();
}

//===------------------------------------------------------------------------------------------===//
// Calls
//===------------------------------------------------------------------------------------------===//

LogicalResult BufferOp::verify() {
  if (!getResult().getType().getLayout().isIdentity())
    return emitOpError() << "(C1) expected a dense memref, found " << getResult().getType();
  if (static_cast<int64_t>(getOffset()) < 0)
    return emitOpError() << "(C2) expected an offset that is not negative, found "
                         << static_cast<int64_t>(getOffset());
  return success();
}

LogicalResult RunOp::verify() {
  auto function = dyn_cast<FunctionOpInterface>((*this)->getParentOp());
  if (!function || !isEntry(function))
    return emitOpError("(C2) expected to stand at the top of a function from a call to an i32");
  auto first = static_cast<int64_t>(getFirst()), end = static_cast<int64_t>(getEnd());
  if (first < 0 || end <= first)
    return emitOpError() << "(C3) expected 0 <= first < end, found " << first << " and " << end;
  return success();
}

LogicalResult RunOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FunctionOpInterface function = functionOf(*this, getFunctionAttr(), symbols);
  if (!function || !isKernel(function))
    return emitOpError() << "(C1) expected a function of a call, begin and end, found "
                         << (function ? "another type of @" : "no @") << getFunction();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The descriptor
//===------------------------------------------------------------------------------------------===//

LogicalResult TensorAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name,
                                 Type element, ArrayRef<int64_t> dims, int64_t offset,
                                 int64_t bytes) {
  if (!element.isF32() && !element.isF16() && !element.isInteger(32) && !element.isInteger(8))
    return emitError() << "expected elements of f32, i32, f16 or i8, found " << element;
  if (dims.empty() || static_cast<int64_t>(dims.size()) > kMaxRank)
    return emitError() << "expected 1 to " << kMaxRank << " dims, found " << dims.size();
  int64_t expected = element.getIntOrFloatBitWidth() / 8;
  for (int64_t dim : dims)
    if (dim < 1 || llvm::MulOverflow(expected, dim, expected))
      return emitError() << "expected dims with elements, found " << dim;
  if (bytes != expected)
    return emitError() << "expected " << expected << " bytes, found " << bytes;
  if (offset < 0)
    return emitError() << "expected an offset that is not negative, found " << offset;
  return success();
}

LogicalResult ModelOp::verify() {
  int64_t end = 0;
  for (Operation &op : getBody().front()) {
    if (!isa<SegmentOp, DeviceOp, EntryOp>(op))
      return op.emitOpError("(C1) expected abi.segment, abi.device or abi.entry in a model");
    auto segment = dyn_cast<SegmentOp>(op);
    if (!segment)
      continue;
    auto offset = static_cast<int64_t>(segment.getOffset());
    auto bytes = static_cast<int64_t>(segment.getBytes());
    if (offset < end || bytes < 0 || llvm::AddOverflow(offset, bytes, end) ||
        end > static_cast<int64_t>(getWeightsBytes()))
      return segment.emitOpError() << "(C2) expected a range behind the other segments, in "
                                   << getWeightsBytes() << " bytes of weights";
  }
  auto hash = getWeightsSha256();
  if (hash && hash->size() != 32)
    return emitOpError() << "(C3) expected 32 bytes of hash, found " << hash->size();
  return success();
}

static LogicalResult checkInside(Operation *op, TensorAttr tensor, int64_t arena) {
  if (tensor.getBytes() <= arena && tensor.getOffset() <= arena - tensor.getBytes())
    return success();
  return op->emitOpError() << "(C4) expected tensors inside of an arena of " << arena
                           << " bytes, found " << tensor;
}

LogicalResult EntryOp::verify() {
  auto model = cast<ModelOp>((*this)->getParentOp());
  if (!model.getBody().getOps<SegmentOp>().empty() && !find<SegmentOp>(model, getSegment()))
    return emitOpError() << "(C2) expected a segment of the model, found " << getSegmentAttr();
  if (!find<DeviceOp>(model, getDevice()))
    return emitOpError() << "(C2) expected a device of the model, found " << getDeviceAttr();
  auto stage = static_cast<int64_t>(getStage()), stages = static_cast<int64_t>(getStages());
  if (stage < 0 || stage >= stages)
    return emitOpError() << "(C5) expected 0 <= stage < stages, found " << stage << " of "
                         << stages;
  auto arena = static_cast<int64_t>(getArenaBytes());
  for (ArrayAttr tensors : {getInputs(), getOutputs()})
    for (auto tensor : tensors.getAsRange<TensorAttr>())
      if (failed(checkInside(*this, tensor, arena)))
        return failure();
  for (Operation &op : getBody().front()) {
    auto step = dyn_cast<StepOp>(op);
    if (!step)
      return op.emitOpError("(C3) expected abi.step in an entry");
    if (step.getOutput() && failed(checkInside(step, *step.getOutput(), arena)))
      return failure();
  }
  return success();
}

LogicalResult EntryOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FunctionOpInterface function = functionOf(*this, getRunAttr(), symbols);
  if (!function || (!isLowered(function) && !isEntry(function)))
    return emitOpError() << "(C1) expected a function from a call to an i32, found "
                         << (function ? "another type of @" : "no @") << getRun();
  return success();
}

LogicalResult StepOp::verify() {
  if (static_cast<int64_t>(getTasks()) < 1)
    return emitOpError() << "(C2) expected at least one task, found "
                         << static_cast<int64_t>(getTasks());
  return success();
}

LogicalResult StepOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (FlatSymbolRefAttr name : {getFunctionAttr(), getKernelAttr()})
    if (!functionOf(*this, name, symbols))
      return emitOpError() << "(C1) expected a function, found no @" << name.getValue();
  return success();
}
