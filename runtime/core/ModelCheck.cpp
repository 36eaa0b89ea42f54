// Checks of a model's descriptor: all that the runtime relies on when it hands over memory.
#include "core/Bundle.h"

#include <cstring>
#include <initializer_list>
#include <limits>
#include <set>
#include <span>
#include <utility>

namespace bluec::runtime {
namespace {

Status bad(const std::string &message) { return {Code::BadBundle, "model.so: " + message}; }

Status expectEqual(const std::string &what, std::int64_t expected, std::int64_t found,
                   Code code = Code::BadBundle) {
  if (expected == found)
    return {};
  return {code, "model.so: " + what + ": expected " + std::to_string(expected) + ", found " +
                    std::to_string(found)};
}

// The product of `dims` and the element size; -1 when a dimension is not positive or it overflows.
std::int64_t tensorBytes(const bluec_tensor &tensor) {
  std::int64_t bytes = elementBytes(tensor.dtype);
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    if (tensor.dims[i] <= 0 || bytes > std::numeric_limits<std::int64_t>::max() / tensor.dims[i])
      return -1;
    bytes *= tensor.dims[i];
  }
  return bytes;
}

Status checkTensor(const bluec_tensor &tensor, const bluec_entry &entry, const std::string &where) {
  if (!tensor.name)
    return bad(where + ": it has no name");
  const std::string place = where + " " + inQuotes(tensor.name);
  if (elementBytes(tensor.dtype) == 0 || tensor.rank > BLUEC_MAX_RANK)
    return bad(place + ": unknown element type or rank");
  const std::int64_t bytes = tensorBytes(tensor);
  if (bytes < 0)
    return bad(place + ": its dimensions are not positive or too large");
  BLUEC_RETURN_IF_ERROR(expectEqual(place + " bytes", bytes, tensor.bytes));
  if (tensor.offset < 0 || tensor.offset % BLUEC_ALIGNMENT != 0)
    return bad(place + ": offset " + std::to_string(tensor.offset) + " is not aligned");
  if (tensor.bytes > entry.arena_bytes || tensor.offset > entry.arena_bytes - tensor.bytes)
    return bad(place + ": expected it inside an arena of " + std::to_string(entry.arena_bytes) +
               " bytes, found " + std::to_string(tensor.bytes) + " bytes at " +
               std::to_string(tensor.offset));
  return {};
}

Status checkShape(const bluec_tensor &tensor, std::uint32_t dtype,
                  std::initializer_list<std::int64_t> dims, const std::string &where) {
  const auto describe = [](std::uint32_t type, const std::int64_t *begin, std::size_t count) {
    std::string text = "type " + std::to_string(type) + " [";
    for (std::size_t i = 0; i < count; ++i)
      text += (i ? ", " : "") + std::to_string(begin[i]);
    return text + "]";
  };
  const bool same = tensor.dtype == dtype && tensor.rank == dims.size() &&
                    std::equal(dims.begin(), dims.end(), tensor.dims);
  if (same)
    return {};
  return bad(where + ": expected " + describe(dtype, dims.begin(), dims.size()) + ", found " +
             describe(tensor.dtype, tensor.dims, tensor.rank));
}

Status checkSignature(const bluec_model &model, const bluec_entry &entry,
                      const std::string &where) {
  BLUEC_RETURN_IF_ERROR(expectEqual(where + " inputs", 1, entry.num_inputs));
  BLUEC_RETURN_IF_ERROR(expectEqual(where + " outputs", 1, entry.num_outputs));
  const std::int64_t rows = entry.capacity;
  switch (entry.kind) {
  case BLUEC_ENTRY_ENCODE:
    BLUEC_RETURN_IF_ERROR(checkShape(entry.inputs[0], BLUEC_F32,
                                     {rows, 3, model.tile_height, model.tile_width},
                                     where + " input"));
    return checkShape(entry.outputs[0], BLUEC_F32, {rows, model.tokens_per_tile, model.hidden},
                      where + " output");
  case BLUEC_ENTRY_ENCODE_PATCHES:
    return checkShape(entry.inputs[0], BLUEC_F32, {rows, 3, model.tile_height, model.tile_width},
                      where + " input");
  case BLUEC_ENTRY_ENCODE_BLOCKS:
    return checkShape(entry.outputs[0], BLUEC_F32, {rows, model.tokens_per_tile, model.hidden},
                      where + " output");
  case BLUEC_ENTRY_EMBED:
    BLUEC_RETURN_IF_ERROR(checkShape(entry.inputs[0], BLUEC_I32, {rows}, where + " input"));
    return checkShape(entry.outputs[0], BLUEC_F32, {rows, model.hidden}, where + " output");
  case BLUEC_ENTRY_PREFILL:
    BLUEC_RETURN_IF_ERROR(
        checkShape(entry.inputs[0], BLUEC_F32, {rows, model.hidden}, where + " input"));
    return checkShape(entry.outputs[0], BLUEC_F32, {1, model.vocabulary}, where + " output");
  case BLUEC_ENTRY_DECODE:
    BLUEC_RETURN_IF_ERROR(expectEqual(where + " capacity", 1, rows));
    BLUEC_RETURN_IF_ERROR(checkShape(entry.inputs[0], BLUEC_I32, {1}, where + " input"));
    return checkShape(entry.outputs[0], BLUEC_F32, {1, model.vocabulary}, where + " output");
  default:
    return {Code::Incompatible,
            "model.so: " + where + ": unknown kind " + std::to_string(entry.kind)};
  }
}

Status checkEntry(const bluec_model &model, const bluec_entry &entry) {
  if (!entry.name || !entry.run)
    return bad("an entry point has no name or no code");
  const std::string where = "entry " + inQuotes(entry.name);
  if (entry.capacity <= 0 || entry.arena_bytes < 0)
    return bad(where + ": its capacity or arena size is out of range");
  if (entry.segment >= std::uint64_t(model.num_segments))
    return bad(where + ": it names a segment that is not there");
  if (entry.device >= std::uint64_t(model.num_devices))
    return bad(where + ": it names a device that is not there");
  if (entry.num_inputs < 0 || entry.num_outputs < 0 || entry.num_steps < 0 ||
      (entry.num_inputs > 0 && !entry.inputs) || (entry.num_outputs > 0 && !entry.outputs) ||
      (entry.num_steps > 0 && !entry.steps))
    return bad(where + ": a table is missing");
  for (std::int64_t i = 0; i < entry.num_inputs; ++i)
    BLUEC_RETURN_IF_ERROR(checkTensor(entry.inputs[i], entry, where + " input"));
  for (std::int64_t i = 0; i < entry.num_outputs; ++i)
    BLUEC_RETURN_IF_ERROR(checkTensor(entry.outputs[i], entry, where + " output"));
  for (std::int64_t i = 0; i < entry.num_steps; ++i) {
    const bluec_step &step = entry.steps[i];
    if (!step.name || !step.kernel)
      return bad(where + " step " + std::to_string(i) + ": it has no name or no kernel");
    if (step.output.rank != 0 || step.output.bytes != 0)
      BLUEC_RETURN_IF_ERROR(
          checkTensor(step.output, entry, where + " step " + std::to_string(i) + " output"));
  }
  return checkSignature(model, entry, where);
}

// Encoders are whole, or they are pairs of stages between which one tensor is handed over; of each
// capacity there is one.
Status checkStages(const bluec_model &model) {
  const std::span<const bluec_entry> entries(model.entries, std::size_t(model.num_entries));
  const auto find = [&](std::uint32_t kind, std::int64_t capacity) {
    const bluec_entry *found = nullptr;
    std::int64_t count = 0;
    for (const bluec_entry &entry : entries)
      if (entry.kind == kind && entry.capacity == capacity) {
        found = &entry;
        ++count;
      }
    return std::pair(found, count);
  };
  for (const bluec_entry &entry : entries) {
    const std::string where = "entry " + inQuotes(entry.name);
    const bool patches = entry.kind == BLUEC_ENTRY_ENCODE_PATCHES;
    if (entry.kind != BLUEC_ENTRY_ENCODE && !patches && entry.kind != BLUEC_ENTRY_ENCODE_BLOCKS)
      continue;
    if (find(entry.kind, entry.capacity).second > 1)
      return bad(where + ": expected one of its kind and capacity, found more");
    if (entry.kind == BLUEC_ENTRY_ENCODE) {
      for (const bluec_entry &other : entries)
        if (other.kind == BLUEC_ENTRY_ENCODE_PATCHES || other.kind == BLUEC_ENTRY_ENCODE_BLOCKS)
          return bad(where + ": expected whole encoders or stages of encoders, found both");
      continue;
    }
    const bluec_entry *other =
        find(patches ? BLUEC_ENTRY_ENCODE_BLOCKS : BLUEC_ENTRY_ENCODE_PATCHES, entry.capacity)
            .first;
    if (!other)
      return bad(where + ": expected the encoder's other stage of capacity " +
                 std::to_string(entry.capacity) + ", found none");
    if (!patches)
      continue;
    const bluec_tensor &given = entry.outputs[0], &taken = other->inputs[0];
    if (given.rank == 0 || given.dims[0] != entry.capacity)
      return bad(where + ": expected an output with a row for each tile");
    if (given.dtype != taken.dtype || given.rank != taken.rank ||
        !std::equal(given.dims, given.dims + given.rank, taken.dims))
      return bad(where + ": expected an output as the input of " + inQuotes(other->name) +
                 ", found another type or shape");
  }
  return {};
}

// The manifest's calls name capacities that there are, and there is one list for each rest.
Status checkEncodeCalls(const bluec_model &model, const Manifest &manifest) {
  if (!manifest.encodeCalls)
    return {};
  std::set<std::int64_t> capacities{0};
  for (std::int64_t i = 0; i < model.num_entries; ++i)
    if (const bluec_entry &entry = model.entries[i];
        entry.kind == BLUEC_ENTRY_ENCODE || entry.kind == BLUEC_ENTRY_ENCODE_PATCHES)
      capacities.insert(entry.capacity);
  BLUEC_RETURN_IF_ERROR(expectEqual("image_batch", manifest.imageBatch, *capacities.rbegin()));
  for (const std::vector<std::int64_t> &calls : *manifest.encodeCalls)
    for (const std::int64_t capacity : calls)
      if (!capacities.contains(capacity))
        return bad("encode_calls: expected an image encoder for " + std::to_string(capacity) +
                   " tiles as in manifest.json, found none");
  return {};
}

Status checkAgainstManifest(const bluec_model &model, const Manifest &manifest) {
  const auto sameText = [](const char *what, const std::string &expected,
                           const char *found) -> Status {
    if (expected == found)
      return {};
    return bad(std::string(what) + ": expected " + inQuotes(expected) +
               " as in manifest.json, found " + inQuotes(found));
  };
  BLUEC_RETURN_IF_ERROR(sameText("target", manifest.targetName, model.target));
  BLUEC_RETURN_IF_ERROR(sameText("triple", manifest.triple, model.triple));
  const struct {
    const char *what;
    std::int64_t expected, found;
  } numbers[] = {
      {"context", manifest.context, model.context},
      {"hidden", manifest.hidden, model.hidden},
      {"vocabulary", manifest.vocabulary, model.vocabulary},
      {"tokens_per_tile", manifest.tokensPerTile, model.tokens_per_tile},
      {"tile_height", manifest.tileHeight, model.tile_height},
      {"tile_width", manifest.tileWidth, model.tile_width},
  };
  for (const auto &number : numbers)
    BLUEC_RETURN_IF_ERROR(expectEqual(number.what, number.expected, number.found));
  if (const FileEntry *weights = manifest.file(weightsName)) {
    BLUEC_RETURN_IF_ERROR(
        expectEqual("weights_bytes", std::int64_t(weights->bytes), model.weights_bytes));
    std::string hash;
    for (std::uint8_t byte : model.weights_sha256) {
      hash += "0123456789abcdef"[byte >> 4];
      hash += "0123456789abcdef"[byte & 15];
    }
    if (hash != weights->sha256)
      return bad("weights_sha256: expected " + weights->sha256 + " as in manifest.json, found " +
                 hash);
  }
  return {};
}

} // namespace

