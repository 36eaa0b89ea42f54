#include "targets/common/EntryPoints.h"

#include "runtime/abi/bluec_abi.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Module.h"

#include <cstddef>

using namespace bluec;
using namespace bluec::targets;
using llvm::Constant;
using llvm::ConstantInt;
using llvm::ConstantStruct;
using llvm::Function;
using llvm::FunctionType;
using llvm::StructType;
using llvm::Value;

namespace {

/// Fields of struct bluec_call, by number.
enum CallField : unsigned {
  kArena,
  kWeights,
  kCache,
  kCount,
  kPosition,
  kPool,
  kParallelFor,
  kObserver,
  kOnStep
};

class Emitter {
public:
  Emitter(llvm::Module &module, const ModelTable &table, const ModelInfo &info,
          const Target &target);
  void emit();

private:
  Function *addFunction(llvm::Type *result, llvm::ArrayRef<llvm::Type *> arguments,
                        const llvm::Twine &name);
  Value *loadField(Value *call, CallField field);
  Value *evaluate(mlir::AffineExpr expr, Value *count);
  Function *emitRunSteps();
  Function *emitStep(const EntryRow &entry, size_t number);
  Function *emitSideBySide(const EntryRow &entry, llvm::ArrayRef<Function *> steps, size_t first);
  Function *emitEntry(const EntryRow &entry);

  Constant *text(llvm::StringRef value);
  Constant *number(int64_t value) { return ConstantInt::getSigned(i64, value); }
  Constant *number32(uint32_t value) { return ConstantInt::get(i32, value); }
  Constant *array(llvm::Type *type, const std::vector<Constant *> &values, const llvm::Twine &name);
  Constant *tensor(const TensorRow &row);
  Constant *entryConstant(const EntryRow &entry);

  llvm::Module &module;
  const ModelTable &table;
  const ModelInfo &info;
  const Target &target;
  llvm::IRBuilder<> b;
  llvm::Type *pointer, *i32, *i64;
  StructType *callType, *tensorType, *stepType, *entryType, *segmentType, *modelType;
  Function *runSteps = nullptr;
  llvm::StringMap<Constant *> texts;
};

} // namespace

Emitter::Emitter(llvm::Module &module, const ModelTable &table, const ModelInfo &info,
                 const Target &target)
    : module(module), table(table), info(info), target(target), b(module.getContext()) {
  llvm::LLVMContext &context = module.getContext();
  pointer = llvm::PointerType::getUnqual(context);
  i32 = b.getInt32Ty();
  i64 = b.getInt64Ty();
  auto *hash = llvm::ArrayType::get(b.getInt8Ty(), 32);
  auto *dims = llvm::ArrayType::get(i64, BLUEC_MAX_RANK);
  callType = StructType::create(
      context, {pointer, pointer, pointer, i64, i64, pointer, pointer, pointer, pointer},
      "bluec_call");
  tensorType = StructType::create(context, {pointer, i32, i32, dims, i64, i64}, "bluec_tensor");
  stepType = StructType::create(context, {pointer, pointer, i64, tensorType}, "bluec_step");
  entryType = StructType::create(
      context,
      {pointer, i32, i32, i32, i32, i64, i64, pointer, i64, pointer, i64, pointer, i64, pointer},
      "bluec_entry");
  segmentType = StructType::create(context, {pointer, i64, i64}, "bluec_segment");
  modelType = StructType::create(
      context, {i32, i32, i32, i32, pointer, pointer, pointer, pointer, i64,     hash, i64,    i64,
                i64, i64, i64, i64, i64,     i64,     pointer, i64,     pointer, i64,  pointer},
      "bluec_model_type");
  // The layouts above are the header's, for targets with 64-bit pointers.
  static_assert(sizeof(bluec_call) == 72 && sizeof(bluec_tensor) == 64 && sizeof(bluec_step) == 88,
                "the contract has changed: change the layouts above");
  static_assert(sizeof(bluec_entry) == 96 && sizeof(bluec_segment) == 24 &&
                    sizeof(bluec_model) == 192 && offsetof(bluec_model, num_segments) == 144,
                "the contract has changed: change the layouts above");
}

