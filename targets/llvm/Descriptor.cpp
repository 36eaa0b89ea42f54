#include "targets/llvm/Descriptor.h"

#include "runtime/abi/bluec_abi.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Module.h"

using namespace bluec;
using namespace bluec::targets;
using llvm::Constant;
using llvm::ConstantInt;
using llvm::ConstantStruct;
using llvm::StructType;

namespace {

class Printer {
public:
  Printer(llvm::Module &module, abi::ModelOp model);
  void print();

private:
  Constant *text(llvm::StringRef value);
  Constant *number(uint64_t value) { return ConstantInt::get(i64, value); }
  Constant *number32(uint64_t value) { return ConstantInt::get(i32, value); }
  Constant *array(llvm::Type *type, const std::vector<Constant *> &values, const llvm::Twine &name);
  Constant *tensor(abi::TensorAttr tensor);
  Constant *entry(abi::EntryOp entry);
  Constant *hash();

  llvm::Module &module;
  abi::ModelOp model;
  llvm::Type *pointer, *i32, *i64;
  StructType *tensorType, *stepType, *entryType, *segmentType, *modelType;
  llvm::StringMap<Constant *> texts;
};

/// The element type's number in the contract.
uint32_t dtypeOf(mlir::Type type) {
  if (type.isF32())
    return BLUEC_F32;
  if (type.isInteger(32))
    return BLUEC_I32;
  return type.isF16() ? BLUEC_F16 : BLUEC_I8;
}

} // namespace

/// The header's structs, field by field; the module's data layout gives them sizes and offsets.
Printer::Printer(llvm::Module &module, abi::ModelOp model) : module(module), model(model) {
  llvm::LLVMContext &context = module.getContext();
  pointer = llvm::PointerType::getUnqual(context);
  i32 = llvm::Type::getInt32Ty(context);
  i64 = llvm::Type::getInt64Ty(context);
  auto *hash = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), 32);
  auto *dims = llvm::ArrayType::get(i64, BLUEC_MAX_RANK);
  tensorType = StructType::create(context, {pointer, i32, i32, dims, i64, i64}, "bluec_tensor");
  stepType = StructType::create(context, {pointer, pointer, i64, tensorType}, "bluec_step");
  entryType = StructType::create(context,
                                 {pointer, i32, i32, i32, i32, i32, i32, i64, i64, pointer, i64,
                                  pointer, i64, pointer, i64, pointer},
                                 "bluec_entry");
  segmentType = StructType::create(context, {pointer, i64, i64}, "bluec_segment");
  modelType =
      StructType::create(context, {i32,  i32, i32,     i32, pointer, pointer, pointer, pointer, i64,
                                   hash, i64, i64,     i64, i64,     i64,     i64,     i64,     i64,
                                   i64,  i64, pointer, i64, pointer, i64,     pointer},
                         "bluec_model_type");
}

Constant *Printer::text(llvm::StringRef value) {
  Constant *&known = texts[value];
  if (!known) {
    auto *data = llvm::ConstantDataArray::getString(module.getContext(), value);
    auto *global = new llvm::GlobalVariable(module, data->getType(), true,
                                            llvm::GlobalValue::PrivateLinkage, data, "text");
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    known = global;
  }
  return known;
}

Constant *Printer::array(llvm::Type *type, const std::vector<Constant *> &values,
                         const llvm::Twine &name) {
  if (values.empty())
    return llvm::ConstantPointerNull::get(llvm::cast<llvm::PointerType>(pointer));
  auto *arrayType = llvm::ArrayType::get(type, values.size());
  return new llvm::GlobalVariable(module, arrayType, true, llvm::GlobalValue::InternalLinkage,
                                  llvm::ConstantArray::get(arrayType, values), name);
}

/// Null: there is no tensor.
Constant *Printer::tensor(abi::TensorAttr tensor) {
  llvm::ArrayRef<int64_t> shape = tensor ? tensor.getDims() : llvm::ArrayRef<int64_t>();
  std::vector<Constant *> dims;
  for (size_t i = 0; i < BLUEC_MAX_RANK; ++i)
    dims.push_back(number(i < shape.size() ? static_cast<uint64_t>(shape[i]) : 0));
  auto *dimsType = llvm::cast<llvm::ArrayType>(tensorType->getElementType(3));
  return ConstantStruct::get(tensorType,
                             {text(tensor ? tensor.getName() : ""),
                              number32(tensor ? dtypeOf(tensor.getElement()) : 0),
                              number32(shape.size()), llvm::ConstantArray::get(dimsType, dims),
                              number(tensor ? static_cast<uint64_t>(tensor.getOffset()) : 0),
                              number(tensor ? static_cast<uint64_t>(tensor.getBytes()) : 0)});
}

