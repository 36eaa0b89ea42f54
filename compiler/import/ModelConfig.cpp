#include "compiler/import/ModelConfig.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>

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

void readGrids(Reader resolution, PreprocessConfig &out) {
  constexpr size_t mostGrids = 1024;
  constexpr int64_t mostTiles = 64; // a side
  std::string algorithm = resolution.string("algorithm", "relaxed_aspect_ratio");
  if (algorithm != "relaxed_aspect_ratio")
    resolution.fail("algorithm", "relaxed_aspect_ratio", Json(algorithm));
  out.alpha = resolution.number("alpha", out.alpha);
  if (const Json *grids = resolution.list("grids", 1, mostGrids)) {
    out.candidates.clear();
    for (const Json &grid : *grids) {
      if (!grid.is_array() || grid.size() != 2) {
        resolution.fail("grids", "pairs of columns and rows", grid);
        return;
      }
      out.candidates.emplace_back(resolution.asInteger(grid[0], "grids", 1, mostTiles),
                                  resolution.asInteger(grid[1], "grids", 1, mostTiles));
    }
  }
  std::string thumbnail = resolution.string("thumbnail", "none");
  if (thumbnail != "last_if_many" && thumbnail != "none")
    resolution.fail("thumbnail", "last_if_many or none", Json(thumbnail));
  out.thumbnail = thumbnail == "last_if_many";
}

PreprocessConfig readPreprocess(const Json &json, std::string &fault) {
  constexpr int64_t bicubic = 3, mostPixels = 1 << 14, brightest = 255;
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
  if (std::optional<int64_t> resample = reader.integer("resample", 0, largestCount);
      resample && *resample != bicubic)
    reader.fail("resample", "3 (bicubic)", Json(*resample));
  Reader size = reader.child("size");
  out.tileHeight = size.integer("height", 1, mostPixels).value_or(0);
  out.tileWidth = size.integer("width", 1, mostPixels).value_or(0);
  if (reader.find("pad_color"))
    if (const Json *color = reader.list("pad_color", channels, channels))
      for (size_t i = 0; i < channels; ++i)
        out.padColor[i] = reader.asInteger((*color)[i], "pad_color", 0, brightest);
  out.padPosition = reader.string("pad_position", "center");
  if (out.padPosition != "center" && out.padPosition != "top_left")
    reader.fail("pad_position", "center or top_left", Json(out.padPosition));
  if (reader.find("dynamic_resolution"))
    readGrids(reader.child("dynamic_resolution"), out);
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
