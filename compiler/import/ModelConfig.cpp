#include "compiler/import/ModelConfig.h"

#include "compiler/base/JsonReader.h"
#include "compiler/base/MappedFile.h"
#include "compiler/import/ConfigReading.h"
#include "runtime/platform/MappedFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <array>
#include <cmath>
#include <map>

using namespace bluec;

namespace {

// Real ones have a few kilobytes.
constexpr JsonLimits kFileLimits = {size_t{64} << 20, /*depth=*/64, /*values=*/1'000'000};

/// The place of a file; empty when there is no such file, or after a fault: a link out of the
/// directory.
std::string findFile(llvm::StringRef directory, const char *name, std::string &fault) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  if (!fault.empty() || !llvm::sys::fs::exists(path))
    return "";
  llvm::Expected<std::string> place = resolveInside(directory.str(), name);
  if (place)
    return *place;
  fault = std::string(name) + ": " + llvm::toString(place.takeError());
  return "";
}

/// The object in a file; null when there is no such file.
JsonValue readFile(llvm::StringRef directory, const char *name, std::string &fault) {
  std::string path = findFile(directory, name, fault);
  if (path.empty())
    return JsonValue();
  std::optional<JsonValue> json = readJsonFile(path, name, kFileLimits, fault);
  if (json && !json->isObject())
    fault = jsonPlaceText(name, json->place()) + ": expected an object, found " +
            JsonReader::shown(*json);
  return fault.empty() ? std::move(*json) : JsonValue();
}

constexpr int64_t kMostTilesASide = 64;
constexpr int64_t kMostTiles = 128; // of a grid that is not listed
constexpr size_t kMostGrids = 1024;

/// Every grid of `least` to `most` tiles.
std::vector<runtime::Grid> gridsOf(int64_t least, int64_t most) {
  std::vector<runtime::Grid> grids =
      runtime::gridsOf(static_cast<int>(least), static_cast<int>(most));
  llvm::erase_if(grids, [](const runtime::Grid &grid) {
    return grid.columns > kMostTilesASide || grid.rows > kMostTilesASide;
  });
  return grids;
}

/// The list, which has to be there.
const JsonValue::Array *requireList(const JsonReader &reader, const char *key, size_t least,
                                    size_t most) {
  reader.require(key, "a list");
  return reader.list(key, least, most, " values");
}

void readTileCounts(const JsonReader &reader, const char *leastKey, const char *mostKey,
                    runtime::Preprocess &out) {
  int64_t least = reader.integer(leastKey, 1, kMostTilesASide).value_or(1);
  if (const JsonValue *most = reader.require(mostKey, "a whole number"))
    out.candidates = gridsOf(least, reader.asInteger(*most, mostKey, least, kMostTiles));
}

/// Two numbers that `what` says. Null, and a fault, for anything else.
const JsonValue::Array *asPair(const JsonReader &reader, const char *key, const JsonValue &value,
                               const char *what) {
  const JsonValue::Array *pair = value.array();
  if (pair && pair->size() == 2)
    return pair;
  reader.fail(key, what, value);
  return nullptr;
}

void readGridList(const JsonReader &resolution, runtime::Preprocess &out) {
  const JsonValue::Array *grids = requireList(resolution, "grids", 1, kMostGrids);
  if (!grids)
    return;
  out.candidates.clear();
  auto side = [&](const JsonValue &value) {
    return static_cast<int>(resolution.asInteger(value, "grids", 1, kMostTilesASide));
  };
  for (const JsonValue &grid : *grids)
    if (const auto *pair = asPair(resolution, "grids", grid, "pairs of columns and rows"))
      out.candidates.push_back({side((*pair)[0]), side((*pair)[1])});
}

