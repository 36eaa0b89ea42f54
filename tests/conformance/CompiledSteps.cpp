#include "tests/conformance/CompiledSteps.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

using namespace bluec;
using namespace bluec::conformance;

namespace {

std::vector<StepModule::Range> rangesOf(const std::map<std::string, StepModule::Range> &named) {
  std::vector<StepModule::Range> ranges;
  for (const auto &[name, range] : named)
    ranges.push_back(range);
  return ranges;
}

void put(uint8_t *to, const Data &data, bool ints) {
  if (!ints) {
    std::memcpy(to, data.data(), 4 * data.size());
    return;
  }
  for (size_t i = 0; i < data.size(); ++i) {
    auto integer = static_cast<int32_t>(data[i]);
    std::memcpy(to + 4 * i, &integer, 4);
  }
}

std::vector<StepEntry::Tensor> tensorsOf(const bluec_tensor *tensors, int64_t count) {
  std::vector<StepEntry::Tensor> made;
  for (int64_t i = 0; i < count; ++i)
    made.push_back({tensors[i].dtype, tensors[i].offset, tensors[i].bytes});
  return made;
}

} // namespace

CompiledSteps::CompiledSteps(const std::string &target, const std::vector<StepText> &steps)
    : texts(steps) {
  std::string error;
  if (!module.compile(target, steps, error)) {
    ADD_FAILURE() << error;
    return;
  }
  isCompiled = true;
  weights = std::make_unique<GuardedMemory>(module.weightsBytes, rangesOf(module.weights));
  caches = std::make_unique<GuardedMemory>(module.cachesBytes, rangesOf(module.caches));
}

void CompiledSteps::set(const std::string &name, const Data &data) {
  bool isWeight = module.weights.count(name) != 0;
  const StepModule::Range &range = isWeight ? module.weights.at(name) : module.caches.at(name);
  ASSERT_EQ(static_cast<int64_t>(data.size() * 4), range.bytes);
  put((isWeight ? weights : caches)->data() + range.offset, data, range.ints);
}

Data CompiledSteps::cache(const std::string &name) const {
  const StepModule::Range &range = module.caches.at(name);
  Data data(static_cast<size_t>(range.bytes / 4));
  std::memcpy(data.data(), caches->data() + range.offset, static_cast<size_t>(range.bytes));
  return data;
}

void CompiledSteps::clearCaches() { caches->fillGarbage(); }

std::vector<StepEntry> CompiledSteps::entries() const {
  if (module.emulated)
    return module.emulated->entries();
  std::vector<StepEntry> made;
  for (int64_t i = 0; i < module.model->num_entries; ++i) {
    const bluec_entry &entry = module.model->entries[i];
    made.push_back({entry.name, entry.arena_bytes, tensorsOf(entry.inputs, entry.num_inputs),
                    tensorsOf(entry.outputs, entry.num_outputs)});
  }
  return made;
}

int32_t CompiledSteps::call(size_t entry, const GuardedMemory &arena, int64_t count,
                            int64_t position, Split split) {
  if (!module.emulated) {
    bluec_call call = {};
    call.arena = arena.data();
    call.weights = weights->data();
    call.kv = caches->data();
    call.count = count;
    call.position = position;
    call.parallel_for = parallelFor(split);
    return module.model->entries[entry].run(&call);
  }
  EmulatedCode &code = *module.emulated;
  std::string error;
  std::vector<int> memories;
  for (const GuardedMemory *memory :
       std::initializer_list<const GuardedMemory *>{weights.get(), caches.get(), &arena})
    memories.push_back(code.map(memory->path(), memory->bytes(), memory->opened(), error));
  int32_t status = error.empty() ? code.run(entry, memories[0], memories[1], memories[2], count,
                                            position, split, error)
                                 : -1;
  for (int memory : memories)
    code.unmap(memory);
  EXPECT_EQ(error, "");
  return status;
}

Data CompiledSteps::run(const std::string &name, const std::vector<Data> &inputs, int64_t count,
                        int64_t position, Split split) {
  std::vector<StepEntry> all = entries();
  auto entry = std::find_if(all.begin(), all.end(), [&](const auto &e) { return e.name == name; });
  const StepText *text = nullptr;
  for (const StepText &step : texts)
    if (step.entry == name)
      text = &step;
  if (entry == all.end() || entry->inputs.size() != inputs.size()) {
    ADD_FAILURE() << "no entry '" << name << "' with " << inputs.size() << " inputs";
    return {};
  }
  std::vector<StepModule::Range> ranges, written;
  for (const StepEntry::Tensor &input : entry->inputs)
    ranges.push_back({input.offset, input.bytes});
  for (const StepEntry::Tensor &output : entry->outputs)
    written.push_back({output.offset, output.bytes});
  ranges.insert(ranges.end(), written.begin(), written.end());
  GuardedMemory arena(entry->arenaBytes, ranges);
  uint8_t *base = arena.data();
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(static_cast<int64_t>(4 * inputs[i].size()), entry->inputs[i].bytes);
    put(base + entry->inputs[i].offset, inputs[i], entry->inputs[i].dtype == BLUEC_I32);
  }
  std::vector<uint8_t> before = arena.snapshotWithout(written);
  std::vector<uint8_t> weightsBefore = weights->snapshot();
  std::vector<uint8_t> cachesBefore = caches->snapshotWithout(rangesOf(module.caches));

  EXPECT_EQ(call(static_cast<size_t>(entry - all.begin()), arena, count, position, split), 0);

  // Nothing but the result and the caches may have changed.
  EXPECT_TRUE(weights->snapshot() == weightsBefore) << "weights have changed";
  EXPECT_TRUE(arena.snapshotWithout(written) == before)
      << "bytes outside of the result have changed";
  EXPECT_TRUE(caches->snapshotWithout(rangesOf(module.caches)) == cachesBefore)
      << "bytes outside of the caches have changed";
  Data result;
  if (!resultText(*text).empty()) {
    const StepEntry::Tensor &output = entry->outputs[0];
    result.resize(static_cast<size_t>(output.bytes / 4));
    std::memcpy(result.data(), base + output.offset, static_cast<size_t>(output.bytes));
  }
  return result;
}
