#include "emulate/Descriptor.h"

#include <algorithm>
#include <iterator>

namespace bluec::runtime {
namespace {

// The same fields in the same order, written and read.
template <typename Model, typename Visitor> void eachNumber(Model &model, const Visitor &visit) {
  visit(model.weights_bytes);
  visit(model.kv_bytes);
  visit(model.context);
  visit(model.ring_positions);
  visit(model.ring_back);
  visit(model.hidden);
  visit(model.vocabulary);
  visit(model.tokens_per_tile);
  visit(model.tile_height);
  visit(model.tile_width);
}

template <typename Entry, typename Visitor> void eachFact(Entry &entry, const Visitor &visit) {
  visit(entry.role);
  visit(entry.stage);
  visit(entry.stages);
  visit(entry.segment);
  visit(entry.device);
  visit(entry.reserved);
}

void writeText(const char *text, Writer &to) {
  to.u32(text != nullptr);
  if (text)
    to.text(text);
}

// A table, or that it is not there: who reads it judges.
template <typename T, typename Each>
void writeTable(const T *table, std::int64_t count, Writer &to, const Each &each) {
  to.i64(count);
  to.u32(table != nullptr);
  for (std::int64_t i = 0; table && i < count; ++i)
    each(table[i]);
}

void writeTensor(const bluec_tensor &tensor, Writer &to) {
  writeText(tensor.name, to);
  to.u32(tensor.dtype);
  to.u32(tensor.rank);
  for (const std::int64_t dim : tensor.dims)
    to.i64(dim);
  to.i64(tensor.offset);
  to.i64(tensor.bytes);
}

void writeEntry(const bluec_entry &entry, Writer &to) {
  writeText(entry.name, to);
  eachFact(entry, [&](std::uint32_t fact) { to.u32(fact); });
  to.i64(entry.capacity);
  to.i64(entry.arena_bytes);
  to.u64(std::uint64_t(reinterpret_cast<std::uintptr_t>(entry.run)));
  const auto tensor = [&](const bluec_tensor &one) { writeTensor(one, to); };
  writeTable(entry.inputs, entry.num_inputs, to, tensor);
  writeTable(entry.outputs, entry.num_outputs, to, tensor);
  writeTable(entry.steps, entry.num_steps, to, [&](const bluec_step &step) {
    writeText(step.name, to);
    writeText(step.kernel, to);
    to.i64(step.tasks);
    writeTensor(step.output, to);
  });
}

// Reads a table of which each element takes at least a byte. Null when there is none.
template <typename T, typename Each>
const T *readTable(Reader &from, std::int64_t &count, std::vector<T> &table, const Each &each) {
  count = from.i64();
  if (from.u32() == 0)
    return nullptr;
  for (std::int64_t i = 0; i < count && from.ok(); ++i)
    each(table.emplace_back());
  return table.empty() ? nullptr : table.data();
}

} // namespace

void writeDescriptor(const bluec_model &model, Writer &to) {
  to.u32(model.magic);
  if (model.magic != BLUEC_ABI_MAGIC)
    return;
  to.u32(model.abi_version);
  if (model.abi_version != BLUEC_ABI_VERSION)
    return;
  // As this process has it: the other one's differs with the size of a pointer.
  const bool isWhole = model.struct_bytes == sizeof model;
  to.u32(isWhole);
  if (!isWhole)
    return;
  to.u32(model.alignment);
  for (const char *text : {model.producer, model.target, model.triple, model.cpu_features})
    writeText(text, to);
  eachNumber(model, [&](std::int64_t number) { to.i64(number); });
  to.bytes(model.weights_sha256);
  writeTable(model.segments, model.num_segments, to, [&](const bluec_segment &segment) {
    writeText(segment.name, to);
    to.i64(segment.offset);
    to.i64(segment.bytes);
  });
  writeTable(model.entries, model.num_entries, to,
             [&](const bluec_entry &entry) { writeEntry(entry, to); });
  writeTable(model.devices, model.num_devices, to, [&](const char *name) { writeText(name, to); });
}

const char *ReadDescriptor::readText(Reader &from) {
  return from.u32() == 0 ? nullptr : texts.emplace_back(from.text()).c_str();
}

void ReadDescriptor::readTensor(Reader &from, bluec_tensor &tensor) {
  tensor.name = readText(from);
  tensor.dtype = from.u32();
  tensor.rank = from.u32();
  for (std::int64_t &dim : tensor.dims)
    dim = from.i64();
  tensor.offset = from.i64();
  tensor.bytes = from.i64();
}

const bluec_tensor *ReadDescriptor::readTensors(Reader &from, std::int64_t &count) {
  return readTable(from, count, tensors.emplace_back(),
                   [&](bluec_tensor &tensor) { readTensor(from, tensor); });
}

const bluec_step *ReadDescriptor::readSteps(Reader &from, std::int64_t &count) {
  return readTable(from, count, steps.emplace_back(), [&](bluec_step &step) {
    step.name = readText(from);
    step.kernel = readText(from);
    step.tasks = from.i64();
    readTensor(from, step.output);
  });
}

void ReadDescriptor::readEntry(Reader &from, bluec_entry &entry) {
  entry.name = readText(from);
  eachFact(entry, [&](std::uint32_t &fact) { fact = from.u32(); });
  entry.capacity = from.i64();
  entry.arena_bytes = from.i64();
  entry.run = reinterpret_cast<bluec_entry_fn>(std::uintptr_t(from.u64()));
  entry.inputs = readTensors(from, entry.num_inputs);
  entry.outputs = readTensors(from, entry.num_outputs);
  entry.steps = readSteps(from, entry.num_steps);
}

bool ReadDescriptor::read(Reader &from) {
  whole.magic = from.u32();
  if (whole.magic != BLUEC_ABI_MAGIC)
    return from.ok();
  whole.abi_version = from.u32();
  if (whole.abi_version != BLUEC_ABI_VERSION)
    return from.ok();
  whole.struct_bytes = from.u32() != 0 ? std::uint32_t(sizeof whole) : 0;
  if (whole.struct_bytes == 0)
    return from.ok();
  whole.alignment = from.u32();
  for (const char **text : {&whole.producer, &whole.target, &whole.triple, &whole.cpu_features})
    *text = readText(from);
  eachNumber(whole, [&](std::int64_t &number) { number = from.i64(); });
  const std::span<const std::uint8_t> hash = from.bytes(std::size(whole.weights_sha256));
  std::copy(hash.begin(), hash.end(), whole.weights_sha256);
  whole.segments = readTable(from, whole.num_segments, segments, [&](bluec_segment &segment) {
    segment.name = readText(from);
    segment.offset = from.i64();
    segment.bytes = from.i64();
  });
  whole.entries = readTable(from, whole.num_entries, entries,
                            [&](bluec_entry &entry) { readEntry(from, entry); });
  whole.devices = readTable(from, whole.num_devices, devices,
                            [&](const char *&name) { name = readText(from); });
  return from.ok();
}

} // namespace bluec::runtime