void readResolution(const JsonReader &resolution, runtime::Preprocess &out, ImageTokenCap &cap) {
  static const std::map<std::string, runtime::Scheme> schemes = {
      {"relaxed_aspect_ratio", runtime::Scheme::Relaxed},
      {"llava_next", runtime::Scheme::LlavaNext},
      {"internvl", runtime::Scheme::InternVl}};
  std::string algorithm = resolution.string("algorithm", "relaxed_aspect_ratio");
  if (auto scheme = schemes.find(algorithm); scheme != schemes.end())
    out.scheme = scheme->second;
  else
    resolution.failWith("algorithm", "relaxed_aspect_ratio, llava_next or internvl",
                        JsonReader::shown(algorithm));
  out.alpha = resolution.number("alpha", out.alpha);
  if (out.alpha < 0)
    resolution.failWith("alpha", "a number that is not negative", JsonValue(out.alpha).text());
  if (resolution.find("grids"))
    readGridList(resolution, out);
  else if (resolution.find("max_tiles"))
    readTileCounts(resolution, "min_tiles", "max_tiles", out);
  else
    resolution.require("grids", "a list (or max_tiles)");
  std::string thumbnail = resolution.string("thumbnail", "none");
  if (std::optional<runtime::Thumbnail> found = runtime::thumbnailByName(thumbnail))
    out.thumbnail = *found;
  else
    resolution.failWith("thumbnail", "none, last_if_many or first", JsonReader::shown(thumbnail));
  cap.tokens = resolution.integer("max_image_tokens", 0, kLargestCount).value_or(0);
}

/// Sizes in pixels that are whole tiles.
void readPinpoints(const JsonReader &reader, runtime::Preprocess &out) {
  constexpr const char *kKey = "image_grid_pinpoints";
  const JsonValue::Array *points = requireList(reader, kKey, 1, kMostGrids);
  out.scheme = runtime::Scheme::LlavaNext;
  out.thumbnail = runtime::Thumbnail::First;
  out.candidates.clear();
  for (size_t i = 0; points && i < points->size(); ++i) {
    const JsonValue &point = (*points)[i];
    const JsonValue::Array *pair = asPair(reader, kKey, point, "pairs of height and width");
    if (!pair)
      return;
    int64_t height = reader.asInteger((*pair)[0], kKey, 1, kLargestCount);
    int64_t width = reader.asInteger((*pair)[1], kKey, 1, kLargestCount);
    if (out.tileHeight == 0 || out.tileWidth == 0 || height % out.tileHeight != 0 ||
        width % out.tileWidth != 0 || height / out.tileHeight > kMostTilesASide ||
        width / out.tileWidth > kMostTilesASide) {
      reader.fail(kKey, "1 to 64 times the size of a tile on each side", point);
      return;
    }
    out.candidates.push_back(
        {static_cast<int>(width / out.tileWidth), static_cast<int>(height / out.tileHeight)});
  }
}

/// The size of a tile: {height, width}, {shortest_edge}, or one number.
void readTileSize(const JsonReader &reader, const char *key, runtime::Preprocess &out) {
  constexpr int64_t kMostPixels = 1 << 14;
  const JsonValue *size = reader.find(key);
  if (size && size->number()) {
    out.tileHeight = out.tileWidth = static_cast<int>(reader.asInteger(*size, key, 1, kMostPixels));
    return;
  }
  JsonReader sides = reader.child(key);
  auto read = [&](const char *side, int &to) {
    if (std::optional<int64_t> pixels = sides.integer(side, 1, kMostPixels))
      to = static_cast<int>(*pixels);
  };
  read("shortest_edge", out.tileHeight);
  read("shortest_edge", out.tileWidth);
  read("height", out.tileHeight);
  read("width", out.tileWidth);
}

