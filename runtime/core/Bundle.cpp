#include "core/Bundle.h"

#include "base/Mutex.h"
#include "core/EntryCall.h"
#include "core/ModelCheck.h"
#include "platform/Checksums.h"

#include <algorithm>

namespace bluec::runtime {
namespace {

constexpr std::size_t kLargestManifest = std::size_t(16) << 20;

std::vector<std::string> splitCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return parts;
}

// Small enough to be still in the cache when it is summed up.
constexpr std::size_t kPieceBytes = std::size_t(256) << 10;

std::string hexWord(std::uint32_t word) {
  std::string text(8, '0');
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = "0123456789abcdef"[word >> (28 - 4 * i) & 15];
  return text;
}

Status checkBlock(const MappedFile &file, const FileEntry &entry, std::size_t block) {
  thread_local std::vector<std::uint8_t> piece;
  piece.resize(kPieceBytes);
  const std::size_t begin = block * entry.blockBytes;
  const std::size_t end = std::min<std::size_t>(begin + entry.blockBytes, file.bytes().size());
  std::uint32_t sum = 0;
  for (std::size_t at = begin; at < end;) {
    const std::size_t count = std::min(end - at, piece.size());
    BLUEC_RETURN_IF_ERROR(file.read(at, {piece.data(), count}));
    sum = crc32c(piece.data(), count, sum);
    at += count;
  }
  if (sum == entry.blocks[block])
    return {};
  return {Code::BadBundle, entry.name + ": damaged: bytes " + std::to_string(begin) + " to " +
                               std::to_string(end) + ": expected crc-32c " +
                               hexWord(entry.blocks[block]) + ", found " + hexWord(sum)};
}

} // namespace

Result<BundleFiles> BundleFiles::open(const std::string &directory) {
  Result<std::string> root = resolvePath(directory);
  if (!root.ok())
    return root.status();
  const std::string prefix = *root == "/" ? *root : *root + "/";

  BundleFiles result;
  Result<std::string> text = readFile(prefix + std::string(kManifestName), kLargestManifest);
  if (!text.ok())
    return text.status();
  result.text = std::move(*text);
  Result<Manifest> manifest = Manifest::parse(result.text);
  if (!manifest.ok())
    return manifest.status();
  result.parsed = std::move(*manifest);

  for (const FileEntry &entry : result.parsed.files) {
    Result<std::string> path = resolvePath(prefix + entry.name);
    if (!path.ok())
      return path.status();
    // What a link resolves to must still lie in the bundle.
    if (!path->starts_with(prefix))
      return Status(Code::BadBundle, inQuotes(entry.name) +
                                         ": expected a file inside the bundle, found a link to " +
                                         inQuotes(*path));
    Result<MappedFile> mapping = MappedFile::open(*path);
    if (!mapping.ok())
      return mapping.status();
    if (mapping->bytes().size() != entry.bytes)
      return Status(Code::BadBundle, entry.name + ": expected " + std::to_string(entry.bytes) +
                                         " bytes, found " +
                                         std::to_string(mapping->bytes().size()));
    result.files.emplace(entry.name, File{std::move(*path), std::move(*mapping)});
  }
  return result;
}

const MappedFile *BundleFiles::find(std::string_view name) const {
  auto found = files.find(name);
  return found == files.end() ? nullptr : &found->second.mapping;
}

std::string BundleFiles::path(std::string_view name) const {
  auto found = files.find(name);
  return found == files.end() ? std::string() : found->second.path;
}

Status BundleFiles::verify(std::string_view name, ThreadPool &pool) const {
  const FileEntry *entry = parsed.file(name);
  const MappedFile *file = find(name);
  if (!entry || !file || entry->blocks.empty())
    return verifyHash(name);
  Mutex guard;
  std::size_t firstBad = entry->blocks.size();
  Status fault; // of the first bad block, whichever thread finds its own first
  pool.forEach(std::ssize(entry->blocks), [&](std::int64_t begin, std::int64_t end) {
    for (auto block = std::size_t(begin); block < std::size_t(end); ++block) {
      Status status = checkBlock(*file, *entry, block);
      const MutexLock lock(guard);
      if (!status.ok() && block < firstBad) {
        firstBad = block;
        fault = std::move(status);
      }
    }
  });
  return fault;
}

