#include "core/ModelCheck.h"

#include "core/EntryCall.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace bluec::runtime {
namespace {

Status bad(const std::string &message) { return {Code::BadBundle, message}; }

Status expectEqual(const std::string &where, std::int64_t expected, std::int64_t found,
                   Code code = Code::BadBundle) {
  if (expected == found)
    return {};
  return {code,
          where + ": expected " + std::to_string(expected) + ", found " + std::to_string(found)};
}

// Bytes of one element; 0 for types that this ABI version does not have.
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

// Refuses a tensor that the role does not have: what nobody fills would be garbage.
Status checkNames(const bluec_entry &entry, const std::string &where) {
  const std::span<const bluec_tensor> inputs(entry.inputs, std::size_t(entry.num_inputs)),
      outputs(entry.outputs, std::size_t(entry.num_outputs));
  const auto check = [&](std::span<const bluec_tensor> tensors, const char *what,
                         std::initializer_list<std::string_view> known) -> Status {
    std::set<std::string_view> seen;
    for (const bluec_tensor &tensor : tensors) {
      if (std::find(known.begin(), known.end(), tensor.name) == known.end()) {
        std::string list;
        for (std::string_view name : known)
          list += (list.empty() ? "" : ", ") + inQuotes(name);
        return {Code::Incompatible,
                where + ": expected as " + what + "s " + list + ", found " + inQuotes(tensor.name)};
      }
      if (!seen.insert(tensor.name).second)
        return bad(where + ": expected one " + what + " " + inQuotes(tensor.name) + ", found two");
    }
    return {};
  };
  switch (entry.role) {
  case BLUEC_ROLE_ENCODE:
    // What crosses between stages has names of the compiler's.
    if (entry.stage == 0)
      BLUEC_RETURN_IF_ERROR(check(inputs, "input", {BLUEC_PIXELS}));
    if (entry.stage + 1 == entry.stages)
      BLUEC_RETURN_IF_ERROR(check(outputs, "output", {BLUEC_FEATURES}));
    return {};
  case BLUEC_ROLE_EMBED:
    BLUEC_RETURN_IF_ERROR(check(inputs, "input", {BLUEC_IDS}));
    return check(outputs, "output", {BLUEC_EMBEDDINGS});
  default:
    BLUEC_RETURN_IF_ERROR(check(inputs, "input", {BLUEC_IDS, BLUEC_EMBEDDINGS, BLUEC_POSITIONS}));
    return check(outputs, "output", {BLUEC_LOGITS});
  }
}

Status checkSignature(const bluec_model &model, const bluec_entry &entry,
                      const std::string &where) {
  const std::int64_t rows = entry.capacity;
  const auto input = [&](const char *name, std::uint32_t dtype,
                         std::initializer_list<std::int64_t> dims) -> Status {
    const bluec_tensor *tensor = findInput(entry, name);
    if (!tensor)
      return bad(where + ": expected an input " + inQuotes(name) + ", found none");
    return checkShape(*tensor, dtype, dims, where + " input " + inQuotes(name));
  };
  const auto output = [&](const char *name, std::initializer_list<std::int64_t> dims) -> Status {
    const bluec_tensor *tensor = findOutput(entry, name);
    if (!tensor)
      return bad(where + ": expected an output " + inQuotes(name) + ", found none");
    return checkShape(*tensor, BLUEC_F32, dims, where + " output " + inQuotes(name));
  };
  BLUEC_RETURN_IF_ERROR(checkNames(entry, where));
  switch (entry.role) {
  case BLUEC_ROLE_ENCODE:
    if (entry.stage == 0)
      BLUEC_RETURN_IF_ERROR(
          input(BLUEC_PIXELS, BLUEC_F32, {rows, 3, model.tile_height, model.tile_width}));
    if (entry.stage + 1 == entry.stages)
      BLUEC_RETURN_IF_ERROR(output(BLUEC_FEATURES, {rows, model.tokens_per_tile, model.hidden}));
    return {};
  case BLUEC_ROLE_EMBED:
    BLUEC_RETURN_IF_ERROR(input(BLUEC_IDS, BLUEC_I32, {rows}));
    return output(BLUEC_EMBEDDINGS, {rows, model.hidden});
  default: {
    const bool takesIds = findInput(entry, BLUEC_IDS);
    if (takesIds && findInput(entry, BLUEC_EMBEDDINGS))
      return bad(where + ": expected ids or embeddings as input, found both");
    BLUEC_RETURN_IF_ERROR(takesIds ? input(BLUEC_IDS, BLUEC_I32, {rows})
                                   : input(BLUEC_EMBEDDINGS, BLUEC_F32, {rows, model.hidden}));
    if (const bluec_tensor *positions = findInput(entry, BLUEC_POSITIONS))
      BLUEC_RETURN_IF_ERROR(positions->rank == 2
                                ? input(BLUEC_POSITIONS, BLUEC_I32, {rows, positions->dims[1]})
                                : input(BLUEC_POSITIONS, BLUEC_I32, {rows}));
    const bluec_tensor *logits = findOutput(entry, BLUEC_LOGITS);
    const bool ofEach = logits && logits->rank > 0 && logits->dims[0] != 1;
    return output(BLUEC_LOGITS, {ofEach ? rows : 1, model.vocabulary});
  }
  }
}

Status checkEntry(const bluec_model &model, const bluec_entry &entry, const std::string &file) {
  if (!entry.name || !entry.run)
    return bad(file + ": an entry point has no name or no code");
  const std::string where = file + ": entry " + inQuotes(entry.name);
  if (entry.capacity <= 0 || entry.arena_bytes < 0)
    return bad(where + ": its capacity or arena size is out of range");
  if (entry.role < BLUEC_ROLE_ENCODE || entry.role > BLUEC_ROLE_DECODE)
    return {Code::Incompatible, where + ": unknown role " + std::to_string(entry.role)};
  const std::uint32_t mostStages = entry.role == BLUEC_ROLE_ENCODE ? 2 : 1;
  if (entry.stages < 1 || entry.stages > mostStages || entry.stage >= entry.stages)
    return {Code::Incompatible, where + ": expected 1 to " + std::to_string(mostStages) +
                                    " stages, found stage " + std::to_string(entry.stage) + " of " +
                                    std::to_string(entry.stages)};
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

// What the manifest says of the file's devices, and of the model.
Status checkAgainstManifest(const bluec_model &model, const Manifest &manifest,
                            const std::string &file) {
  const DeviceEntry *first = nullptr; // of those that the code is for; they have the same target
  for (std::int64_t i = 0; i < model.num_devices; ++i) {
    const DeviceEntry *device = manifest.device(model.devices[i]);
    if (!device || device->code != file)
      return bad(file + ": device " + inQuotes(model.devices[i]) +
                 ": expected one that has this code in manifest.json, found " +
                 (device ? "one with " + inQuotes(device->code) : "none"));
    first = first ? first : device;
  }
  const auto sameText = [&](const char *what, const std::string &expected,
                            const char *found) -> Status {
    if (expected == found)
      return {};
    return bad(file + ": " + what + ": expected " + inQuotes(expected) +
               " as in manifest.json, found " + inQuotes(found));
  };
  BLUEC_RETURN_IF_ERROR(sameText("target", first->target.name, model.target));
  BLUEC_RETURN_IF_ERROR(sameText("triple", first->target.triple, model.triple));
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
    BLUEC_RETURN_IF_ERROR(expectEqual(file + ": " + number.what, number.expected, number.found));
  if (const FileEntry *weights = manifest.file(kWeightsName)) {
    BLUEC_RETURN_IF_ERROR(
        expectEqual(file + ": weights_bytes", std::int64_t(weights->bytes), model.weights_bytes));
    std::string hash;
    for (std::uint8_t byte : model.weights_sha256) {
      hash += "0123456789abcdef"[byte >> 4];
      hash += "0123456789abcdef"[byte & 15];
    }
    if (hash != weights->sha256)
      return bad(file + ": weights_sha256: expected " + weights->sha256 +
                 " as in manifest.json, found " + hash);
  }
  return {};
}

// -- All files together ---------------------------------------------------------------------------

// An entry point of one of the files.
struct PlacedEntry {
  const bluec_entry *entry;
  std::string where;

  const bluec_entry *operator->() const { return entry; }
};

// What a file shares with the others beyond what the manifest says of each: its cache and its
// segments.
Status checkShared(const ModelFile &file, const ModelFile &first) {
  const auto differs = [&](const std::string &what, const std::string &expected,
                           const std::string &found) {
    return bad(file.name + ": " + what + ": expected " + expected + " as in " + first.name +
               ", found " + found);
  };
  const bluec_model &model = *file.model, &other = *first.model;
  if (model.kv_bytes != other.kv_bytes)
    return differs("kv_bytes", std::to_string(other.kv_bytes), std::to_string(model.kv_bytes));
  if (model.ring_positions != other.ring_positions)
    return differs("ring_positions", std::to_string(other.ring_positions),
                   std::to_string(model.ring_positions));
  if (model.ring_back != other.ring_back)
    return differs("ring_back", std::to_string(other.ring_back), std::to_string(model.ring_back));
  if (model.num_segments != other.num_segments)
    return differs("segments", std::to_string(other.num_segments),
                   std::to_string(model.num_segments));
  const auto describe = [](const bluec_segment &segment) {
    return inQuotes(segment.name) + " of " + std::to_string(segment.bytes) + " bytes at " +
           std::to_string(segment.offset);
  };
  for (std::int64_t i = 0; i < model.num_segments; ++i) {
    const std::string expected = describe(other.segments[i]), found = describe(model.segments[i]);
    if (expected != found)
      return differs("segment " + std::to_string(i), expected, found);
  }
  return {};
}

// Encoders are whole, or they are pairs of stages between which one tensor is handed over; of each
// capacity there is one.
Status checkStages(std::span<const PlacedEntry> entries) {
  const auto find = [&](std::uint32_t stage, std::int64_t capacity) {
    const bluec_entry *found = nullptr;
    std::int64_t count = 0;
    for (const PlacedEntry &entry : entries)
      if (entry->role == BLUEC_ROLE_ENCODE && entry->stage == stage &&
          entry->capacity == capacity) {
        found = entry.entry;
        ++count;
      }
    return std::pair(found, count);
  };
  std::uint32_t stages = 0; // of the encoder that was seen first
  for (const auto &[pointer, where] : entries) {
    const bluec_entry &entry = *pointer;
    if (entry.role != BLUEC_ROLE_ENCODE)
      continue;
    if (stages != 0 && stages != entry.stages)
      return bad(where + ": expected whole encoders or stages of encoders, found both");
    stages = entry.stages;
    if (find(entry.stage, entry.capacity).second > 1)
      return bad(where + ": expected one of its stage and capacity, found more");
    if (entry.stages == 1)
      continue;
    const bluec_entry *other = find(1 - entry.stage, entry.capacity).first;
    if (!other)
      return bad(where + ": expected the encoder's other stage of capacity " +
                 std::to_string(entry.capacity) + ", found none");
    if (entry.stage != 0)
      continue;
    if (entry.num_outputs != 1 || other->num_inputs != 1)
      return bad(where + ": expected one tensor to cross to " + inQuotes(other->name) + ", found " +
                 std::to_string(entry.num_outputs) + " given and " +
                 std::to_string(other->num_inputs) + " taken");
    const bluec_tensor &given = entry.outputs[0], &taken = other->inputs[0];
    if (given.rank == 0 || given.dims[0] != entry.capacity)
      return bad(where + ": expected an output with a row for each tile");
    if (std::strcmp(given.name, taken.name) != 0 || given.dtype != taken.dtype ||
        given.rank != taken.rank || !std::equal(given.dims, given.dims + given.rank, taken.dims))
      return bad(where + ": expected an output as the input of " + inQuotes(other->name) +
                 ", found another name, type or shape");
  }
  return {};
}

// The manifest's calls name capacities that there are, and there is one list for each rest.
Status checkEncodeCalls(std::span<const PlacedEntry> entries, const Manifest &manifest,
                        const std::string &where) {
  if (!manifest.encodeCalls)
    return {};
  std::set<std::int64_t> capacities{0};
  for (const PlacedEntry &entry : entries)
    if (entry->role == BLUEC_ROLE_ENCODE)
      capacities.insert(entry->capacity);
  BLUEC_RETURN_IF_ERROR(
      expectEqual(where + ": image_batch", manifest.imageBatch, *capacities.rbegin()));
  for (const std::vector<std::int64_t> &calls : *manifest.encodeCalls)
    for (const std::int64_t capacity : calls)
      if (!capacities.contains(capacity))
        return bad(where + ": encode_calls: expected an image encoder for " +
                   std::to_string(capacity) + " tiles as in manifest.json, found none");
  return {};
}

// An entry point is asked for by its name.
Status checkNamesDiffer(std::span<const PlacedEntry> entries) {
  std::map<std::string_view, const std::string *> seen; // where each name was found first
  for (const PlacedEntry &entry : entries)
    if (const auto [other, fresh] = seen.try_emplace(entry->name, &entry.where); !fresh)
      return bad(entry.where + ": expected a name of its own, found it in " + *other->second);
  return {};
}

} // namespace

Status checkModel(const ModelFile &checked, const Manifest &manifest) {
  const bluec_model &model = *checked.model;
  const std::string &file = checked.name;
  // In this order: without the right magic and version the rest of the struct means nothing.
  if (model.magic != BLUEC_ABI_MAGIC)
    return bad(file + ": expected a bluec model, found something else");
  BLUEC_RETURN_IF_ERROR(expectEqual(file + ": abi version", BLUEC_ABI_VERSION, model.abi_version,
                                    Code::Incompatible));
  BLUEC_RETURN_IF_ERROR(expectEqual(file + ": struct size", sizeof(bluec_model), model.struct_bytes,
                                    Code::Incompatible));
  BLUEC_RETURN_IF_ERROR(
      expectEqual(file + ": alignment", BLUEC_ALIGNMENT, model.alignment, Code::Incompatible));
  if (!model.producer || !model.target || !model.triple || !model.cpu_features)
    return bad(file + ": a text of the descriptor is missing");
  for (std::int64_t value :
       {model.weights_bytes, model.kv_bytes, model.context, model.hidden, model.vocabulary,
        model.tokens_per_tile, model.tile_height, model.tile_width, model.num_segments,
        model.num_entries, model.num_devices})
    if (value < 0)
      return bad(file + ": a size of the descriptor is negative");
  if (model.ring_back < 0 || model.ring_back > model.ring_positions ||
      (model.ring_back == 0) != (model.ring_positions == 0))
    return bad(file + ": expected ring_back of 1 to " + std::to_string(model.ring_positions) +
               " positions, or no rings, found " + std::to_string(model.ring_back));
  if ((model.num_segments > 0 && !model.segments) || model.num_entries == 0 || !model.entries ||
      model.num_devices == 0 || !model.devices)
    return bad(file + ": a table of the descriptor is missing");
  for (std::int64_t i = 0; i < model.num_devices; ++i)
    if (!model.devices[i])
      return bad(file + ": device " + std::to_string(i) + ": it has no name");
  BLUEC_RETURN_IF_ERROR(checkAgainstManifest(model, manifest, file));

  for (std::int64_t i = 0; i < model.num_segments; ++i) {
    const bluec_segment &segment = model.segments[i];
    if (!segment.name || segment.offset < 0 || segment.offset % 4096 != 0 || segment.bytes < 0 ||
        segment.bytes > model.weights_bytes || segment.offset > model.weights_bytes - segment.bytes)
      return bad(file + ": segment " + std::to_string(i) +
                 ": expected it inside the weights, page-aligned");
  }
  for (const bluec_entry &entry : std::span(model.entries, std::size_t(model.num_entries)))
    BLUEC_RETURN_IF_ERROR(checkEntry(model, entry, file));
  return {};
}

// Rows are placed once for all entry points that decode: by the manifest's axes, where it has any.
static Status checkAxes(std::span<const PlacedEntry> entries, const Manifest &manifest) {
  std::int64_t expected = manifest.positions.axes;
  for (const auto &[entry, where] : entries) {
    if (entry->role != BLUEC_ROLE_DECODE)
      continue;
    const bluec_tensor *positions = findInput(*entry, BLUEC_POSITIONS);
    const std::int64_t axes = positions && positions->rank == 2 ? positions->dims[1] : 1;
    expected = expected == 0 ? axes : expected;
    BLUEC_RETURN_IF_ERROR(expectEqual(where + ": axes of positions", expected, axes));
  }
  return {};
}

Status checkWholeModel(std::span<const ModelFile> files, const Manifest &manifest) {
  std::vector<PlacedEntry> entries;
  std::string where; // of what no file has
  for (const ModelFile &file : files) {
    BLUEC_RETURN_IF_ERROR(checkShared(file, files.front()));
    where += (where.empty() ? "" : ", ") + file.name;
    for (std::int64_t i = 0; i < file.model->num_entries; ++i) {
      const bluec_entry &entry = file.model->entries[i];
      entries.push_back({&entry, file.name + ": entry " + inQuotes(entry.name)});
    }
  }
  bool embeds = false, takesEmbeddings = false, takesIds = false;
  for (const PlacedEntry &entry : entries) {
    embeds |= entry->role == BLUEC_ROLE_EMBED;
    takesEmbeddings |=
        entry->role == BLUEC_ROLE_DECODE && findInput(*entry.entry, BLUEC_EMBEDDINGS);
    takesIds |= entry->role == BLUEC_ROLE_DECODE && findInput(*entry.entry, BLUEC_IDS);
  }
  if (embeds || takesEmbeddings || takesIds) {
    if (!embeds || !takesEmbeddings || !takesIds)
      return bad(where + ": expected entry points that embed, that decode embeddings and that "
                         "decode ids, found only some of them");
    if (files.front().model->context == 0)
      return bad(where + ": context: expected at least 1, found 0");
  }
  BLUEC_RETURN_IF_ERROR(checkStages(entries));
  BLUEC_RETURN_IF_ERROR(checkNamesDiffer(entries));
  BLUEC_RETURN_IF_ERROR(checkAxes(entries, manifest));
  return checkEncodeCalls(entries, manifest, where);
}

} // namespace bluec::runtime