void readDynamicResolution(const JsonReader &reader, runtime::Preprocess &out, ImageTokenCap &cap) {
  constexpr const char *kTiled = "crop_to_patches", *kPinpoints = "image_grid_pinpoints",
                       *kOwn = "dynamic_resolution";
  const bool crops = reader.boolean(kTiled, false);
  const int ways = (reader.find(kOwn) != nullptr) + (reader.find(kPinpoints) != nullptr) + crops;
  if (ways > 1)
    reader.fail(reader.find(kOwn) ? kOwn : kPinpoints,
                "one of dynamic_resolution, image_grid_pinpoints and crop_to_patches",
                *reader.find(reader.find(kOwn) ? kOwn : kPinpoints));
  if (reader.find(kOwn))
    return readResolution(reader.child(kOwn), out, cap);
  if (reader.find(kPinpoints))
    return readPinpoints(reader, out);
  if (!crops)
    return;
  out.scheme = runtime::Scheme::InternVl;
  out.thumbnail = runtime::Thumbnail::LastIfMany;
  readTileCounts(reader, "min_patches", "max_patches", out);
}

constexpr int64_t kBrightest = 255;

void readNormalization(const JsonReader &reader, runtime::Preprocess &out) {
  const size_t channels = out.mean.size();
  if (reader.boolean("do_rescale", true))
    out.rescale = reader.number("rescale_factor", 1.0 / kBrightest);
  if (!reader.boolean("do_normalize", true))
    return;
  const JsonValue::Array *mean = requireList(reader, "image_mean", channels, channels);
  const JsonValue::Array *deviation = requireList(reader, "image_std", channels, channels);
  for (size_t i = 0; mean && deviation && i < channels; ++i) {
    out.mean[i] = reader.asNumber((*mean)[i], "image_mean");
    out.deviation[i] = reader.asNumber((*deviation)[i], "image_std");
    if (out.deviation[i] == 0)
      reader.fail("image_std", "numbers other than 0", *reader.find("image_std"));
  }
}

/// Every pixel has to become a number that f32 holds.
void checkPixels(const JsonReader &reader, const runtime::Preprocess &from) {
  auto holds = [](double value) { return std::isfinite(static_cast<float>(value)); };
  auto check = [&](const char *key, double value) {
    if (!holds(value) && reader.find(key))
      reader.fail(key, "values with which pixels are finite", *reader.find(key));
  };
  check("rescale_factor", kBrightest * from.rescale);
  for (size_t i = 0; i < from.mean.size(); ++i) {
    check("image_mean", from.mean[i]);
    for (int64_t pixel : {int64_t{0}, kBrightest})
      check("image_std",
            (static_cast<double>(pixel) * from.rescale - from.mean[i]) / from.deviation[i]);
    check("image_std", 1 / from.deviation[i]);
  }
}

void readFilter(const JsonReader &reader, runtime::Preprocess &out) {
  // Pillow's numbers.
  static const std::map<int64_t, runtime::Filter> filters = {
      {1, runtime::Filter::Lanczos}, {2, runtime::Filter::Bilinear}, {3, runtime::Filter::Bicubic}};
  std::optional<int64_t> resample = reader.integer("resample", 0, kLargestCount);
  if (!resample)
    return;
  if (auto found = filters.find(*resample); found != filters.end())
    out.filter = found->second;
  else
    reader.failWith("resample", "1 (lanczos), 2 (bilinear) or 3 (bicubic)",
                    std::to_string(*resample));
}

void readPadding(const JsonReader &reader, runtime::Preprocess &out) {
  const size_t channels = out.padColor.size();
  if (const JsonValue::Array *color = reader.list("pad_color", channels, channels, " values"))
    for (size_t i = 0; i < channels; ++i)
      out.padColor[i] =
          static_cast<uint8_t>(reader.asInteger((*color)[i], "pad_color", 0, kBrightest));
  std::string position = reader.string("pad_position", "center");
  if (position != "center" && position != "top_left")
    reader.failWith("pad_position", "center or top_left", JsonReader::shown(position));
  out.padPosition =
      position == "top_left" ? runtime::PadPosition::TopLeft : runtime::PadPosition::Center;
}