std::int64_t elementBytes(std::uint32_t dtype) {
  switch (dtype) {
  case BLUEC_F32:
  case BLUEC_I32:
    return 4;
  case BLUEC_F16:
    return 2;
  case BLUEC_I8:
    return 1;
  default:
    return 0;
  }
}

const char *entryKindName(std::uint32_t kind) {
  switch (kind) {
  case BLUEC_ENTRY_ENCODE:
    return "encode";
  case BLUEC_ENTRY_EMBED:
    return "embed";
  case BLUEC_ENTRY_PREFILL:
    return "prefill";
  case BLUEC_ENTRY_DECODE:
    return "decode";
  case BLUEC_ENTRY_ENCODE_PATCHES:
    return "encode_patches";
  case BLUEC_ENTRY_ENCODE_BLOCKS:
    return "encode_blocks";
  default:
    return "unknown";
  }
}

Status checkModel(const bluec_model &model, const Manifest *manifest) {
  // In this order: without the right magic and version the rest of the struct means nothing.
  if (model.magic != BLUEC_ABI_MAGIC)
    return bad("expected a bluec model, found something else");
  BLUEC_RETURN_IF_ERROR(
      expectEqual("abi version", BLUEC_ABI_VERSION, model.abi_version, Code::Incompatible));
  BLUEC_RETURN_IF_ERROR(
      expectEqual("struct size", sizeof(bluec_model), model.struct_bytes, Code::Incompatible));
  BLUEC_RETURN_IF_ERROR(
      expectEqual("alignment", BLUEC_ALIGNMENT, model.alignment, Code::Incompatible));
  if (!model.producer || !model.target || !model.triple || !model.cpu_features)
    return bad("a text of the descriptor is missing");
  for (std::int64_t value :
       {model.weights_bytes, model.kv_bytes, model.context, model.hidden, model.vocabulary,
        model.tokens_per_tile, model.tile_height, model.tile_width, model.num_segments,
        model.num_entries, model.num_devices})
    if (value < 0)
      return bad("a size of the descriptor is negative");
  if ((model.num_segments > 0 && !model.segments) || model.num_entries == 0 || !model.entries ||
      model.num_devices == 0 || !model.devices)
    return bad("a table of the descriptor is missing");
  for (std::int64_t i = 0; i < model.num_devices; ++i)
    if (!model.devices[i])
      return bad("device " + std::to_string(i) + ": it has no name");
  if (manifest)
    BLUEC_RETURN_IF_ERROR(checkAgainstManifest(model, *manifest));

  for (std::int64_t i = 0; i < model.num_segments; ++i) {
    const bluec_segment &segment = model.segments[i];
    if (!segment.name || segment.offset < 0 || segment.offset % 4096 != 0 || segment.bytes < 0 ||
        segment.bytes > model.weights_bytes || segment.offset > model.weights_bytes - segment.bytes)
      return bad("segment " + std::to_string(i) + ": expected it inside the weights, page-aligned");
  }
  std::uint32_t kinds = 0;
  for (std::int64_t i = 0; i < model.num_entries; ++i) {
    BLUEC_RETURN_IF_ERROR(checkEntry(model, model.entries[i]));
    kinds |= 1u << model.entries[i].kind;
  }
  constexpr std::uint32_t language =
      1u << BLUEC_ENTRY_EMBED | 1u << BLUEC_ENTRY_PREFILL | 1u << BLUEC_ENTRY_DECODE;
  if ((kinds & language) != 0) {
    if ((kinds & language) != language)
      return bad("expected entry points embed, prefill and decode, found only some of them");
    if (model.context == 0)
      return bad("context: expected at least 1, found 0");
  }
  BLUEC_RETURN_IF_ERROR(checkStages(model));
  return manifest ? checkEncodeCalls(model, *manifest) : Status();
}

} // namespace bluec::runtime