Function *Emitter::addFunction(llvm::Type *result, llvm::ArrayRef<llvm::Type *> arguments,
                               const llvm::Twine &name) {
  auto *function = Function::Create(FunctionType::get(result, arguments, false),
                                    llvm::GlobalValue::InternalLinkage, name, module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", function));
  return function;
}

Value *Emitter::loadField(Value *call, CallField field) {
  return b.CreateLoad(callType->getElementType(field), b.CreateStructGEP(callType, call, field));
}

Value *Emitter::evaluate(mlir::AffineExpr expr, Value *count) {
  if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expr))
    return number(constant.getValue());
  if (llvm::isa<mlir::AffineDimExpr>(expr))
    return count;
  auto binary = llvm::cast<mlir::AffineBinaryOpExpr>(expr);
  Value *lhs = evaluate(binary.getLHS(), count), *rhs = evaluate(binary.getRHS(), count);
  switch (expr.getKind()) {
  case mlir::AffineExprKind::Add:
    return b.CreateAdd(lhs, rhs);
  case mlir::AffineExprKind::Mul:
    return b.CreateMul(lhs, rhs);
  case mlir::AffineExprKind::FloorDiv:
    return b.CreateUDiv(lhs, rhs);
  case mlir::AffineExprKind::CeilDiv:
    return b.CreateUDiv(b.CreateAdd(lhs, b.CreateSub(rhs, number(1))), rhs);
  default:
    return b.CreateURem(lhs, rhs);
  }
}

/// i32 run_steps(call, function, tasks, first, end): parallel_for, then on_step, if there is one,
/// for each of the steps [first, end) that the function runs.
Function *Emitter::emitRunSteps() {
  Function *function = addFunction(i32, {pointer, pointer, i64, i64, i64}, "run_steps");
  function->addFnAttr(llvm::Attribute::NoInline);
  Value *call = function->getArg(0), *first = function->getArg(3), *end = function->getArg(4);
  auto *parallelType = FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer, i64}, false);
  b.CreateCall(parallelType, loadField(call, kParallelFor),
               {loadField(call, kPool), function->getArg(1), call, function->getArg(2)});
  Value *onStep = loadField(call, kOnStep);
  llvm::BasicBlock *start = b.GetInsertBlock();
  auto *tell = llvm::BasicBlock::Create(module.getContext(), "tell", function);
  auto *done = llvm::BasicBlock::Create(module.getContext(), "done", function);
  b.CreateCondBr(b.CreateIsNull(onStep), done, tell);
  b.SetInsertPoint(tell);
  auto *step = b.CreatePHI(i64, 2);
  auto *onStepType = FunctionType::get(i32, {pointer, i64}, false);
  Value *answer = b.CreateCall(onStepType, onStep, {loadField(call, kObserver), step});
  Value *next = b.CreateAdd(step, number(1));
  step->addIncoming(first, start);
  step->addIncoming(next, tell);
  Value *goesOn = b.CreateAnd(b.CreateIsNull(answer), b.CreateICmpSLT(next, end));
  b.CreateCondBr(goesOn, tell, done);
  b.SetInsertPoint(done);
  auto *result = b.CreatePHI(i32, 2);
  result->addIncoming(number32(0), start);
  result->addIncoming(answer, tell);
  b.CreateRet(result);
  return function;
}

/// A function of type bluec_kernel_fn over the tasks of several steps, one step's behind the
/// other's.
Function *Emitter::emitSideBySide(const EntryRow &entry, llvm::ArrayRef<Function *> steps,
                                  size_t first) {
  Function *function =
      addFunction(b.getVoidTy(), {pointer, i64, i64}, entry.name + ".steps" + llvm::Twine(first));
  Value *call = function->getArg(0), *begin = function->getArg(1), *end = function->getArg(2);
  Value *count = loadField(call, kCount);
  for (auto [i, step] : llvm::enumerate(steps)) {
    Value *tasks = evaluate(entry.steps[first + i].tasks.getResult(0), count);
    Value *from = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, begin, number(0));
    Value *to = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, end, tasks);
    auto *run = llvm::BasicBlock::Create(module.getContext(), "run", function);
    auto *next = llvm::BasicBlock::Create(module.getContext(), "next", function);
    b.CreateCondBr(b.CreateICmpSLT(from, to), run, next);
    b.SetInsertPoint(run);
    b.CreateCall(step, {call, from, to});
    b.CreateBr(next);
    b.SetInsertPoint(next);
    begin = b.CreateSub(begin, tasks);
    end = b.CreateSub(end, tasks);
  }
  b.CreateRetVoid();
  return function;
}

