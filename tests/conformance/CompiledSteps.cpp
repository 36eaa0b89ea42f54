#include "tests/conformance/CompiledSteps.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/plan/Plan.h"
#include "targets/Registration.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <thread>

using namespace bluec;
using namespace bluec::conformance;

namespace {

constexpr int64_t kGuard = 256;            // bytes between any two buffers
constexpr uint32_t kGarbage = 0x7fc0beefu; // not a number

/// Places buffers one after the other, guards between them.
struct Placer {
  int64_t end = kGuard;
  int64_t place(int64_t bytes) {
    int64_t offset = end;
    end = llvm::alignTo(static_cast<uint64_t>(offset + bytes + kGuard), BLUEC_ALIGNMENT);
    return offset;
  }
};

void fillGarbage(std::vector<uint8_t> &bytes) {
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4)
    std::memcpy(bytes.data() + at, &kGarbage, 4);
}

uint8_t *aligned(std::vector<uint8_t> &bytes) {
  return reinterpret_cast<uint8_t *>(
      llvm::alignTo(reinterpret_cast<uintptr_t>(bytes.data()), BLUEC_ALIGNMENT));
}

void put(uint8_t *to, const Data &data, bool ints) {
  for (size_t i = 0; i < data.size(); ++i) {
    auto integer = static_cast<int32_t>(data[i]);
    std::memcpy(to + 4 * i, ints ? static_cast<const void *>(&integer) : &data[i], 4);
  }
}

void runWhole(void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
  kernel(call, 0, tasks);
}
void runReversed(void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
  for (int64_t task = tasks - 1; task >= 0; --task)
    kernel(call, task, task + 1);
}
void runThreads(void *, bluec_kernel_fn kernel, const bluec_call *call, int64_t tasks) {
  auto work = [&](int64_t first) {
    // Ranges of 1, 2, 3, ... tasks in turn, each thread taking every other one.
    int64_t begin = 0, length = 1;
    for (int64_t number = 0; begin < tasks; ++number, begin += length, ++length)
      if (number % 2 == first)
        kernel(call, begin, std::min(begin + length, tasks));
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

std::string planText(const std::vector<StepText> &steps) {
  std::map<std::string, std::string> symbols;
  std::string entries;
  for (const StepText &step : steps) {
    std::string arguments, gets, operands, operandTypes, blockArguments;
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const Operand &operand = step.operands[i];
      std::string number = std::to_string(i), type = tensorText(operand.shape, operand.ints);
      if (operand.place == Place::Input) {
        arguments += (arguments.empty() ? "" : ", ") + std::string("%v") + number + ": " + type;
      } else if (operand.place == Place::Weight) {
        symbols["w" + operand.name] = "plan.weight @" + operand.name + " dense<0.0> : " + type +
                                      " packed " + type + " segment \"all\"\n";
        gets += "  %v" + number + " = plan.get_weight @" + operand.name + " : " + type + "\n";
      } else {
        symbols["c" + operand.name] = "plan.cache @" + operand.name + " : " + type + "\n";
        gets += "  %v" + number + " = plan.get_cache @" + operand.name + " : " + type + "\n";
      }
      operands += (i ? ", %v" : "%v") + number;
      operandTypes += (i ? ", " : "") + type;
      blockArguments += (i ? ", %a" : "%a") + number + ": " + type;
    }
    bool hasResult = !step.result.empty();
    std::string result = hasResult ? tensorText(step.result) : "()";
    entries += "plan.entry @" + step.entry + " kind prefill capacity " +
               std::to_string(step.capacity) + " segment \"all\" {\n^bb0(" + arguments + "):\n" +
               gets + (hasResult ? "  %r = " : "  ") + "plan.step \"layer\" value \"value\" on " +
               "\"cpu\" (" + operands + ") : (" + operandTypes + ") -> " + result + " {\n  ^bb0(" +
               blockArguments + "):\n" + step.body + "\n  }\n  plan.return" +
               (hasResult ? " %r : " + result : "") + "\n}\n";
  }
  std::string text;
  for (const auto &[name, line] : symbols)
    text += line;
  return text + entries;
}

} // namespace

