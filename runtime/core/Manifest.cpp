#include "core/Manifest.h"

#include "platform/Checksums.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>

namespace bluec::runtime {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64; // levels of nesting
constexpr std::int64_t kLargestCount = std::int64_t(1) << 40;
constexpr std::size_t kChecksumDigits = 64;

Status bad(const std::string &message) { return {Code::BadBundle, "manifest.json: " + message}; }

// Where the 64 digits of the checksum begin.
std::optional<std::size_t> findChecksum(std::string_view text) {
  constexpr std::string_view kKey = "\"checksum\"";
  std::size_t at = text.rfind(kKey);
  if (at == text.npos)
    return std::nullopt;
  at += kKey.size();
  for (char expected : {':', '"'}) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t'))
      ++at;
    if (at >= text.size() || text[at++] != expected)
      return std::nullopt;
  }
  if (text.size() - at <= kChecksumDigits || text[at + kChecksumDigits] != '"')
    return std::nullopt;
  return at;
}

// Reads fields of one object and remembers the first fault, so that a long list of reads needs one
// check at its end.
class Reader {
public:
  Reader(const Json &object, std::string path, Status &fault)
      : object(object), path(std::move(path)), fault(fault) {
    if (!object.is_object())
      fail("expected an object");
  }

  void read(const char *key, std::string &out) {
    if (const Json *value = find(key)) {
      if (value->is_string())
        out = value->get<std::string>();
      else
        fail(key, "a string");
    }
  }

  void read(const char *key, bool &out) {
    if (const Json *value = find(key)) {
      if (value->is_boolean())
        out = value->get<bool>();
      else
        fail(key, "true or false");
    }
  }

  void read(const char *key, std::int64_t &out, std::int64_t least, std::int64_t most) {
    if (const Json *value = find(key))
      out = integer(*value, key, least, most);
  }

  // An id, or null for none (-1).
  void readId(const char *key, std::int32_t &out) {
    const Json *value = find(key);
    if (value && !value->is_null())
      out = std::int32_t(integer(*value, key, 0, std::numeric_limits<std::int32_t>::max()));
  }

  void read(const char *key, double &out) {
    if (const Json *value = find(key))
      out = number(*value, key);
  }

  void readIfThere(const char *key, float &out) {
    if (const Json *value = has(key) ? find(key) : nullptr)
      out = float(number(*value, key));
  }
  void readIfThere(const char *key, std::int64_t &out, std::int64_t least, std::int64_t most) {
    if (has(key))
      read(key, out, least, most);
  }

  void read(const char *key, std::array<double, 3> &out) {
    if (const Json *list = findList(key, 3, 3))
      for (std::size_t i = 0; i < 3; ++i)
        out[i] = number((*list)[i], key);
  }

  template <typename Function>
  void forEach(const char *key, std::size_t least, std::size_t most, Function function) {
    if (const Json *list = findList(key, least, most))
      for (const Json &value : *list)
        function(value);
  }

  std::int64_t integer(const Json &value, const char *key, std::int64_t least, std::int64_t most) {
    // Unsigned values beyond int64 would turn negative; they are out of range all the same.
    const bool small =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t(kLargestCount));
    const std::int64_t found = small ? value.get<std::int64_t>() : 0;
    if (!small || found < least || found > most) {
      fail(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      return least;
    }
    return found;
  }

  double number(const Json &value, const char *key) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
      fail(key, "a number");
      return 1;
    }
    return value.get<double>();
  }

  void fail(const std::string &message) {
    if (fault.ok())
      fault = bad((path.empty() ? "" : path + ": ") + message);
  }

  void fail(const std::string &key, const std::string &expected) {
    if (fault.ok())
      fault = bad((path.empty() ? "" : path + ".") + key + ": expected " + expected);
  }

private:
  bool has(const char *key) { return object.is_object() && object.contains(key); }

  const Json *find(const char *key) {
    if (!object.is_object())
      return nullptr;
    auto found = object.find(key);
    if (found == object.end()) {
      fail(key, "a value, found none");
      return nullptr;
    }
    return &*found;
  }

  const Json *findList(const char *key, std::size_t least, std::size_t most) {
    const Json *list = find(key);
    if (!list)
      return nullptr;
    if (!list->is_array() || list->size() < least || list->size() > most) {
      fail(key, "a list of " + std::to_string(least) + " to " + std::to_string(most) + " values");
      return nullptr;
    }
    return list;
  }

  const Json &object;
  std::string path;
  Status &fault;
};

