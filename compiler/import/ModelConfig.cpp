#include "compiler/import/ModelConfig.h"

#include "runtime/vision/Tiles.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>
#include <map>

using namespace bluec;
using Json = nlohmann::ordered_json;

namespace {

constexpr uint64_t largestFile = uint64_t{64} << 20; // bytes; real ones have a few kilobytes
constexpr int deepest = 64;                          // levels of nesting
constexpr int64_t largestCount = int64_t{1} << 31;

std::string shown(const Json &value) {
  constexpr size_t most = 60;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > most ? text.substr(0, most) + "..." : text;
}

/// An object of one file, with the path to it; remembers the first fault, so that a row of reads
/// needs one check at its end.
class Reader {
public:
  Reader(const Json &json, std::string where, std::string &fault)
      : json(json), where(std::move(where)), fault(fault) {
    if (!json.is_object())
      fail("", "an object", json);
  }

  const Json *find(const char *key) const {
    auto found = json.is_object() ? json.find(key) : json.end();
    return !json.is_object() || found == json.end() || found->is_null() ? nullptr : &*found;
  }
  const Json *require(const char *key, const char *expected) {
    const Json *value = find(key);
    if (!value && fault.empty())
      fault = where + key + ": expected " + expected + ", found none";
    return value;
  }
  Reader child(const char *key) {
    static const Json none = Json::object();
    const Json *value = find(key);
    return Reader(value ? *value : none, where + key + ".", fault);
  }

  std::optional<int64_t> integer(const char *key, int64_t least, int64_t most) {
    const Json *value = find(key);
    if (!value)
      return std::nullopt;
    return asInteger(*value, key, least, most);
  }
  int64_t asInteger(const Json &value, const char *key, int64_t least, int64_t most) {
    bool inRange = value.is_number_integer() &&
                   (value.is_number_unsigned()
                        ? value.get<uint64_t>() <= static_cast<uint64_t>(most)
                        : value.get<int64_t>() >= least && value.get<int64_t>() <= most);
    if (!inRange || value.get<int64_t>() < least) {
      fail(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
           value);
      return least;
    }
    return value.get<int64_t>();
  }
  double number(const char *key, double otherwise) {
    const Json *value = find(key);
    return value ? asNumber(*value, key) : otherwise;
  }
  double asNumber(const Json &value, const char *key) {
    if (value.is_number() && std::isfinite(value.get<double>()))
      return value.get<double>();
    fail(key, "a number", value);
    return 1;
  }
  bool boolean(const char *key, bool otherwise) {
    const Json *value = find(key);
    if (!value)
      return otherwise;
    if (!value->is_boolean())
      fail(key, "true or false", *value);
    return value->is_boolean() && value->get<bool>();
  }
  std::string string(const char *key, std::string otherwise) {
    const Json *value = find(key);
    if (!value)
      return otherwise;
    // Older configurations keep a token as an object with its text in it.
    if (value->is_object() && value->contains("content"))
      value = &(*value)["content"];
    if (!value->is_string())
      fail(key, "a string", *value);
    return value->is_string() ? value->get<std::string>() : otherwise;
  }
  /// A list of `count` values; an empty one after a fault.
  const Json *list(const char *key, size_t least, size_t most) {
    const Json *value = require(key, "a list");
    if (value && (!value->is_array() || value->size() < least || value->size() > most)) {
      fail(key, "a list of " + std::to_string(least) + " to " + std::to_string(most) + " values",
           *value);
      return nullptr;
    }
    return value;
  }

  void fail(const std::string &key, const std::string &expected, const Json &found) {
    if (!fault.empty())
      return;
    std::string place = where + key;
    while (!place.empty() && (place.back() == '.' || place.back() == ' ' || place.back() == ':'))
      place.pop_back();
    fault = place + ": expected " + expected + ", found " + shown(found);
  }

private:
  const Json &json;
  std::string where;
  std::string &fault;
};

/// The object in a file; null when there is no such file.
llvm::Expected<Json> readFile(llvm::StringRef directory, llvm::StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  if (!llvm::sys::fs::exists(path))
    return Json();
  uint64_t size = 0;
  if (!llvm::sys::fs::is_regular_file(path) || llvm::sys::fs::file_size(path, size) ||
      size > largestFile)
    return llvm::createStringError(name + ": expected a file of at most 64 MiB");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(name + ": " + buffer.getError().message());
  bool tooDeep = false;
  auto watchDepth = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > deepest;
    return !tooDeep;
  };
  Json json = Json::parse((*buffer)->getBufferStart(), (*buffer)->getBufferEnd(), watchDepth,
                          /*allow_exceptions=*/false);
  if (json.is_discarded() || tooDeep || !json.is_object())
    return llvm::createStringError(name + ": expected a json object, found something else");
  return json;
}