Status BundleFiles::verifyHash(std::string_view name) const {
  const FileEntry *entry = parsed.file(name);
  const MappedFile *file = find(name);
  if (!entry || !file)
    return {Code::NotFound, std::string(name) + ": the bundle has no such file"};
  Sha256 hash = fastSha256();
  const std::size_t size = file->bytes().size();
  std::vector<std::uint8_t> piece(std::min(size, kPieceBytes));
  for (std::size_t at = 0; at < size; at += piece.size()) {
    piece.resize(std::min(size - at, kPieceBytes));
    BLUEC_RETURN_IF_ERROR(file->read(at, piece));
    hash.update(piece.data(), piece.size());
  }
  const std::string found = toHex(hash.finish());
  if (found == entry->sha256)
    return {};
  return {Code::BadBundle,
          std::string(name) + ": damaged: expected sha-256 " + entry->sha256 + ", found " + found};
}

Result<std::unique_ptr<Device>> deviceFor(const DeviceEntry &entry, ThreadPool &pool,
                                          DeviceSource *others) {
  const std::string where = "manifest.json: device " + inQuotes(entry.name) + ": ";
  // What this runtime does not know is refused whoever runs the code.
  Result<std::unique_ptr<Device>> device = openDevice(entry.runsOn, pool, where + "runs_on");
  if (!device.ok())
    return device.status();
  BLUEC_RETURN_IF_ERROR(findLoader(entry.loader, where + "loader").status());
  const std::string place =
      (entry.ownTarget ? where : "manifest.json: ") + "target " + inQuotes(entry.target.name);
  if (others) {
    Result<std::unique_ptr<Device>> other = others->open(entry.target, place);
    if (!other.ok())
      return other.status();
    if (*other)
      device = std::move(other);
  }
  BLUEC_RETURN_IF_ERROR((*device)->accepts(entry.target, place));
  return device;
}

Result<std::unique_ptr<Bundle>> Bundle::open(const std::string &directory,
                                             const OpenOptions &options) {
  if (options.threads < 0 || options.threads > 1024)
    return Status(Code::InvalidArgument,
                  "threads: expected 0 to 1024, found " + std::to_string(options.threads));
  auto result = std::make_unique<Bundle>();
  Result<BundleFiles> files = BundleFiles::open(directory);
  if (!files.ok())
    return files.status();
  result->contents = std::move(*files);
  const BundleFiles &contents = result->contents;

  if (!contents.find(kWeightsName))
    return Status(Code::BadBundle, "manifest.json: files: expected " + inQuotes(kWeightsName) +
                                       ", found no such entry");
  if (options.guardWeights)
    result->weightsGuard = MappingGuard(result->weights());
  // Nothing of a bundle is loaded before all of it has been looked at.
  result->pool = std::make_unique<ThreadPool>(options.threads);
  BLUEC_RETURN_IF_ERROR(result->openDevices(options.devices));
  for (const FileEntry &entry : contents.manifest().files)
    if (entry.name != kWeightsName || options.weights == WeightsCheck::Hash)
      BLUEC_RETURN_IF_ERROR(contents.verifyHash(entry.name));
  if (options.weights == WeightsCheck::Blocks)
    BLUEC_RETURN_IF_ERROR(contents.verify(kWeightsName, *result->pool));
  for (const Section &section : result->code)
    BLUEC_RETURN_IF_ERROR(section.device->check(*section.loader, section.file));
  BLUEC_RETURN_IF_ERROR(result->loadTokenizer());
  BLUEC_RETURN_IF_ERROR(result->loadCode());
  BLUEC_RETURN_IF_ERROR(result->sortEntries());
  return result;
}

