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
      "extra_special_tokens",
      // where the file comes from
      "name_or_path", "processor_class", "auto_map", "is_local", "local_files_only",
      "special_tokens_map_file", "transformers_version"};
  return known;
}

/// Members such as "bos_token", as a text or as an object with its text in it.
void addNamedTokens(const JsonValue &from, ChatConfig &chat) {
  if (const JsonValue::Object *members = from.object())
    for (const JsonMember &member : *members) {
      const JsonValue *content = member.value.find("content");
      const JsonValue &value = content ? *content : member.value;
      if (llvm::StringRef(member.name).ends_with("_token") && value.string() &&
          !value.string()->empty() && chat.token(member.name).empty())
        chat.tokens.emplace_back(member.name, *value.string());
    }
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
    addNamedTokens(source->value(), chat);
  // Those of one model only, by either of two names.
  for (const char *key : {"model_specific_special_tokens", "extra_special_tokens"})
    if (const JsonValue *named = reader.find(key))
      addNamedTokens(*named, chat);
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

/// What a processor's file says of patches has to be what the encoder's says.
static void checkPatches(const PatchRows &rows, const JsonReader &vision) {
  const std::pair<const char *, int64_t> said[] = {{"patch_size", rows.patch},
                                                   {"temporal_patch_size", rows.frames},
                                                   {"spatial_merge_size", rows.block}};
  for (const auto &[key, number] : said)
    if (const JsonValue *own = vision.find(key); own && own->integer() != number)
      vision.fail(key, std::to_string(number) + ", as the image processor has it", *own);
}

llvm::Expected<ModelConfig> bluec::readModelConfig(llvm::StringRef directory,
                                                   std::optional<ImageSize> size) {
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

  std::vector<JsonReader> classes;
  for (const auto &[json, file] :
       {std::pair(&processorJson, kProcessorName), std::pair(&preprocessorJson, kPreprocessorName),
        std::pair(&tokenizerJson, kTokenizerName)})
    classes.push_back(readerOf(*json, file));
  const std::string processorClass = findProcessorClass(classes, kind);

  // Newer releases of transformers save a processor's parts in one file, and ask it first.
  constexpr const char *kImageProcessor = "image_processor";
  const JsonValue *nested = processorJson.find(kImageProcessor);
  if (nested && nested->isNull())
    nested = nullptr;
  if (nested || !preprocessorJson.isNull()) {
    out.preprocessPlace = nested ? std::string(kProcessorName) + ": " + kImageProcessor + "."
                                 : std::string(kPreprocessorName) + ": ";
    std::vector<std::string> differs;
    out.imageTokenCap.source = out.preprocessPlace + "dynamic_resolution.max_image_tokens";
    const JsonReader processor = readerOf(processorJson, kProcessorName);
    out.preprocess = readPreprocess(nested ? processor.child(kImageProcessor)
                                           : readerOf(preprocessorJson, kPreprocessorName),
                                    processorClass, size, out.patches, out.imageTokenCap, differs);
    if (out.patches && visionJson)
      checkPatches(*out.patches,
                   readerOf(*visionJson, kConfigName, visionOnly ? "" : "vision_config"));
    for (const std::string &line : differs)
      out.ignored.push_back(out.preprocessPlace + line);
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
  if (size && !out.patches && fault.empty())
    fault = "--image-size: expected a processor that chooses a size for each picture, found none";
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
    if (out.hasVision) {
      nameUnknown(processorJson, kProcessorName, "", processorKeys(), out.ignored);
      out.chat->placeholder =
          readPlaceholder(processorClass, classes, out.preprocess.value_or(oneTile()),
                          [&](llvm::StringRef name) { return out.chat->token(name); });
      if (!out.chat->placeholder.imageToken.empty())
        out.chat->imageToken = out.chat->placeholder.imageToken;
      if (!out.chat->placeholder.warning.empty())
        out.ignored.push_back(out.chat->placeholder.warning);
    }
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