/// The numbers, strings and booleans of an object.
Json scalars(const Json &object) {
  Json result = Json::object();
  if (object.is_object())
    for (const auto &[key, value] : object.items())
      if (value.is_primitive() && !value.is_null())
        result[key] = value;
  return result;
}

void readTokens(Reader &reader, const char *key, std::vector<int64_t> &out) {
  constexpr size_t mostTokens = 256;
  const Json *value = reader.find(key);
  if (!value)
    return;
  if (!value->is_array()) {
    out.push_back(reader.asInteger(*value, key, 0, largestCount));
    return;
  }
  if (const Json *values = reader.list(key, 0, mostTokens))
    for (const Json &token : *values)
      out.push_back(reader.asInteger(token, key, 0, largestCount));
}

constexpr int64_t mostTilesASide = 64;
constexpr int64_t mostTiles = 128; // of a grid that is not listed

/// Every grid of `least` to `most` tiles.
std::vector<std::pair<int64_t, int64_t>> gridsOf(int64_t least, int64_t most) {
  std::vector<std::pair<int64_t, int64_t>> grids;
  for (const runtime::Grid &grid :
       runtime::gridsOf(static_cast<int>(least), static_cast<int>(most)))
    if (grid.columns <= mostTilesASide && grid.rows <= mostTilesASide)
      grids.emplace_back(grid.columns, grid.rows);
  return grids;
}

void readTileCounts(Reader &reader, const char *leastKey, const char *mostKey,
                    PreprocessConfig &out) {
  int64_t least = reader.integer(leastKey, 1, mostTilesASide).value_or(1);
  const Json *most = reader.require(mostKey, "a whole number");
  if (most)
    out.candidates = gridsOf(least, reader.asInteger(*most, mostKey, least, mostTiles));
}

void readGridList(Reader &resolution, PreprocessConfig &out) {
  constexpr size_t mostGrids = 1024;
  const Json *grids = resolution.list("grids", 1, mostGrids);
  if (!grids)
    return;
  out.candidates.clear();
  for (const Json &grid : *grids) {
    if (!grid.is_array() || grid.size() != 2) {
      resolution.fail("grids", "pairs of columns and rows", grid);
      return;
    }
    out.candidates.emplace_back(resolution.asInteger(grid[0], "grids", 1, mostTilesASide),
                                resolution.asInteger(grid[1], "grids", 1, mostTilesASide));
  }
}

void readResolution(Reader resolution, PreprocessConfig &out) {
  std::string algorithm = resolution.string("algorithm", "relaxed_aspect_ratio");
  if (algorithm == "llava_next")
    out.scheme = "llava-next";
  else if (algorithm == "internvl")
    out.scheme = "internvl";
  else if (algorithm != "relaxed_aspect_ratio")
    resolution.fail("algorithm", "relaxed_aspect_ratio, llava_next or internvl", Json(algorithm));
  out.alpha = resolution.number("alpha", out.alpha);
  if (out.alpha < 0)
    resolution.fail("alpha", "a number that is not negative", Json(out.alpha));
  if (resolution.find("grids"))
    readGridList(resolution, out);
  else if (resolution.find("max_tiles"))
    readTileCounts(resolution, "min_tiles", "max_tiles", out);
  else
    resolution.require("grids", "a list (or max_tiles)");
  out.thumbnail = resolution.string("thumbnail", "none");
  if (!runtime::thumbnailByName(out.thumbnail))
    resolution.fail("thumbnail", "none, last_if_many or first", Json(out.thumbnail));
  out.maxTokens = resolution.integer("max_image_tokens", 0, largestCount).value_or(0);
}

/// Sizes in pixels that are whole tiles.
void readPinpoints(Reader &reader, PreprocessConfig &out) {
  constexpr size_t mostGrids = 1024;
  constexpr const char *key = "image_grid_pinpoints";
  const Json *points = reader.list(key, 1, mostGrids);
  out.scheme = "llava-next";
  out.thumbnail = "first";
  out.candidates.clear();
  for (size_t i = 0; points && i < points->size(); ++i) {
    const Json &point = (*points)[i];
    if (!point.is_array() || point.size() != 2) {
      reader.fail(key, "pairs of height and width", point);
      return;
    }
    int64_t height = reader.asInteger(point[0], key, 1, largestCount);
    int64_t width = reader.asInteger(point[1], key, 1, largestCount);
    if (out.tileHeight == 0 || out.tileWidth == 0 || height % out.tileHeight != 0 ||
        width % out.tileWidth != 0 || height / out.tileHeight > mostTilesASide ||
        width / out.tileWidth > mostTilesASide) {
      reader.fail(key, "1 to 64 times the size of a tile on each side", point);
      return;
    }
    out.candidates.emplace_back(width / out.tileWidth, height / out.tileHeight);
  }
}