// The sub-object `key`; a null value when it is absent.
const Json &child(const Json &root, const char *key) {
  static const Json none;
  auto found = root.find(key);
  return found == root.end() ? none : *found;
}

void readTarget(const Json &json, const std::string &path, CodeTarget &out, Status &fault) {
  Reader reader(json, path, fault);
  reader.read("name", out.name);
  reader.read("triple", out.triple);
  reader.read("cpu", out.cpu);
  reader.forEach("features", 0, 256, [&](const Json &value) {
    if (value.is_string())
      out.features.push_back(value.get<std::string>());
    else
      reader.fail("features", "strings");
  });
}

void readEncodeCalls(Reader &reader, Manifest &out) {
  constexpr const char *kKey = "encode_calls";
  out.encodeCalls.emplace();
  if (out.imageBatch > kMostBatchTiles)
    return reader.fail("image_batch", "at most " + std::to_string(kMostBatchTiles));
  const auto rests = std::size_t(std::max<std::int64_t>(out.imageBatch - 1, 0));
  reader.forEach(kKey, rests, rests, [&](const Json &list) {
    const std::int64_t tiles = std::ssize(*out.encodeCalls) + 1;
    std::vector<std::int64_t> capacities;
    std::int64_t covered = 0;
    bool fits = list.is_array() && !list.empty() && list.size() <= std::size_t(tiles);
    for (std::size_t i = 0; fits && i < list.size(); ++i) {
      fits = covered < tiles; // every call has a tile to encode
      capacities.push_back(reader.integer(list[i], kKey, 1, out.imageBatch));
      covered += capacities.back();
    }
    if (!fits || covered < tiles)
      reader.fail(kKey, "calls that encode " + std::to_string(tiles) +
                            " tiles, each with at least one to encode");
    out.encodeCalls->push_back(std::move(capacities));
  });
}

void readGeometry(const Json &json, Manifest &out, Status &fault) {
  Reader reader(json, "geometry", fault);
  reader.read("context", out.context, 0, kLargestCount);
  reader.read("chunk", out.chunk, 0, kLargestCount);
  reader.read("image_batch", out.imageBatch, 0, kLargestCount);
  reader.read("hidden", out.hidden, 1, kLargestCount);
  reader.read("vocabulary", out.vocabulary, 0, std::numeric_limits<std::int32_t>::max());
  reader.read("tokens_per_tile", out.tokensPerTile, 0, kLargestCount);
  reader.read("tile_height", out.tileHeight, 0, kMostTileSide);
  reader.read("tile_width", out.tileWidth, 0, kMostTileSide);
  if (json.is_object() && json.contains("encode_calls"))
    readEncodeCalls(reader, out);
}

// After the geometry, which says how many rows a picture has.
void readPositions(const Json &json, Manifest &out, Status &fault) {
  constexpr std::int64_t kMostAxes = 16, kTimeHeightWidth = 3;
  Reader reader(json, "positions", fault);
  reader.read("axes", out.positions.axes, 2, kMostAxes);
  if (!json.is_object() || !json.contains("picture"))
    return;
  Reader picture(json["picture"], "positions.picture", fault);
  picture.read("rows", out.positions.gridRows, 1, kLargestCount);
  picture.read("columns", out.positions.gridColumns, 1, kLargestCount);
  const std::int64_t rows = out.positions.gridRows, columns = out.positions.gridColumns;
  if (out.positions.axes != kTimeHeightWidth)
    reader.fail("axes",
                "3 where pictures have places, found " + std::to_string(out.positions.axes));
  if (rows < 1 || out.tokensPerTile % rows != 0 || out.tokensPerTile / rows != columns)
    reader.fail("picture", "a grid of the " + std::to_string(out.tokensPerTile) +
                               " rows of a tile, found " + std::to_string(rows) + " x " +
                               std::to_string(columns));
}

// One of the names that `byName` knows.
template <typename Kind>
void readName(Reader &reader, const char *key, std::optional<Kind> (*byName)(std::string_view),
              const std::string &expected, Kind &out) {
  std::string name;
  reader.read(key, name);
  const std::optional<Kind> found = byName(name);
  if (found)
    out = *found;
  else
    reader.fail(key, expected + ", found " + inQuotes(name));
}