Function *Emitter::emitStep(const EntryRow &entry, size_t index) {
  const StepRow &step = entry.steps[index];
  Function *kernel = module.getFunction(step.kernel);
  Function *function =
      addFunction(b.getVoidTy(), {pointer, i64, i64}, entry.name + ".step" + llvm::Twine(index));
  Value *call = function->getArg(0);
  Value *bases[3] = {nullptr, nullptr, nullptr};
  std::vector<Value *> arguments;
  for (const Address &address : step.buffers) {
    Value *&base = bases[static_cast<size_t>(address.base)];
    if (!base)
      base = loadField(call, static_cast<CallField>(address.base));
    arguments.push_back(
        b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), base, static_cast<uint64_t>(address.offset)));
  }
  arguments.push_back(loadField(call, kCount));
  arguments.push_back(loadField(call, kPosition));
  arguments.push_back(function->getArg(1));
  arguments.push_back(function->getArg(2));
  b.CreateCall(kernel, arguments);
  b.CreateRetVoid();
  return function;
}

Function *Emitter::emitEntry(const EntryRow &entry) {
  // What runs in one parallel_for: a step, or several side by side.
  struct Stage {
    size_t first, end;
    Function *function;
  };
  std::vector<Stage> stages;
  std::vector<Function *> steps;
  for (size_t i = 0; i < entry.steps.size(); ++i) {
    steps.push_back(emitStep(entry, i));
    if (stages.empty() || !entry.steps[i].joinsPrevious)
      stages.push_back({i, i, steps.back()});
    stages.back().end = i + 1;
  }
  for (Stage &stage : stages)
    if (stage.end - stage.first > 1)
      stage.function = emitSideBySide(
          entry, llvm::ArrayRef(steps).slice(stage.first, stage.end - stage.first), stage.first);

  Function *function = addFunction(i32, {pointer}, "entry." + entry.name);
  Value *call = function->getArg(0);
  Value *count = loadField(call, kCount);
  auto *stopped = llvm::BasicBlock::Create(module.getContext(), "stopped", function);
  llvm::IRBuilder<> atStopped(stopped);
  auto *answer = atStopped.CreatePHI(i32, static_cast<unsigned>(stages.size()));
  atStopped.CreateRet(answer);
  for (const Stage &stage : stages) {
    Value *tasks = number(0);
    for (size_t i = stage.first; i < stage.end; ++i)
      tasks = b.CreateAdd(tasks, evaluate(entry.steps[i].tasks.getResult(0), count));
    Value *result = b.CreateCall(runSteps, {call, stage.function, tasks,
                                            number(static_cast<int64_t>(stage.first)),
                                            number(static_cast<int64_t>(stage.end))});
    auto *next = llvm::BasicBlock::Create(module.getContext(), "", function, stopped);
    answer->addIncoming(result, b.GetInsertBlock());
    b.CreateCondBr(b.CreateIsNull(result), next, stopped);
    b.SetInsertPoint(next);
  }
  b.CreateRet(number32(0));
  return function;
}