Constant *Printer::entry(abi::EntryOp entry) {
  std::vector<Constant *> inputs, outputs, steps;
  for (auto row : entry.getInputs().getAsRange<abi::TensorAttr>())
    inputs.push_back(tensor(row));
  for (auto row : entry.getOutputs().getAsRange<abi::TensorAttr>())
    outputs.push_back(tensor(row));
  for (auto step : entry.getBody().getOps<abi::StepOp>())
    steps.push_back(ConstantStruct::get(
        stepType, {text(step.getName()), text(step.getKernel()), number(step.getTasks()),
                   tensor(step.getOutput().value_or(abi::TensorAttr()))}));
  auto size = [&](const auto &values) { return number(values.size()); };
  std::string name = entry.getName().str();
  auto index = [&](int64_t value) { return number32(static_cast<uint64_t>(value)); };
  return ConstantStruct::get(
      entryType,
      {text(name), number32(static_cast<uint64_t>(entry.getRole())), number32(entry.getStage()),
       number32(entry.getStages()), index(abi::segmentIndex(model, entry.getSegment())),
       index(abi::deviceIndex(model, entry.getDevice())), number32(0), number(entry.getCapacity()),
       number(entry.getArenaBytes()), module.getFunction(entry.getRun()), size(inputs),
       array(tensorType, inputs, name + ".inputs"), size(outputs),
       array(tensorType, outputs, name + ".outputs"), size(steps),
       array(stepType, steps, name + ".steps")});
}

Constant *Printer::hash() {
  std::array<uint8_t, 32> bytes{};
  if (std::optional<llvm::ArrayRef<int8_t>> known = model.getWeightsSha256())
    llvm::copy(*known, bytes.begin());
  return llvm::ConstantDataArray::get(module.getContext(), llvm::ArrayRef<uint8_t>(bytes));
}

void Printer::print() {
  std::vector<Constant *> entries, segments, devices;
  for (auto op : model.getBody().getOps<abi::EntryOp>())
    entries.push_back(entry(op));
  for (auto op : model.getBody().getOps<abi::SegmentOp>())
    segments.push_back(ConstantStruct::get(
        segmentType, {text(op.getName()), number(op.getOffset()), number(op.getBytes())}));
  for (auto op : model.getBody().getOps<abi::DeviceOp>())
    devices.push_back(text(op.getName()));
  uint64_t structBytes = module.getDataLayout().getTypeAllocSize(modelType);
  auto *descriptor = ConstantStruct::get(modelType, {number32(BLUEC_ABI_MAGIC),
                                                     number32(BLUEC_ABI_VERSION),
                                                     number32(structBytes),
                                                     number32(model.getAlignment()),
                                                     text(model.getProducer()),
                                                     text(model.getTarget()),
                                                     text(model.getTriple()),
                                                     text(model.getFeatures()),
                                                     number(model.getWeightsBytes()),
                                                     hash(),
                                                     number(model.getCacheBytes()),
                                                     number(model.getContext()),
                                                     number(model.getRingPositions().value_or(0)),
                                                     number(model.getRingBack().value_or(0)),
                                                     number(model.getHidden()),
                                                     number(model.getVocabulary()),
                                                     number(model.getTokensPerTile()),
                                                     number(model.getTileHeight()),
                                                     number(model.getTileWidth()),
                                                     number(segments.size()),
                                                     array(segmentType, segments, "segments"),
                                                     number(entries.size()),
                                                     array(entryType, entries, "entries"),
                                                     number(devices.size()),
                                                     array(pointer, devices, "devices")});
  new llvm::GlobalVariable(module, modelType, true, llvm::GlobalValue::ExternalLinkage, descriptor,
                           BLUEC_MODEL_SYMBOL);
}

void targets::addDescriptor(llvm::Module &module, abi::ModelOp model) {
  Printer(module, model).print();
}