// What schemes with an edge need to be what they say.
void checkEdge(Reader &reader, const Preprocess &preprocess) {
  if (preprocess.candidates.empty() || preprocess.tileWidth == 0)
    return;
  const std::vector<Grid> one = {{1, 1}};
  const bool isCropped = preprocess.scheme == Scheme::CenterCrop;
  if (!isCropped && preprocess.scheme != Scheme::LongestEdge)
    return;
  if (preprocess.edge == 0)
    return reader.fail("edge", "at least 1 pixel");
  if (isCropped && preprocess.candidates != one)
    return reader.fail("candidates", "the only grid of one tile that is cut out");
  if (isCropped || preprocess.candidates == one)
    return;
  const int tile = preprocess.tileWidth;
  if (tile != preprocess.tileHeight)
    return reader.fail("scheme", "tiles as high as wide");
  if (preprocess.edge > std::int64_t(kMostTilesASide) * tile ||
      preprocess.candidates != gridsOfEdge(preprocess.edge, tile))
    reader.fail("candidates",
                "the grids of an edge of " + std::to_string(preprocess.edge) + " pixels");
}

void readPreprocess(const Json &json, Manifest &out, Status &fault) {
  Reader reader(json, "preprocess", fault);
  Preprocess &to = out.preprocess;
  std::string position;
  reader.read("rescale", to.rescale);
  reader.read("mean", to.mean);
  reader.read("std", to.deviation);
  std::size_t channel = 0;
  reader.forEach("pad_color", 3, 3, [&](const Json &value) {
    to.padColor[channel++] = std::uint8_t(reader.integer(value, "pad_color", 0, 255));
  });
  reader.read("pad_position", position);
  readName(reader, "resample", filterByName, "'lanczos', 'bilinear' or 'bicubic'", to.filter);
  readName(reader, "scheme", schemeByName,
           "'relaxed', 'llava-next', 'internvl', 'center-crop' or 'longest-edge'", to.scheme);
  std::int64_t edge = 0;
  reader.read("edge", edge, 0, kMostEdge);
  to.edge = int(edge);
  reader.read("alpha", to.alpha);
  readName(reader, "thumbnail", thumbnailByName, "'none', 'last_if_many' or 'first'", to.thumbnail);
  reader.read("max_tokens", out.maxImageTokens, 0, kLargestCount);
  constexpr std::size_t kMostCandidates = 1024;
  reader.forEach("candidates", 1, kMostCandidates, [&](const Json &value) {
    if (!value.is_array() || value.size() != 2)
      return reader.fail("candidates", "pairs of columns and rows");
    to.candidates.push_back({int(reader.integer(value[0], "candidates", 1, kMostTilesASide)),
                             int(reader.integer(value[1], "candidates", 1, kMostTilesASide))});
  });
  to.tileWidth = int(out.tileWidth);
  to.tileHeight = int(out.tileHeight);
  to.tokensPerTile = out.tokensPerTile;
  if (position == "top_left")
    to.padPosition = PadPosition::TopLeft;
  else if (position != "center")
    reader.fail("pad_position", "'center' or 'top_left', found " + inQuotes(position));
  for (double deviation : to.deviation)
    if (deviation == 0)
      reader.fail("std", "numbers other than 0");
  // The largest canvas has to stay within what the picture code counts in int.
  for (const Grid &grid : to.candidates)
    if (grid.columns * out.tileWidth > kMostTileSide || grid.rows * out.tileHeight > kMostTileSide)
      reader.fail("candidates",
                  "grids of at most " + std::to_string(kMostTileSide) + " pixels a side");
  checkEdge(reader, to);
  if (out.maxImageTokens == 0 || to.candidates.empty() || to.tileWidth == 0)
    return;
  if (const std::int64_t least = leastTokens(to); out.maxImageTokens < least)
    return reader.fail("max_tokens", "0, or at least the " + std::to_string(least) +
                                         " tokens of the smallest grid, found " +
                                         std::to_string(out.maxImageTokens));
  capTokens(to, out.maxImageTokens);
}

// What stands around a picture's rows. It is written once a tile, so it is short.
void readPicture(const Json &json, PicturePieces &out, Status &fault) {
  constexpr std::size_t kLongest = 256;
  Reader reader(json, "chat.picture", fault);
  for (auto [key, piece] :
       {std::pair("before_one", &out.beforeOne), std::pair("before", &out.before),
        std::pair("tile", &out.tile), std::pair("row_end", &out.rowEnd),
        std::pair("overview", &out.overview), std::pair("after", &out.after)}) {
    reader.read(key, *piece);
    if (piece->size() > kLongest)
      reader.fail(key, "at most " + std::to_string(kLongest) + " bytes, found " +
                           std::to_string(piece->size()));
  }
}