int64_t conformance::elements(const Shape &shape) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  return count;
}

std::string conformance::tensorText(const Shape &shape, bool ints) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + (ints ? "i32>" : "f32>");
}

std::vector<std::string> conformance::targetsHere() {
  std::vector<std::string> names;
  for (const auto &target : targets::allTargets().all())
    if (target->runsHere())
      names.push_back(target->name().str());
  return names;
}

int64_t conformance::lanesOf(const std::string &name) {
  std::string error;
  mlir::MLIRContext context;
  context.loadDialect<plan::PlanDialect>();
  return targets::allTargets().find(name, error)->facts(&context).getVectorBits() / 32;
}

CompiledSteps::CompiledSteps(const std::string &targetName, const std::vector<StepText> &steps)
    : texts(steps) {
  compile(targetName, steps);
}

void CompiledSteps::compile(const std::string &targetName, const std::vector<StepText> &steps) {
  std::string error;
  const targets::Target *target = targets::allTargets().find(targetName, error);
  ASSERT_NE(target, nullptr) << error;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
  std::string text = planText(steps);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  plan::TargetAttr facts = target->facts(&context);
  vectorLanes = facts.getVectorBits() / 32;
  (*module)->setAttr(plan::kTargetAttr, facts);

  // What assign-weights and plan-memory do, with guards.
  mlir::OpBuilder builder(&context);
  Placer weights, caches;
  for (auto op : module->getOps<plan::WeightOp>()) {
    auto type = mlir::cast<mlir::RankedTensorType>(op.getPacked());
    int64_t bytes = plan::denseBytes(type), offset = weights.place(bytes);
    op.setOffsetAttr(builder.getI64IntegerAttr(offset));
    weightRanges[op.getSymName().str()] = {offset, bytes, type.getElementType().isInteger(32)};
  }
  for (auto op : module->getOps<plan::CacheOp>()) {
    int64_t bytes = plan::denseBytes(mlir::cast<mlir::RankedTensorType>(op.getType()));
    int64_t offset = caches.place(bytes);
    op.setOffsetAttr(builder.getI64IntegerAttr(offset));
    cacheRanges[op.getSymName().str()] = {offset, bytes};
  }
  for (auto entry : module->getOps<plan::EntryOp>()) {
    Placer arena;
    std::vector<int64_t> offsets;
    for (mlir::Value argument : entry.getBody().getArguments())
      offsets.push_back(
          arena.place(plan::denseBytes(mlir::cast<mlir::RankedTensorType>(argument.getType()))));
    for (auto step : entry.getBody().getOps<plan::StepOp>())
      if (step->getNumResults() == 1)
        step.setOffsetAttr(builder.getI64IntegerAttr(arena.place(
            plan::denseBytes(mlir::cast<mlir::RankedTensorType>(step->getResult(0).getType())))));
    entry.setInputOffsetsAttr(builder.getDenseI64ArrayAttr(offsets));
    entry.setArenaBytesAttr(builder.getI64IntegerAttr(arena.end));
  }
  weightBytes.resize(static_cast<size_t>(weights.end + BLUEC_ALIGNMENT));
  cacheBytes.resize(static_cast<size_t>(caches.end + BLUEC_ALIGNMENT));
  fillGarbage(weightBytes);
  fillGarbage(cacheBytes);

  mlir::PassManager passes(&context);
  target->addKernelPasses(passes);
  ASSERT_TRUE(mlir::succeeded(passes.run(*module))) << text;
  llvm::SmallString<128> object, shared;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("bluec-conformance", "o", object));
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("bluec-conformance", "so", shared));
  {
    std::error_code failed;
    llvm::raw_fd_ostream out(object, failed);
    ASSERT_FALSE(failed);
    ASSERT_TRUE(mlir::succeeded(target->emitObject(*module, {}, out))) << text;
  }
  ASSERT_TRUE(mlir::succeeded(target->linkShared(object, shared, error))) << error;
  library = dlopen(shared.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  if (!getenv("BLUEC_KEEP_OBJECTS")) {
    llvm::sys::fs::remove(object);
    llvm::sys::fs::remove(shared);
  }
  model = static_cast<const bluec_model *>(dlsym(library, BLUEC_MODEL_SYMBOL));
  ASSERT_NE(model, nullptr);
}