Constant *Emitter::text(llvm::StringRef value) {
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

Constant *Emitter::array(llvm::Type *type, const std::vector<Constant *> &values,
                         const llvm::Twine &name) {
  if (values.empty())
    return llvm::ConstantPointerNull::get(llvm::cast<llvm::PointerType>(pointer));
  auto *arrayType = llvm::ArrayType::get(type, values.size());
  return new llvm::GlobalVariable(module, arrayType, true, llvm::GlobalValue::InternalLinkage,
                                  llvm::ConstantArray::get(arrayType, values), name);
}

Constant *Emitter::tensor(const TensorRow &row) {
  std::vector<Constant *> dims;
  for (size_t i = 0; i < BLUEC_MAX_RANK; ++i)
    dims.push_back(number(i < row.dims.size() ? row.dims[i] : 0));
  auto *dimsType = llvm::cast<llvm::ArrayType>(tensorType->getElementType(3));
  return ConstantStruct::get(tensorType, {text(row.name), number32(row.dtype),
                                          number32(static_cast<uint32_t>(row.dims.size())),
                                          llvm::ConstantArray::get(dimsType, dims),
                                          number(row.offset), number(row.bytes)});
}

Constant *Emitter::entryConstant(const EntryRow &entry) {
  Function *run = emitEntry(entry);
  std::vector<Constant *> inputs, outputs, steps;
  for (const TensorRow &row : entry.inputs)
    inputs.push_back(tensor(row));
  for (const TensorRow &row : entry.outputs)
    outputs.push_back(tensor(row));
  for (const StepRow &step : entry.steps) {
    auto capacity =
        mlir::IntegerAttr::get(mlir::IndexType::get(step.tasks.getContext()), entry.capacity);
    llvm::SmallVector<mlir::Attribute> folded;
    int64_t tasks = 0;
    if (llvm::succeeded(step.tasks.constantFold({capacity}, folded)))
      tasks = llvm::cast<mlir::IntegerAttr>(folded.front()).getInt();
    steps.push_back(ConstantStruct::get(
        stepType, {text(step.name), text(step.kernel), number(tasks), tensor(step.output)}));
  }
  auto size = [&](const auto &values) { return number(static_cast<int64_t>(values.size())); };
  return ConstantStruct::get(entryType,
                             {text(entry.name), number32(entry.kind), number32(entry.segment),
                              number32(entry.device), number32(0), number(entry.capacity),
                              number(entry.arenaBytes), run, size(inputs),
                              array(tensorType, inputs, entry.name + ".inputs"), size(outputs),
                              array(tensorType, outputs, entry.name + ".outputs"), size(steps),
                              array(stepType, steps, entry.name + ".steps")});
}

void Emitter::emit() {
  runSteps = emitRunSteps();
  std::vector<Constant *> entries, segments, devices;
  for (const EntryRow &entry : table.entries)
    entries.push_back(entryConstant(entry));
  for (const SegmentRow &segment : table.segments)
    segments.push_back(ConstantStruct::get(
        segmentType, {text(segment.name), number(segment.offset), number(segment.bytes)}));
  for (const std::string &device : table.devices)
    devices.push_back(text(device));
  auto *hash = llvm::ConstantDataArray::get(module.getContext(),
                                            llvm::ArrayRef<uint8_t>(info.weightsSha256));
  auto *model =
      ConstantStruct::get(modelType, {number32(BLUEC_ABI_MAGIC),
                                      number32(BLUEC_ABI_VERSION),
                                      number32(static_cast<uint32_t>(sizeof(bluec_model))),
                                      number32(BLUEC_ALIGNMENT),
                                      text(info.producer),
                                      text(target.name()),
                                      text(target.triple()),
                                      text(target.features()),
                                      number(table.weightsBytes),
                                      hash,
                                      number(table.cacheBytes),
                                      number(table.context),
                                      number(info.hidden),
                                      number(info.vocabulary),
                                      number(info.tokensPerTile),
                                      number(info.tileHeight),
                                      number(info.tileWidth),
                                      number(static_cast<int64_t>(segments.size())),
                                      array(segmentType, segments, "segments"),
                                      number(static_cast<int64_t>(entries.size())),
                                      array(entryType, entries, "entries"),
                                      number(static_cast<int64_t>(devices.size())),
                                      array(pointer, devices, "devices")});
  new llvm::GlobalVariable(module, modelType, true, llvm::GlobalValue::ExternalLinkage, model,
                           BLUEC_MODEL_SYMBOL);
}

void targets::addEntryPoints(llvm::Module &module, const ModelTable &table, const ModelInfo &info,
                             const Target &target) {
  Emitter(module, table, info, target).emit();
}