void readChat(const Json &json, Manifest &out, Status &fault) {
  Reader reader(json, "chat", fault);
  ChatTemplate &to = out.chat;
  const auto readItems = [&](const Json &from, const std::string &path, ByItem &items) {
    Reader pair(from, path, fault);
    pair.read("text", items.text);
    pair.read("picture", items.picture);
  };
  const auto readTrims = [&](const Json &from, const std::string &path, Trims &trims) {
    Reader pair(from, path, fault);
    constexpr const char *kTrims = "'none', 'newlines' or 'spaces'";
    readName(pair, "left", trimByName, kTrims, trims.left);
    readName(pair, "right", trimByName, kTrims, trims.right);
  };
  const auto readReserved = [&](Reader &from, const char *key, std::vector<std::string> &words) {
    constexpr std::size_t kMostReserved = 1024;
    from.forEach(key, 0, kMostReserved, [&](const Json &value) {
      if (value.is_string() && !value.get_ref<const std::string &>().empty())
        words.push_back(value.get<std::string>());
      else
        from.fail(key, "texts");
    });
  };
  reader.readId("image_token_id", to.imageTokenId);
  reader.read("image_token", to.imageToken);
  if (!json.is_object())
    return;
  readPicture(child(json, "picture"), to.picture, fault);
  readItems(child(json, "begin"), "chat.begin", to.begin);
  if (const Json &system = child(json, "system"); !system.is_null()) {
    to.system.emplace();
    Reader pieces(system, "chat.system", fault);
    pieces.read("before", to.system->before);
    readReserved(pieces, "reserved", to.system->reserved);
    pieces.read("needs_text", to.system->needsText);
    if (system.is_object()) {
      readItems(child(system, "after"), "chat.system.after", to.system->after);
      readTrims(child(system, "trim"), "chat.system.trim", to.system->trims);
      readTrims(child(system, "trim_text"), "chat.system.trim_text", to.system->textTrims);
    }
  }
  readItems(child(json, "next"), "chat.next", to.next);
  Reader between(child(json, "between"), "chat.between", fault);
  between.read("text_text", to.textText);
  between.read("text_picture", to.textPicture);
  between.read("picture_text", to.pictureText);
  between.read("picture_picture", to.picturePicture);
  readItems(child(json, "end"), "chat.end", to.end);
  reader.read("ask", to.ask);
  reader.read("answer", to.answer);
  to.noAnswer.reset();
  if (!child(json, "no_answer").is_null())
    reader.read("no_answer", to.noAnswer.emplace());
  reader.read("answer_mark", to.answerMark);
  readName(reader, "answer_part", partByName, "'last', 'behind_first' or 'second'", to.answerPart);
  readTrims(child(json, "trim_marked"), "chat.trim_marked", to.markedTrims);
  readTrims(child(json, "trim_answer"), "chat.trim_answer", to.answerTrims);
  readTrims(child(json, "trim_text"), "chat.trim_text", to.userTrims);
  reader.read("trims_turn", to.trimsTurn);
  reader.read("needs_text", to.needsText);
  reader.read("pictures_first", to.picturesFirst);
  readReserved(reader, "reserved_in_text", to.reservedInText);
  readReserved(reader, "reserved_in_answer", to.reservedInAnswer);
}

void readGeneration(const Json &json, Manifest &out, Status &fault) {
  Reader reader(json, "generation", fault);
  reader.forEach("eos_token_ids", 0, 256, [&](const Json &value) {
    out.endTokens.push_back(std::int32_t(
        reader.integer(value, "eos_token_ids", 0, std::numeric_limits<std::int32_t>::max())));
  });
  if (json.is_object() && json.contains("stop_strings"))
    reader.forEach("stop_strings", 0, 256, [&](const Json &value) {
      if (value.is_string() && !value.get_ref<const std::string &>().empty())
        out.stopStrings.push_back(value.get<std::string>());
      else
        reader.fail("stop_strings", "texts");
    });
  SamplingOptions &sampling = out.generate.sampling;
  std::int64_t topK = sampling.topK;
  reader.readIfThere("max_new_tokens", out.generate.maxNewTokens, 0, kLargestCount);
  reader.readIfThere("top_k", topK, 0, std::numeric_limits<std::int32_t>::max());
  reader.readIfThere("temperature", sampling.temperature);
  reader.readIfThere("top_p", sampling.topP);
  reader.readIfThere("min_p", sampling.minP);
  reader.readIfThere("repetition_penalty", sampling.repetitionPenalty);
  sampling.topK = std::int32_t(topK);
  if (const Status status = checkSampling(sampling); !status.ok())
    reader.fail(status.message());
}