/// The size of a tile: {height, width}, {shortest_edge}, or one number.
void readTileSize(Reader &reader, const char *key, PreprocessConfig &out) {
  constexpr int64_t mostPixels = 1 << 14;
  const Json *size = reader.find(key);
  if (size && size->is_number()) {
    out.tileHeight = out.tileWidth = reader.asInteger(*size, key, 1, mostPixels);
    return;
  }
  Reader sides = reader.child(key);
  if (std::optional<int64_t> edge = sides.integer("shortest_edge", 1, mostPixels))
    out.tileHeight = out.tileWidth = *edge;
  out.tileHeight = sides.integer("height", 1, mostPixels).value_or(out.tileHeight);
  out.tileWidth = sides.integer("width", 1, mostPixels).value_or(out.tileWidth);
}

void readDynamicResolution(Reader &reader, PreprocessConfig &out) {
  constexpr const char *tiled = "crop_to_patches", *pinpoints = "image_grid_pinpoints",
                       *own = "dynamic_resolution";
  const bool crops = reader.boolean(tiled, false);
  const int ways = (reader.find(own) != nullptr) + (reader.find(pinpoints) != nullptr) + crops;
  if (ways > 1)
    reader.fail(reader.find(own) ? own : pinpoints,
                "one of dynamic_resolution, image_grid_pinpoints and crop_to_patches",
                *reader.find(reader.find(own) ? own : pinpoints));
  if (reader.find(own))
    return readResolution(reader.child(own), out);
  if (reader.find(pinpoints))
    return readPinpoints(reader, out);
  if (!crops)
    return;
  out.scheme = "internvl";
  out.thumbnail = "last_if_many";
  readTileCounts(reader, "min_patches", "max_patches", out);
}

PreprocessConfig readPreprocess(const Json &json, std::string &fault) {
  constexpr int64_t brightest = 255;
  constexpr size_t channels = 3;
  Reader reader(json, "preprocessor_config.json: ", fault);
  PreprocessConfig out;
  if (reader.boolean("do_rescale", true))
    out.rescale = reader.number("rescale_factor", 1.0 / brightest);
  if (reader.boolean("do_normalize", true)) {
    const Json *mean = reader.list("image_mean", channels, channels);
    const Json *deviation = reader.list("image_std", channels, channels);
    for (size_t i = 0; mean && deviation && i < channels; ++i) {
      out.mean[i] = reader.asNumber((*mean)[i], "image_mean");
      out.deviation[i] = reader.asNumber((*deviation)[i], "image_std");
      if (out.deviation[i] == 0)
        reader.fail("image_std", "numbers other than 0", *deviation);
    }
  }
  // Pillow's numbers.
  static const std::map<int64_t, const char *> filters = {
      {1, "lanczos"}, {2, "bilinear"}, {3, "bicubic"}};
  if (std::optional<int64_t> resample = reader.integer("resample", 0, largestCount)) {
    auto found = filters.find(*resample);
    if (found == filters.end())
      reader.fail("resample", "1 (lanczos), 2 (bilinear) or 3 (bicubic)", Json(*resample));
    else
      out.resample = found->second;
  }
  readTileSize(reader, "size", out);
  // What is cut out of the resized picture: nothing, as far as tiles are concerned.
  PreprocessConfig crop = out;
  readTileSize(reader, "crop_size", crop);
  if (reader.boolean("do_center_crop", false) &&
      (crop.tileHeight != out.tileHeight || crop.tileWidth != out.tileWidth))
    reader.fail("crop_size", "the size of a tile", *reader.find("crop_size"));
  if (reader.find("pad_color"))
    if (const Json *color = reader.list("pad_color", channels, channels))
      for (size_t i = 0; i < channels; ++i)
        out.padColor[i] = reader.asInteger((*color)[i], "pad_color", 0, brightest);
  out.padPosition = reader.string("pad_position", "center");
  if (out.padPosition != "center" && out.padPosition != "top_left")
    reader.fail("pad_position", "center or top_left", Json(out.padPosition));
  readDynamicResolution(reader, out);
  return out;
}

/// What every published SigLIP tower takes: pixels from -1 to 1, one tile.
PreprocessConfig siglipPreprocess() {
  PreprocessConfig out;
  out.rescale = 1.0 / 255;
  out.mean = out.deviation = {0.5, 0.5, 0.5};
  return out;
}

