#include "core/EntryCall.h"

#include "core/Bundle.h"
#include "platform/ThreadPool.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace bluec::runtime {
namespace {

constexpr std::int32_t kEndedByObserver = 1;
constexpr std::int32_t kEndedByCancel = 2;

// What on_step of a call gets to see.
struct Observer {
  const bluec_entry &entry;
  const std::uint8_t *arena;
  const OnStep &onStep;
  std::atomic<bool> &cancelled;
  Clock::time_point began = Clock::now(); // the step that runs
};

thread_local Clock::time_point lastBegan;

std::int32_t observeStep(void *opaque, std::int64_t index) {
  auto &observer = *static_cast<Observer *>(opaque);
  if (observer.cancelled.load(std::memory_order_relaxed))
    return kEndedByCancel;
  if (!observer.onStep)
    return 0;
  const bluec_step &step = observer.entry.steps[index];
  const void *output = step.output.bytes != 0 ? observer.arena + step.output.offset : nullptr;
  lastBegan = observer.began;
  const bool goOn = observer.onStep(index, step, output);
  observer.began = Clock::now();
  return goOn ? 0 : kEndedByObserver;
}

// Bytes of the rows of `tensor` that a call with `count` rows uses.
std::size_t usedBytes(const bluec_tensor &tensor, std::int64_t count) {
  if (tensor.rank == 0)
    return std::size_t(tensor.bytes);
  return std::size_t(tensor.bytes / tensor.dims[0] * usedRows(tensor, count));
}

const bluec_tensor *findTensor(const bluec_tensor *tensors, std::int64_t count,
                               std::string_view name) {
  const std::span<const bluec_tensor> all(tensors, std::size_t(count));
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto &tensor) { return tensor.name == name; });
  return found == all.end() ? nullptr : &*found;
}

} // namespace

const bluec_tensor *findInput(const bluec_entry &entry, std::string_view name) {
  return findTensor(entry.inputs, entry.num_inputs, name);
}
const bluec_tensor *findOutput(const bluec_entry &entry, std::string_view name) {
  return findTensor(entry.outputs, entry.num_outputs, name);
}
std::int64_t usedRows(const bluec_tensor &tensor, std::int64_t count) {
  return tensor.rank == 0 ? 1 : std::min(count, tensor.dims[0]);
}

EntryInputs::EntryInputs(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                         const void *rows, const std::int32_t *places) {
  for (std::int64_t i = 0; i < entry.num_inputs; ++i) {
    const bluec_tensor &input = entry.inputs[i];
    if (std::string_view(input.name) != BLUEC_POSITIONS) {
      pointers.push_back(rows);
      continue;
    }
    if (places) {
      pointers.push_back(places);
      continue;
    }
    const std::int64_t axes = input.rank == 2 ? input.dims[1] : 1;
    for (std::int64_t row = 0; row < count; ++row)
      positions.insert(positions.end(), std::size_t(axes), std::int32_t(position + row));
    pointers.push_back(positions.data());
  }
}

Clock::time_point stepBegan() { return lastBegan; }

Status callEntry(const Bundle &bundle, const bluec_entry &entry, const EntryMemory &memory,
                 std::int64_t count, std::int64_t position, std::span<const void *const> inputs,
                 std::span<void *const> outputs, std::atomic<bool> &cancelled,
                 const OnStep &onStep) {
  const auto outside = [&](const std::string &what, std::int64_t most, std::int64_t found) {
    return Status(Code::InvalidArgument, "entry " + inQuotes(entry.name) + ": " + what +
                                             ": expected at most " + std::to_string(most) +
                                             ", found " + std::to_string(found));
  };
  if (count < 1 || count > entry.capacity)
    return outside("rows (at least 1)", entry.capacity, count);
  const bool usesCache = entry.role == BLUEC_ROLE_DECODE;
  const std::int64_t context = bundle.model().context;
  if (usesCache && (position < 0 || position > context - count))
    return outside("position", context - count, position);
  if (inputs.size() != std::size_t(entry.num_inputs) ||
      outputs.size() != std::size_t(entry.num_outputs))
    return {Code::InvalidArgument,
            "entry " + inQuotes(entry.name) + ": the number of inputs or outputs is wrong"};

  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i])
      return {Code::InvalidArgument, "entry " + inQuotes(entry.name) + ": an input is null"};
    std::memcpy(memory.arena + entry.inputs[i].offset, inputs[i],
                usedBytes(entry.inputs[i], count));
  }
  Observer watching{entry, memory.arena, onStep, cancelled};
  bluec_call call{};
  call.arena = memory.arena;
  call.weights = bundle.weights().data();
  call.kv = usesCache ? memory.cache : nullptr;
  call.count = count;
  call.position = usesCache ? position : 0;
  if (memory.threads) {
    call.pool = memory.threads;
    call.parallel_for = ThreadPool::run;
  }
  call.observer = &watching;
  call.on_step = observeStep;
  const Result<std::int32_t> answer = bundle.deviceOf(entry).device->run(entry, call);
  BLUEC_RETURN_IF_ERROR(bundle.checkWeights());
  if (!answer.ok())
    return {answer.status().getCode(),
            "entry " + inQuotes(entry.name) + ": " + answer.status().message()};
  switch (*answer) {
  case 0:
    break;
  case kEndedByCancel:
    cancelled.store(false, std::memory_order_relaxed);
    [[fallthrough]];
  case kEndedByObserver:
    return {Code::Cancelled, "entry " + inQuotes(entry.name) + ": cancelled"};
  default:
    return {Code::Internal, "entry " + inQuotes(entry.name) +
                                ": expected 0 from compiled code, found " +
                                std::to_string(*answer)};
  }
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i])
      std::memcpy(outputs[i], memory.arena + entry.outputs[i].offset,
                  usedBytes(entry.outputs[i], count));
  return {};
}

} // namespace bluec::runtime