// Of a file beside the manifest. It stands in messages, so it is text.
bool isPlainName(std::string_view name) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '/' && c != '\\'; };
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), plain);
}

bool isHexDigits(std::string_view text, std::size_t count) {
  return text.size() == count && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The checksums of a file's blocks, if the manifest has them.
void readBlocks(const Json &json, Reader &reader, FileEntry &entry) {
  if (!json.is_object() || (!json.contains("block_bytes") && !json.contains("crc32c")))
    return;
  constexpr std::size_t kDigits = 8;
  constexpr std::int64_t kLeastBlock = 4096, kMostBlock = std::int64_t(1) << 30;
  std::int64_t blockBytes = kLeastBlock;
  std::string text;
  reader.read("block_bytes", blockBytes, kLeastBlock, kMostBlock);
  reader.read("crc32c", text);
  entry.blockBytes = std::uint64_t(blockBytes);
  const std::uint64_t count = (entry.bytes + entry.blockBytes - 1) / entry.blockBytes;
  if (!isHexDigits(text, std::size_t(count) * kDigits))
    return reader.fail("crc32c", std::to_string(count * kDigits) +
                                     " hexadecimal digits in lower case, eight for each block");
  for (std::size_t at = 0; at < text.size(); at += kDigits) {
    std::uint32_t sum = 0;
    std::from_chars(text.data() + at, text.data() + at + kDigits, sum, 16);
    entry.blocks.push_back(sum);
  }
}

void readFiles(const Json &json, Manifest &out, Status &fault) {
  Reader(json, "files", fault);
  if (!json.is_object())
    return;
  for (const auto &[name, value] : json.items()) {
    if (!isPlainName(name)) {
      fault = fault.ok() ? bad("files: expected the name of a file beside the manifest, found " +
                               inQuotes(name))
                         : fault;
      return;
    }
    Reader reader(value, "files." + inQuotes(name), fault);
    FileEntry entry;
    std::int64_t bytes = 0;
    entry.name = name;
    reader.read("bytes", bytes, 0, kLargestCount);
    reader.read("sha256", entry.sha256);
    entry.bytes = std::uint64_t(bytes);
    if (!isHexDigits(entry.sha256, kChecksumDigits))
      reader.fail("sha256", "64 hexadecimal digits in lower case");
    readBlocks(value, reader, entry);
    out.files.push_back(std::move(entry));
  }
}

// Of a device, what it says against the devices before it and the files.
void checkDevice(const DeviceEntry &device, const Manifest &before, Reader &reader) {
  if (device.name.empty() || before.device(device.name))
    return reader.fail("name", "a name that no other device has, found " + inQuotes(device.name));
  if (device.loader != kLinkedLoader &&
      (!before.file(device.code) || device.code == kWeightsName || device.code == kTokenizerName))
    return reader.fail("code", "one of the files that holds code, found " + inQuotes(device.code));
  for (const DeviceEntry &other : before.devices) {
    if (other.code != device.code)
      continue;
    if (other.loader != device.loader)
      return reader.fail("loader", inQuotes(other.loader) + " as of " + inQuotes(other.name) +
                                       ", which has the same code, found " +
                                       inQuotes(device.loader));
    if (other.target != device.target)
      return reader.fail("target", "the one of " + inQuotes(other.name) +
                                       ", which has the same code, found another");
  }
}

// After target and files, which its devices name.
void readDevices(const Json &json, Manifest &out, Status &fault) {
  Reader(json, "", fault).forEach("devices", 1, kMostDevices, [&](const Json &value) {
    const std::string path = "devices." + std::to_string(out.devices.size());
    Reader reader(value, path, fault);
    DeviceEntry device;
    reader.read("name", device.name);
    reader.read("runs_on", device.runsOn);
    reader.read("loader", device.loader);
    const bool isLinked = device.loader == kLinkedLoader;
    if (!isLinked)
      reader.read("code", device.code);
    else if (value.contains("code"))
      reader.fail("code", "no file, where code is linked, found one");
    else
      device.code = kLinkedCode;
    device.ownTarget = value.is_object() && value.contains("target");
    if (device.ownTarget)
      readTarget(value["target"], path + ".target", device.target, fault);
    else
      device.target = out.target;
    checkDevice(device, out, reader);
    out.devices.push_back(std::move(device));
  });
}

// Null when `text` is no JSON or nested too deeply for the parser's users.
std::optional<Json> parseJson(std::string_view text) {
  bool tooDeep = false;
  const auto watchDepth = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > kDeepest;
    return !tooDeep;
  };
  Json json = Json::parse(text, watchDepth, /*allow_exceptions=*/false);
  if (json.is_discarded() || tooDeep || !json.is_object())
    return std::nullopt;
  return json;
}

} // namespace

