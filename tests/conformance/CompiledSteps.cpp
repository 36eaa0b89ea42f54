#include "tests/conformance/CompiledSteps.h"

#include <cstring>
#include <gtest/gtest.h>
#include <thread>

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

Data CompiledSteps::run(const std::string &name, const std::vector<Data> &inputs, int64_t count,
                        int64_t position, Split split) {
  const bluec_entry *entry = nullptr;
  const StepText *text = nullptr;
  for (int64_t i = 0; i < module.model->num_entries; ++i)
    if (module.model->entries[i].name == name)
      entry = &module.model->entries[i];
  for (const StepText &step : texts)
    if (step.entry == name)
      text = &step;
  if (!entry || static_cast<size_t>(entry->num_inputs) != inputs.size()) {
    ADD_FAILURE() << "no entry '" << name << "' with " << inputs.size() << " inputs";
    return {};
  }
  std::vector<StepModule::Range> ranges, written;
  for (int64_t i = 0; i < entry->num_inputs; ++i)
    ranges.push_back({entry->inputs[i].offset, entry->inputs[i].bytes});
  for (int64_t i = 0; i < entry->num_outputs; ++i)
    written.push_back({entry->outputs[i].offset, entry->outputs[i].bytes});
  ranges.insert(ranges.end(), written.begin(), written.end());
  GuardedMemory arena(entry->arena_bytes, ranges);
  uint8_t *base = arena.data();
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(static_cast<int64_t>(4 * inputs[i].size()), entry->inputs[i].bytes);
    put(base + entry->inputs[i].offset, inputs[i], entry->inputs[i].dtype == BLUEC_I32);
  }
  std::vector<uint8_t> before = arena.snapshotWithout(written);
  std::vector<uint8_t> weightsBefore = weights->snapshot();
  std::vector<uint8_t> cachesBefore = caches->snapshotWithout(rangesOf(module.caches));

  bluec_call call = {};
  call.arena = base;
  call.weights = weights->data();
  call.kv = caches->data();
  call.count = count;
  call.position = position;
  call.parallel_for = split == Split::Whole             ? runWhole
                      : split == Split::SinglesReversed ? runReversed
                                                        : runThreads;
  EXPECT_EQ(entry->run(&call), 0);

  // Nothing but the result and the caches may have changed.
  EXPECT_TRUE(weights->snapshot() == weightsBefore) << "weights have changed";
  EXPECT_TRUE(arena.snapshotWithout(written) == before)
      << "bytes outside of the result have changed";
  EXPECT_TRUE(caches->snapshotWithout(rangesOf(module.caches)) == cachesBefore)
      << "bytes outside of the caches have changed";
  Data result;
  if (!resultText(*text).empty()) {
    const bluec_tensor &output = entry->outputs[0];
    result.resize(static_cast<size_t>(output.bytes / 4));
    std::memcpy(result.data(), base + output.offset, static_cast<size_t>(output.bytes));
  }
  return result;
}