Status Bundle::openDevices(DeviceSource *others) {
  const Manifest &facts = contents.manifest();
  for (const DeviceEntry &entry : facts.devices) {
    Result<std::unique_ptr<Device>> device = deviceFor(entry, *pool, others);
    if (!device.ok())
      return device.status();
    placed.push_back({entry.name, std::uint32_t(placed.size()), std::move(*device)});
  }
  const std::string &weightsHash = facts.file(kWeightsName)->sha256;
  for (const std::string &name : facts.codeFiles()) {
    const auto user = std::find_if(facts.devices.begin(), facts.devices.end(),
                                   [&](const DeviceEntry &entry) { return entry.code == name; });
    const CodeLoader *loader = *findLoader(user->loader, name); // deviceFor() has found it
    const MappedFile *file = contents.find(name);               // null when it is linked
    code.push_back({{name, contents.path(name),
                     file ? file->bytes() : std::span<const std::uint8_t>(), weightsHash},
                    loader,
                    placed[std::size_t(user - facts.devices.begin())].device.get(),
                    nullptr});
  }
  return {};
}

Status Bundle::loadTokenizer() {
  const MappedFile *file = contents.find(kTokenizerName);
  if (!file)
    return {};
  Result<Tokenizer> tokenizer = Tokenizer::fromTable(file->bytes());
  if (!tokenizer.ok())
    return tokenizer.status();
  table = std::move(*tokenizer);
  const std::int64_t most = contents.manifest().vocabulary;
  if (table.size() <= most)
    return {};
  return {Code::BadBundle, "tokenizer.bin: it does not fit the model: expected at most " +
                               std::to_string(most) + " tokens, found " +
                               std::to_string(table.size())};
}

Status Bundle::loadCode() {
  const Manifest &facts = contents.manifest();
  std::vector<ModelFile> models;
  for (Section &section : code) {
    Result<std::unique_ptr<LoadedCode>> loaded =
        section.device->load(*section.loader, section.file);
    if (!loaded.ok())
      return loaded.status();
    section.loaded = std::move(*loaded);
    const bluec_model &model = section.loaded->model();
    models.push_back({section.file.name, &model});
    BLUEC_RETURN_IF_ERROR(checkModel(models.back(), facts));
    // The manifest was asked before; what the code itself says it needs may be more.
    const CodeTarget target{model.target, model.triple, "", splitCommas(model.cpu_features)};
    for (const BundleDevice &device : placed)
      if (facts.devices[device.index].code == section.file.name)
        BLUEC_RETURN_IF_ERROR(device.device->accepts(target, section.file.name));
  }
  BLUEC_RETURN_IF_ERROR(checkWholeModel(models, facts));

  for (const BundleDevice &device : placed)
    BLUEC_RETURN_IF_ERROR(device.device->share(*contents.find(kWeightsName)));
  for (const BundleDevice &device : placed)
    deviceNames.push_back(device.name.c_str());
  for (const ModelFile &file : models)
    for (std::int64_t i = 0; i < file.model->num_entries; ++i) {
      bluec_entry entry = file.model->entries[i];
      const std::string_view name = file.model->devices[entry.device];
      entry.device = std::uint32_t(std::find(deviceNames.begin(), deviceNames.end(), name) -
                                   deviceNames.begin());
      allEntries.push_back(entry);
    }
  whole = *models.front().model;
  whole.num_entries = std::ssize(allEntries);
  whole.entries = allEntries.data();
  whole.num_devices = std::ssize(deviceNames);
  whole.devices = deviceNames.data();
  return {};
}