std::string manifestChecksum(std::string_view text) {
  const std::optional<std::size_t> at = findChecksum(text);
  if (!at)
    return {};
  Sha256 hash = fastSha256();
  hash.update(text.data(), *at);
  hash.update(std::string(kChecksumDigits, '0').data(), kChecksumDigits);
  hash.update(text.data() + *at + kChecksumDigits, text.size() - *at - kChecksumDigits);
  return toHex(hash.finish());
}

const FileEntry *Manifest::file(std::string_view name) const {
  auto found = std::find_if(files.begin(), files.end(),
                            [&](const FileEntry &entry) { return entry.name == name; });
  return found == files.end() ? nullptr : &*found;
}

const DeviceEntry *Manifest::device(std::string_view name) const {
  auto found = std::find_if(devices.begin(), devices.end(),
                            [&](const DeviceEntry &entry) { return entry.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

std::vector<std::string> Manifest::codeFiles() const {
  std::vector<std::string> names;
  for (const DeviceEntry &entry : devices)
    if (std::find(names.begin(), names.end(), entry.code) == names.end())
      names.push_back(entry.code);
  return names;
}

Result<Manifest> Manifest::parse(std::string_view text) {
  try {
    const std::optional<Json> json = parseJson(text);
    if (!json)
      return bad("expected a json object, found something else");
    Manifest out;
    Status fault;
    Reader reader(*json, "", fault);
    // Format and version first: of another format nothing else can be expected.
    std::string format;
    std::int64_t version = 0;
    reader.read("format", format);
    BLUEC_RETURN_IF_ERROR(fault);
    if (format != "bluec-bundle")
      return bad("format: expected 'bluec-bundle', found " + inQuotes(format));
    reader.read("version", version, 0, kLargestCount);
    BLUEC_RETURN_IF_ERROR(fault);
    if (version != kManifestVersion)
      return Status(Code::Incompatible, "manifest.json: version: expected " +
                                            std::to_string(kManifestVersion) + ", found " +
                                            std::to_string(version));
    reader.read("checksum", out.checksum);
    BLUEC_RETURN_IF_ERROR(fault);
    const std::string expected = manifestChecksum(text);
    if (expected.empty())
      return bad("checksum: expected 64 hexadecimal digits, found " + inQuotes(out.checksum));
    if (expected != out.checksum)
      return bad("checksum: expected " + expected + ", found " + inQuotes(out.checksum));

    reader.read("producer", out.producer);
    readTarget(child(*json, "target"), "target", out.target, fault);
    Reader(child(*json, "recipe"), "recipe", fault).read("name", out.recipe);
    readGeometry(child(*json, "geometry"), out, fault);
    if (json->contains("positions"))
      readPositions((*json)["positions"], out, fault);
    if (json->contains("preprocess")) {
      out.hasPreprocess = true;
      readPreprocess((*json)["preprocess"], out, fault);
    }
    if (json->contains("chat")) {
      out.hasChat = true;
      readChat((*json)["chat"], out, fault);
    }
    if (json->contains("generation"))
      readGeneration((*json)["generation"], out, fault);
    readFiles(child(*json, "files"), out, fault);
    readDevices(*json, out, fault);
    BLUEC_RETURN_IF_ERROR(fault);
    return out;
  } catch (const std::bad_alloc &) {
    return Status(Code::OutOfMemory, "out of memory");
  } catch (const std::exception &error) {
    return bad(std::string("cannot be read: ") + error.what());
  }
}

} // namespace bluec::runtime