/// How a processor of transformers that makes one tile fits a picture to it. With tiles of a grid
/// the grid's scheme says so.
void readFit(const JsonReader &reader, runtime::Preprocess &out) {
  constexpr const char *kType = "image_processor_type";
  if (!reader.boolean("do_resize", true))
    reader.fail("do_resize", "true", *reader.find("do_resize"));
  bool isTiled = reader.find("dynamic_resolution") || reader.find("image_grid_pinpoints") ||
                 reader.boolean("crop_to_patches", false);
  std::string type = reader.string(kType, "");
  llvm::StringRef name(type);
  name.consume_back("Fast");
  if (name.empty() || name == "BlueLMVImageProcessor" ||
      (isTiled && (name == "LlavaNextImageProcessor" || name == "GotOcr2ImageProcessor")))
    return;
  if (!isTiled && (name == "SiglipImageProcessor" || name == "ViTImageProcessor")) {
    out.scheme = runtime::Scheme::InternVl; // which stretches, here to its only grid
    return;
  }
  reader.failWith(kType,
                  isTiled ? "LlavaNextImageProcessor, GotOcr2ImageProcessor or none with tiles"
                          : "SiglipImageProcessor, ViTImageProcessor, or tiles by "
                            "dynamic_resolution, image_grid_pinpoints or crop_to_patches",
                  JsonReader::shown(type));
}

/// Keys of an image processor that are read, or that change no pixel.
const llvm::StringSet<> &preprocessKeys() {
  static const llvm::StringSet<> known = {
      // read
      "image_processor_type", "do_resize", "size", "resample", "do_center_crop", "crop_size",
      "do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std", "do_pad",
      "pad_color", "pad_position", "dynamic_resolution", "image_grid_pinpoints", "crop_to_patches",
      "min_patches", "max_patches",
      // pictures are decoded to RGB
      "do_convert_rgb",
      // what the graph's features say
      "patch_size", "image_seq_length", "image_seq_len",
      // where the file comes from, and how arrays are handed around
      "processor_class", "feature_extractor_type", "auto_map", "transformers_version",
      "_valid_processor_keys", "data_format", "input_data_format", "return_tensors", "device",
      "default_to_square"};
  return known;
}

/// What other processors do to pixels, and bluec does not.
void refuseOtherSchemes(const JsonReader &reader, const runtime::Preprocess &out) {
  for (const char *key :
       {"do_image_splitting", "max_image_size", "do_pan_and_scan", "min_pixels", "max_pixels",
        "num_crops", "max_slice_nums", "do_thumbnail", "do_align_long_axis", "do_crop_margin"})
    if (const JsonValue *value = reader.find(key); value && !asksForNothing(key, *value))
      reader.fail(key, "false, or nothing", *value);
  const bool isTiled = out.candidates.size() > 1;
  if (out.scheme == runtime::Scheme::InternVl && !isTiled && reader.boolean("do_pad", false))
    reader.fail("do_pad", "false where a picture is stretched to one tile", *reader.find("do_pad"));
}

runtime::Preprocess readPreprocess(const JsonReader &reader, ImageTokenCap &cap) {
  runtime::Preprocess out = oneTile();
  readNormalization(reader, out);
  checkPixels(reader, out);
  readFilter(reader, out);
  readTileSize(reader, "size", out);
  // What is cut out of the resized picture: nothing, as far as tiles are concerned.
  runtime::Preprocess crop = out;
  readTileSize(reader, "crop_size", crop);
  if (reader.boolean("do_center_crop", false) &&
      (crop.tileHeight != out.tileHeight || crop.tileWidth != out.tileWidth))
    reader.fail("crop_size", "the size of a tile", *reader.find("crop_size"));
  readPadding(reader, out);
  readFit(reader, out);
  readDynamicResolution(reader, out, cap);
  refuseOtherSchemes(reader, out);
  return out;
}

/// What every published SigLIP tower takes: pixels from -1 to 1, one tile to which a picture is
/// stretched.
runtime::Preprocess siglipPreprocess() {
  runtime::Preprocess out = oneTile();
  out.rescale = 1.0 / kBrightest;
  out.mean = out.deviation = {0.5, 0.5, 0.5};
  out.scheme = runtime::Scheme::InternVl;
  return out;
}