CompiledSteps::~CompiledSteps() {
  if (library)
    dlclose(library);
}

void CompiledSteps::set(const std::string &name, const Data &data) {
  bool isWeight = weightRanges.count(name) != 0;
  const Range &range = isWeight ? weightRanges.at(name) : cacheRanges.at(name);
  ASSERT_EQ(static_cast<int64_t>(data.size() * 4), range.bytes);
  put(aligned(isWeight ? weightBytes : cacheBytes) + range.offset, data, range.ints);
}

Data CompiledSteps::cache(const std::string &name) const {
  const Range &range = cacheRanges.at(name);
  Data data(static_cast<size_t>(range.bytes / 4));
  std::memcpy(data.data(), aligned(const_cast<std::vector<uint8_t> &>(cacheBytes)) + range.offset,
              static_cast<size_t>(range.bytes));
  return data;
}

void CompiledSteps::clearCaches() { fillGarbage(cacheBytes); }

Data CompiledSteps::run(const std::string &name, const std::vector<Data> &inputs, int64_t count,
                        int64_t position, Split split) {
  const bluec_entry *entry = nullptr;
  const StepText *text = nullptr;
  for (int64_t i = 0; i < model->num_entries; ++i)
    if (model->entries[i].name == name)
      entry = &model->entries[i];
  for (const StepText &step : texts)
    if (step.entry == name)
      text = &step;
  if (!entry || static_cast<size_t>(entry->num_inputs) != inputs.size()) {
    ADD_FAILURE() << "no entry '" << name << "' with " << inputs.size() << " inputs";
    return {};
  }
  std::vector<uint8_t> arena(static_cast<size_t>(entry->arena_bytes + BLUEC_ALIGNMENT));
  fillGarbage(arena);
  uint8_t *base = aligned(arena);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(static_cast<int64_t>(4 * inputs[i].size()), entry->inputs[i].bytes);
    put(base + entry->inputs[i].offset, inputs[i], entry->inputs[i].dtype == BLUEC_I32);
  }
  std::vector<uint8_t> before = arena, weightsBefore = weightBytes, cachesBefore = cacheBytes;

  bluec_call call = {};
  call.arena = base;
  call.weights = aligned(weightBytes);
  call.kv = aligned(cacheBytes);
  call.count = count;
  call.position = position;
  call.parallel_for = split == Split::Whole             ? runWhole
                      : split == Split::SinglesReversed ? runReversed
                                                        : runThreads;
  EXPECT_EQ(entry->run(&call), 0);

  // Nothing but the result and the caches may have changed.
  EXPECT_EQ(weightBytes, weightsBefore);
  Data result;
  if (!text->result.empty()) {
    const bluec_tensor &output = entry->outputs[0];
    result.resize(static_cast<size_t>(output.bytes / 4));
    std::memcpy(result.data(), base + output.offset, static_cast<size_t>(output.bytes));
    std::memcpy(before.data() + (base - arena.data()) + output.offset, base + output.offset,
                static_cast<size_t>(output.bytes));
  }
  EXPECT_TRUE(arena == before) << "bytes outside of the result have changed";
  auto blank = [&](std::vector<uint8_t> &bytes, uint8_t *start) {
    for (const auto &[cacheName, range] : cacheRanges)
      std::memset(start + range.offset, 0, static_cast<size_t>(range.bytes));
    return bytes;
  };
  std::vector<uint8_t> cachesAfter = cacheBytes;
  std::ptrdiff_t shift = aligned(cacheBytes) - cacheBytes.data();
  EXPECT_TRUE(blank(cachesBefore, cachesBefore.data() + shift) ==
              blank(cachesAfter, cachesAfter.data() + shift))
      << "bytes outside of the caches have changed";
  return result;
}