Status Bundle::sortEntries() {
  const Manifest &facts = contents.manifest();
  for (const bluec_entry &entry : allEntries)
    byRole[entry.role].push_back(&entry);
  for (auto &[role, entries] : byRole)
    std::sort(entries.begin(), entries.end(), [](auto *a, auto *b) {
      return a->capacity != b->capacity ? a->capacity > b->capacity : a < b;
    });
  if (const auto &entries = entriesOf(BLUEC_ROLE_EMBED); !entries.empty())
    embedEntry = entries.front();
  for (const bluec_entry *entry : entriesOf(BLUEC_ROLE_DECODE))
    if (findInput(*entry, BLUEC_IDS))
      decodeEntry = entry;
    else if (!prefillEntry)
      prefillEntry = entry;
  // A model that has been checked has either whole encoders or pairs of stages, and of each
  // capacity one.
  for (const bluec_entry *entry : entriesOf(BLUEC_ROLE_ENCODE))
    if (entry->stages == 1)
      encoders.push_back({entry->capacity, entry, nullptr, nullptr});
    else if (entry->stage == 0)
      for (const bluec_entry *other : entriesOf(BLUEC_ROLE_ENCODE))
        if (other->stage == 1 && other->capacity == entry->capacity)
          encoders.push_back({entry->capacity, nullptr, entry, other});
  if (!encoders.empty() && !facts.hasPreprocess)
    return {Code::BadBundle,
            "manifest.json: preprocess: expected a value for a model with an image encoder, found "
            "none"};
  const auto outOfRange = [&](std::int32_t id) { return id >= whole.vocabulary; };
  if (std::any_of(facts.endTokens.begin(), facts.endTokens.end(), outOfRange))
    return {Code::BadBundle, "manifest.json: expected token ids below " +
                                 std::to_string(whole.vocabulary) + ", found a larger one"};
  return {};
}

Status Bundle::checkWeights() const {
  if (!weightsGuard.lostBytes())
    return {};
  return {Code::NotFound, contents.path(kWeightsName) +
                              ": expected a file that stays as it is, found one that was cut while "
                              "it was in use"};
}

std::span<const std::uint8_t> Bundle::weights() const {
  return contents.find(kWeightsName)->bytes();
}

const bluec_entry *Bundle::findEntry(std::string_view name) const {
  const auto found = std::find_if(allEntries.begin(), allEntries.end(),
                                  [&](const bluec_entry &entry) { return name == entry.name; });
  return found == allEntries.end() ? nullptr : &*found;
}

const std::vector<const bluec_entry *> &Bundle::entriesOf(bluec_role role) const {
  static const std::vector<const bluec_entry *> none;
  auto found = byRole.find(role);
  return found == byRole.end() ? none : found->second;
}

std::vector<EncodeCall> Bundle::encodeCalls(std::int64_t tiles) const {
  const auto &rests = contents.manifest().encodeCalls;
  const TileEncoder &batch = encoders.front();
  std::vector<EncodeCall> calls;
  std::int64_t left = tiles;
  const auto add = [&](const TileEncoder &encoder) {
    calls.push_back({&encoder, std::min(left, encoder.capacity)});
    left -= calls.back().count;
  };
  while (left >= batch.capacity)
    add(batch);
  if (rests && left > 0) {
    for (const std::int64_t capacity : (*rests)[std::size_t(left - 1)])
      add(*std::find_if(encoders.begin(), encoders.end(),
                        [&](const TileEncoder &encoder) { return encoder.capacity == capacity; }));
  }
  while (left > 0) {
    const auto fitting =
        std::find_if(encoders.begin(), encoders.end(),
                     [&](const TileEncoder &encoder) { return encoder.capacity <= left; });
    add(fitting != encoders.end() ? *fitting : encoders.back());
  }
  return calls;
}

Status Bundle::releaseSegment(std::string_view name) const {
  for (std::int64_t i = 0; i < whole.num_segments; ++i) {
    const bluec_segment &segment = whole.segments[i];
    if (name != segment.name)
      continue;
    contents.find(kWeightsName)->release(std::size_t(segment.offset), std::size_t(segment.bytes));
    return {};
  }
  return {Code::InvalidArgument, "weights.bin: there is no segment " + inQuotes(name)};
}

} // namespace bluec::runtime