/// A token of a tokenizer's configuration. Older ones keep it as an object with its text in it.
std::string readToken(const JsonReader &reader, const char *key, std::string otherwise) {
  const JsonValue *value = reader.find(key);
  const bool isNested = value && value->find("content");
  return isNested ? reader.child(key).string("content", std::move(otherwise))
                  : reader.string(key, std::move(otherwise));
}

/// The template that a value says: itself, or of several the one named "default".
std::optional<ChatTemplateText> templateOf(const JsonReader &reader, const char *file,
                                           const char *key) {
  const JsonValue *found = reader.find(key);
  if (!found)
    return std::nullopt;
  const JsonValue *chosen = found->string() ? found : found->find("default");
  if (const JsonValue::Array *entries = found->array())
    for (const JsonValue &entry : *entries)
      if (const JsonValue *name = entry.find("name");
          name && name->string() && *name->string() == "default")
        chosen = entry.find("template");
  if (!chosen || !chosen->string()) {
    reader.fail(key, "a template, or several of which one is named \"default\"", *found);
    return std::nullopt;
  }
  return ChatTemplateText{*chosen->string(), jsonPlaceText(file, chosen->place()) + ": " + key};
}

/// The chat template that counts, as transformers' tokenizers and processors choose. Others that
/// say something else are named in `ignored`.
std::optional<ChatTemplateText>
chooseTemplate(llvm::StringRef directory, const JsonReader &tokenizer, const JsonReader &processor,
               bool hasVision, std::string &fault, std::vector<std::string> &ignored) {
  constexpr const char *kKey = "chat_template", *kJinja = "chat_template.jinja",
                       *kJson = "chat_template.json";
  std::optional<ChatTemplateText> jinja;
  if (std::string path = findFile(directory, kJinja, fault); !path.empty()) {
    runtime::Result<std::string> text = runtime::readFile(path, kFileLimits.bytes);
    if (text.ok())
      jinja = {std::move(*text), kJinja};
    else
      fault = std::string(kJinja) + ": " + text.status().message();
  }
  const JsonValue json = readFile(directory, kJson, fault);
  static const JsonValue none{JsonValue::Object()};
  const JsonReader legacy(json.isNull() ? none : json, kJson, "", fault, JsonNulls::Absent);
  if (!json.isNull())
    legacy.require(kKey, "a template");
  const auto fromJson = templateOf(legacy, kJson, kKey);
  const auto fromTokenizer = templateOf(tokenizer, "tokenizer_config.json", kKey);
  const auto fromProcessor = templateOf(processor, "processor_config.json", kKey);
  const auto order = hasVision ? std::array{fromProcessor, fromJson, jinja, fromTokenizer}
                               : std::array{jinja, fromTokenizer, fromJson, fromProcessor};
  std::optional<ChatTemplateText> result;
  for (const std::optional<ChatTemplateText> &candidate : order)
    if (candidate && !result)
      result = candidate;
    else if (candidate && candidate->text != result->text)
      ignored.push_back(candidate->place + ": ignored: " + result->place + " counts");
  return result;
}

/// Keys of tokenizer_config.json that are read, or that change no id of a prompt and no text of an
/// answer. Those that end in _token are names of tokens.
const llvm::StringSet<> &tokenizerKeys() {
  static const llvm::StringSet<> known = {
      // read
      "add_bos_token", "add_eos_token", "added_tokens_decoder", "chat_template", "bluec_chat",
      // tokenizer.json has what they say
      "additional_special_tokens", "tokenizer_class", "backend", "legacy", "vocab_file",
      "merges_file", "tokenizer_file", "unk_id", "sp_model_kwargs", "use_fast", "trim_offsets",
      "errors",
      // batches and lengths
      "model_max_length", "max_length", "padding", "padding_side", "truncation", "truncation_side",
      "truncation_strategy", "stride", "pad_to_multiple_of", "pad_token_type_id",
      "model_input_names", "return_token_type_ids", "model_specific_special_tokens",
      // where the file comes from
      "name_or_path", "processor_class", "auto_map", "is_local", "local_files_only",
      "special_tokens_map_file", "transformers_version"};
  return known;
}