void readTemplate(Reader reader, ChatConfig &chat) {
  if (reader.find("bluec_chat")) {
    Reader parts = reader.child("bluec_chat");
    chat.imageToken = parts.string("image", chat.imageToken);
    chat.userPrefix = parts.string("user_prefix", "");
    chat.userSuffix = parts.string("user_suffix", "");
    chat.assistantPrefix = parts.string("assistant_prefix", "");
    chat.assistantSuffix = parts.string("assistant_suffix", "");
    std::string prefix = parts.string("prefix", ""), bos = reader.string("bos_token", "");
    if (!prefix.empty() && prefix != bos)
      parts.fail("prefix", "the bos token or nothing", Json(prefix));
    chat.addBos = !prefix.empty();
    return;
  }
  if (reader.string("chat_template", "").find("<|im_start|>") != std::string::npos) {
    chat.userPrefix = "<|im_start|>user\n";
    chat.userSuffix = "<|im_end|>\n";
    chat.assistantPrefix = "<|im_start|>assistant\n";
    chat.assistantSuffix = "<|im_end|>\n";
  }
}

ChatConfig readChat(const Json &tokenizer, Reader &config, Reader &text, Reader &generation,
                    std::string &fault) {
  Reader reader(tokenizer, "tokenizer_config.json: ", fault);
  ChatConfig chat;
  chat.imageTokenId = config.integer("image_token_id", 0, largestCount);
  if (!chat.imageTokenId)
    chat.imageTokenId = config.integer("image_token_index", 0, largestCount);
  chat.imageToken = reader.string("image_token", "<image>");
  for (Reader *source : {&generation, &text, &config})
    if (!chat.bosTokenId)
      chat.bosTokenId = source->integer("bos_token_id", 0, largestCount);
  chat.addBos = reader.boolean("add_bos_token", false);
  readTemplate(reader, chat);
  chat.addBos &= chat.bosTokenId.has_value();
  return chat;
}

} // namespace

llvm::Expected<ModelConfig> bluec::readModelConfig(llvm::StringRef directory) {
  llvm::Expected<Json> json = readFile(directory, "config.json");
  if (!json)
    return json.takeError();
  if (json->is_null())
    return llvm::createStringError("config.json: expected in the model directory, found none");
  llvm::Expected<Json> preprocessor = readFile(directory, "preprocessor_config.json");
  if (!preprocessor)
    return preprocessor.takeError();
  llvm::Expected<Json> tokenizer = readFile(directory, "tokenizer_config.json");
  if (!tokenizer)
    return tokenizer.takeError();
  llvm::Expected<Json> generation = readFile(directory, "generation_config.json");
  if (!generation)
    return generation.takeError();

  std::string fault;
  const Json none = Json::object();
  Reader config(*json, "config.json: ", fault);
  // A vision-language model nests the parts; a model of one part is that part.
  std::string kind = config.string("model_type", "");
  ModelConfig out;
  bool visionOnly = llvm::StringRef(kind).ends_with("_vision_model");
  out.hasVision = visionOnly || config.find("vision_config");
  out.hasText = !visionOnly;
  const Json *textJson = config.find("text_config");
  Reader text(textJson ? *textJson : *json,
              textJson ? "config.json: text_config." : "config.json: ", fault);
  out.text = out.hasText ? scalars(textJson ? *textJson : *json) : Json();
  out.vision = out.hasVision ? scalars(visionOnly ? *json : (*json)["vision_config"]) : Json();
  out.downsample = scalars(json->value("downsample", Json()));
  out.projector = scalars(json->value("projector", Json()));
  if (out.hasText) {
    out.maxPositions = text.integer("max_position_embeddings", 1, largestCount).value_or(0);
    out.layers = text.integer("num_hidden_layers", 1, largestCount).value_or(0);
  }

  if (!preprocessor->is_null())
    out.preprocess = readPreprocess(*preprocessor, fault);
  else if (visionOnly)
    out.preprocess = siglipPreprocess();
  else if (out.hasVision)
    return llvm::createStringError(
        "preprocessor_config.json: expected beside a vision encoder, found none");
  Reader generationReader(generation->is_null() ? none : *generation,
                          "generation_config.json: ", fault);
  readTokens(generationReader, "eos_token_id", out.eosTokenIds);
  if (out.eosTokenIds.empty())
    readTokens(text, "eos_token_id", out.eosTokenIds);
  if (!tokenizer->is_null())
    out.chat = readChat(*tokenizer, config, text, generationReader, fault);
  if (!fault.empty())
    return llvm::createStringError(fault);
  return out;
}