ChatConfig readChat(const JsonReader &reader, const JsonReader &map, const JsonReader &processor,
                    const JsonReader &config) {
  ChatConfig chat;
  chat.imageTokenId = config.integer("image_token_id", 0, kLargestCount);
  if (!chat.imageTokenId)
    chat.imageTokenId = config.integer("image_token_index", 0, kLargestCount);
  chat.imageToken = readToken(reader, "image_token", readToken(processor, "image_token", ""));
  // transformers asks the older file only where there is no added_tokens_decoder.
  std::vector<const JsonReader *> sources = {&reader};
  if (!reader.find("added_tokens_decoder"))
    sources.push_back(&map);
  for (const JsonReader *source : sources)
    for (const JsonMember &member : *source->value().object()) {
      const JsonValue *content = member.value.find("content");
      const JsonValue &value = content ? *content : member.value;
      if (llvm::StringRef(member.name).ends_with("_token") && value.string() &&
          !value.string()->empty() && chat.token(member.name).empty())
        chat.tokens.emplace_back(member.name, *value.string());
    }
  chat.endToken = chat.token("eos_token");
  const auto readSwitch = [&](const char *key, std::optional<bool> &to) {
    if (reader.find(key))
      to = reader.boolean(key, false);
  };
  if (const JsonValue::Array *more = reader.list("additional_special_tokens", 0, 1 << 16))
    for (const JsonValue &entry : *more) {
      const JsonValue *content = entry.find("content");
      if (const std::string *text = (content ? *content : entry).string(); text && !text->empty())
        chat.tokens.emplace_back("additional_special_tokens", *text);
    }
  readSwitch("add_bos_token", chat.addBos);
  readSwitch("add_eos_token", chat.addEos);
  return chat;
}

void nameUnknownOfTokenizer(const JsonValue &json, const char *file,
                            std::vector<std::string> &ignored) {
  JsonValue::Object others;
  if (const JsonValue::Object *members = json.object())
    for (const JsonMember &member : *members)
      if (!llvm::StringRef(member.name).ends_with("_token"))
        others.push_back(member);
  nameUnknown(JsonValue(std::move(others)), file, "", tokenizerKeys(), ignored);
}

/// Keys of generation_config.json that are read, or that change no answer of a decoder that says
/// one token after the other.
const llvm::StringSet<> &generationKeys() {
  static const llvm::StringSet<> known = {
      // read
      "eos_token_id", "bos_token_id", "do_sample", "temperature", "top_k", "top_p", "min_p",
      "repetition_penalty", "max_new_tokens", "stop_strings",
      // where the file comes from
      "transformers_version", "_from_model_config", "_commit_hash",
      // batches, how results are given, how memory is kept
      "pad_token_id", "num_return_sequences", "return_dict_in_generate", "output_attentions",
      "output_hidden_states", "output_scores", "output_logits", "use_cache", "cache_implementation",
      "cache_config", "return_legacy_cache", "low_memory", "compile_config", "disable_compile",
      "prefill_chunk_size",
      // encoders with decoders
      "decoder_start_token_id", "is_encoder_decoder",
      // of beams, which `num_beams` asks for
      "num_beam_groups", "diversity_penalty", "length_penalty", "early_stopping",
      // drafts, whose answers are the same
      "assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind",
      "is_assistant", "max_matching_ngram_size", "num_assistant_tokens",
      "num_assistant_tokens_schedule", "prompt_lookup_num_tokens", "target_lookbehind"};
  return known;
}

/// One, or a list.
void readStopStrings(const JsonReader &reader, std::vector<std::string> &out) {
  constexpr const char *kKey = "stop_strings";
  constexpr size_t kMost = 256;
  const JsonValue *found = reader.find(kKey);
  if (!found)
    return;
  auto add = [&](const JsonValue &value) {
    if (value.string() && !value.string()->empty())
      out.push_back(*value.string());
    else
      reader.fail(kKey, "texts", value);
  };
  if (!found->array())
    return add(*found);
  if (const JsonValue::Array *values = reader.list(kKey, 0, kMost, " values"))
    for (const JsonValue &value : *values)
      add(value);
}

void readGeneration(const JsonReader &reader, const JsonValue &json, const char *file,
                    ModelConfig &out) {
  readSampling(reader, out.generate.sampling);
  out.generate.maxNewTokens = reader.integer("max_new_tokens", 1, kLargestCount).value_or(0);
  readStopStrings(reader, out.stopStrings);
  nameUnknown(json, file, "", generationKeys(), out.ignored);
}

/// genai_config.json counts for graph, sizes of a conversation and answers, as onnxruntime-genai
/// takes it; and for all that config.json says, where there is none.
void readGenaiInto(const JsonReader &reader, bool isAlone, ModelConfig &out) {
  out.genai = readGenai(reader, out.ignored);
  out.maxPositions = out.genai->positions;
  out.eosTokenIds = out.genai->eosTokenIds;
  out.generate.sampling = out.genai->sampling;
  if (!isAlone)
    return;
  out.text = out.genai->text;
  out.textFile = kGenaiConfigName;
}

} // namespace

std::string ChatConfig::token(llvm::StringRef name) const {
  for (const auto &[key, text] : tokens)
    if (key == name)
      return text;
  return {};
}

runtime::Preprocess bluec::oneTile() {
  runtime::Preprocess out;
  out.rescale = 1;
  out.candidates = {{1, 1}};
  out.thumbnail = runtime::Thumbnail::None;
  return out;
}

llvm::Expected<ModelConfig> bluec::readModelConfig(llvm::StringRef directory) {
  constexpr const char *kConfigName = "config.json", *kProcessorName = "processor_config.json",
                       *kPreprocessorName = "preprocessor_config.json",
                       *kTokenizerName = "tokenizer_config.json",
                       *kMapName = "special_tokens_map.json",
                       *kGenerationName = "generation_config.json";
  std::string fault;
  const JsonValue configJson = readFile(directory, kConfigName, fault);
  const JsonValue processorJson = readFile(directory, kProcessorName, fault);
  const JsonValue preprocessorJson = readFile(directory, kPreprocessorName, fault);
  const JsonValue tokenizerJson = readFile(directory, kTokenizerName, fault);
  const JsonValue mapJson = readFile(directory, kMapName, fault);
  const JsonValue generationJson = readFile(directory, kGenerationName, fault);
  const JsonValue genaiJson = readFile(directory, kGenaiConfigName, fault);
  if (fault.empty() && configJson.isNull() && genaiJson.isNull())
    fault = "config.json: expected in the model directory, found none";
  if (!fault.empty())
    return llvm::createStringError(fault);

  static const JsonValue none{JsonValue::Object()};
  auto readerOf = [&](const JsonValue &json, const char *file, const char *field = "") {
    return JsonReader(json.isNull() ? none : json, file, field, fault, JsonNulls::Absent);
  };
  const JsonReader config = readerOf(configJson, kConfigName);
  // A vision-language model nests the parts; a model of one part is that part.
  std::string kind = config.string("model_type", "");
  ModelConfig out;
  bool visionOnly = llvm::StringRef(kind).ends_with("_vision_model");
  const JsonValue *visionJson = visionOnly ? &configJson : config.find("vision_config");
  const JsonValue *textJson = config.find("text_config");
  out.hasVision = visionJson != nullptr;
  out.hasText = !visionOnly;
  const JsonReader text = textJson ? readerOf(*textJson, kConfigName, "text_config")
                                   : readerOf(configJson, kConfigName);
  out.text = out.hasText ? scalars(textJson ? textJson : &configJson) : JsonValue();
  out.vision = out.hasVision ? scalars(visionJson) : JsonValue();
  out.textPlace = textJson ? "text_config." : "";
  out.visionPlace = visionOnly ? "" : "vision_config.";
  out.downsample = scalars(config.find("downsample"));
  out.projector = scalars(config.find("projector"));
  if (!genaiJson.isNull())
    readGenaiInto(readerOf(genaiJson, kGenaiConfigName), configJson.isNull(), out);
  if (out.hasText) {
    const JsonReader numbers = configJson.isNull() ? readerOf(out.text, kGenaiConfigName) : text;
    int64_t positions = text.integer("max_position_embeddings", 1, kLargestCount).value_or(0);
    out.maxPositions = out.maxPositions > 0 && positions > 0
                           ? std::min(out.maxPositions, positions)
                           : std::max(out.maxPositions, positions);
    out.layers = numbers.integer("num_hidden_layers", 1, kLargestCount).value_or(0);
  }

  // Newer releases of transformers save a processor's parts in one file, and ask it first.
  constexpr const char *kImageProcessor = "image_processor";
  const JsonValue *nested = processorJson.find(kImageProcessor);
  if (nested && nested->isNull())
    nested = nullptr;
  if (nested || !preprocessorJson.isNull()) {
    out.preprocessPlace = nested ? std::string(kProcessorName) + ": " + kImageProcessor + "."
                                 : std::string(kPreprocessorName) + ": ";
    out.imageTokenCap.source = out.preprocessPlace + "dynamic_resolution.max_image_tokens";
    const JsonReader processor = readerOf(processorJson, kProcessorName);
    out.preprocess = readPreprocess(nested ? processor.child(kImageProcessor)
                                           : readerOf(preprocessorJson, kPreprocessorName),
                                    out.imageTokenCap);
    nameUnknown(nested ? *nested : preprocessorJson, nested ? kProcessorName : kPreprocessorName,
                nested ? "image_processor." : "", preprocessKeys(), out.ignored);
  } else if (visionOnly) {
    out.preprocess = siglipPreprocess();
    if (kind != "siglip_vision_model")
      out.ignored.push_back("preprocessor_config.json: found none: pictures are made ready as "
                            "SigLIP's are, stretched and from -1 to 1");
  } else if (out.hasVision && fault.empty()) {
    fault = "preprocessor_config.json: expected beside a vision encoder (or processor_config.json "
            "with image_processor), found none";
  }
  const JsonReader generation = readerOf(generationJson, kGenerationName);
  for (const JsonReader *source : {&generation, &text, &config})
    if (out.eosTokenIds.empty())
      readTokens(*source, "eos_token_id", out.eosTokenIds);
  if (!out.genai)
    readGeneration(generation, generationJson, kGenerationName, out);
  else if (!generationJson.isNull())
    out.ignored.push_back(std::string(kGenerationName) + ": ignored: " + kGenaiConfigName +
                          " says how answers are made");
  const JsonReader tokenizer = readerOf(tokenizerJson, kTokenizerName);
  const JsonReader processorParts = readerOf(processorJson, kProcessorName);
  if (const JsonValue *old = tokenizer.find("bluec_chat"))
    out.ignored.push_back(
        jsonPlaceText(kTokenizerName, old->place()) +
        ": bluec_chat: ignored: the chat template says what stands around a turn");
  std::optional<ChatTemplateText> source =
      chooseTemplate(directory, tokenizer, processorParts, out.hasVision, fault, out.ignored);
  if (out.hasText && (source || !tokenizerJson.isNull())) {
    out.chat = readChat(tokenizer, readerOf(mapJson, kMapName), processorParts, config);
    out.chat->source = std::move(source);
    nameUnknownOfTokenizer(tokenizerJson, kTokenizerName, out.ignored);
  }
  if (out.chat && !out.hasVision) { // then a picture's token is a text like any other
    out.chat->imageToken.clear();
    out.chat->imageTokenId.reset();
  }
  if (!fault.empty())
    return llvm::createStringError(fault);
  return out;
}
