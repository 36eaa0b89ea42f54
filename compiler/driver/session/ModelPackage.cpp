#include "compiler/driver/session/ModelPackage.h"

#include "compiler/base/JsonReader.h"
#include "compiler/base/MappedFile.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/import/chat/ChatPieces.h"
#include "compiler/import/tokenizer/ConvertTokenizer.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/vision/Tiles.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <array>
#include <charconv>
#include <cmath>

using namespace mlir;
using namespace bluec;

namespace {

std::string inside(StringRef directory, StringRef name) {
  SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Where an answer ends: with the ids that the configuration says, and with the tokenizer's own end
/// token, if the template ends turns with it or nothing else is said. Without any it would never.
LogicalResult findEndTokens(ModelPackage &package, Diagnostics &diagnostics) {
  std::vector<int64_t> &ids = package.config.eosTokenIds;
  if (const std::optional<ChatConfig> &chat = package.config.chat;
      chat && !chat->endToken.empty() &&
      (ids.empty() || StringRef(chat->pieces.next.text).ltrim().starts_with(chat->endToken))) {
    int64_t id = package.tokens().findAdded(chat->endToken);
    if (id < 0)
      return diagnostics.inputError(
          "tokenizer_config.json: eos_token: expected an added token of tokenizer.json, found " +
          JsonReader::shown(chat->endToken));
    if (!llvm::is_contained(ids, id))
      ids.push_back(id);
  }
  if (ids.empty())
    return diagnostics.inputError("generation_config.json: eos_token_id: expected what ends an "
                                  "answer (or in config.json, or as tokenizer_config.json's "
                                  "eos_token), found none");
  return success();
}

/// transformers takes what a tokenizer writes around a text from tokenizer.json alone.
LogicalResult checkSwitch(const char *key, const std::optional<bool> &said,
                          const std::string &written, Diagnostics &diagnostics) {
  if (!said || *said != written.empty())
    return success();
  return diagnostics.warning(std::string("tokenizer_config.json: ") + key + ": " +
                             (*said ? "true" : "false") +
                             " is ignored: tokenizer.json's post-processor counts, which adds " +
                             (written.empty() ? "nothing" : JsonReader::shown(written)));
}

/// What stands around what is said: as the chat template has it, or as the tokenizer does to any
/// text.
LogicalResult findPieces(ModelPackage &package, const tokenizer::ConvertedTokenizer &converted,
                         Diagnostics &diagnostics) {
  ModelConfig &config = package.config;
  if (!config.chat)
    config.chat.emplace();
  ChatConfig &chat = *config.chat;
  if (config.hasVision && chat.imageToken.empty() && chat.imageTokenId)
    chat.imageToken = package.tokens().bytes(static_cast<int32_t>(*chat.imageTokenId));
  if (config.hasVision && chat.imageToken.empty())
    chat.imageToken = "<image>";
  for (const auto &[name, text] : chat.tokens)
    if (package.tokens().findAdded(text) < 0 &&
        failed(diagnostics.warning("tokenizer_config.json: " + name + ": " +
                                   JsonReader::shown(text) +
                                   " is no added token of tokenizer.json, so it is text")))
      return failure();
  if (chat.source) {
    std::vector<std::string> warnings;
    std::string fault;
    auto pieces = chat::findPieces(
        {.text = chat.source->text, .tokens = chat.tokens, .imageToken = chat.imageToken}, warnings,
        fault);
    if (!pieces)
      return diagnostics.inputError(chat.source->place + ": " + fault);
    for (const std::string &line : warnings)
      if (failed(diagnostics.warning(chat.source->place + ": " + line)))
        return failure();
    chat.pieces = std::move(*pieces);
  } else {
    chat.pieces.imageToken = chat.imageToken;
  }
  for (const std::string &text : chat.placeholder.tokens)
    if (package.tokens().findAdded(text) < 0)
      return diagnostics.inputError("tokenizer.json: expected " + JsonReader::shown(text) +
                                    " among the added tokens, which " + chat.placeholder.processor +
                                    " writes around a picture, found none");
  chat.pieces.picture = chat.placeholder.pieces;
  chat.pieces.imageTokenId = static_cast<int32_t>(chat.imageTokenId.value_or(-1));
  // A tokenizer adds nothing to what a template gives; a processor does, unless that begins with
  // the BOS token.
  std::string bos = chat.token("bos_token");
  const std::string &before = converted.before, &after = converted.after;
  auto open = [&](std::string &piece) {
    if (bos.empty() || !StringRef(piece).starts_with(bos))
      piece.insert(0, before);
  };
  if (!chat.source || config.hasVision) {
    bool hasBos = !bos.empty() && StringRef(chat.pieces.begin.text).starts_with(bos);
    if ((!hasBos && failed(checkSwitch("add_bos_token", chat.addBos, before, diagnostics))) ||
        failed(checkSwitch("add_eos_token", chat.addEos, after, diagnostics)))
      return failure();
    open(chat.pieces.begin.text);
    open(chat.pieces.begin.picture);
    if (chat.pieces.system)
      open(chat.pieces.system->before);
    if (!after.empty())
      return diagnostics.inputError("tokenizer.json: expected nothing behind a prompt, found " +
                                    JsonReader::shown(after) + " (of the post-processor)");
  }
  return success();
}

LogicalResult readTokenizer(const std::string &directory, int64_t vocabulary, ModelPackage &package,
                            Diagnostics &diagnostics) {
  std::string path = inside(directory, "tokenizer.json");
  if (!llvm::sys::fs::exists(path)) {
    if (package.config.chat)
      return diagnostics.inputError(
          "tokenizer.json: expected beside tokenizer_config.json, found none");
    // Graphs alone, for measuring and comparing, and for who makes ids elsewhere.
    return diagnostics.warning("tokenizer.json: found none: the bundle takes no text");
  }
  llvm::Expected<std::string> place = resolveInside(directory, "tokenizer.json");
  if (!place)
    return diagnostics.inputError("tokenizer.json: " + llvm::toString(place.takeError()));
  runtime::Result<tokenizer::ConvertedTokenizer> converted =
      tokenizer::convertTokenizer(*place, inside(directory, "tokenizer_config.json"), vocabulary);
  if (!converted.ok())
    return diagnostics.report(converted.status());
  package.tokenizer = converted->table;
  if (failed(findPieces(package, *converted, diagnostics)))
    return failure();
  return findEndTokens(package, diagnostics);
}

} // namespace

runtime::Tokenizer ModelPackage::tokens() const {
  return *runtime::Tokenizer::fromTable({tokenizer.data(), tokenizer.size()});
}

LogicalResult bluec::readConfiguration(const PackagePlace &from, ModelPackage &package,
                                       Diagnostics &diagnostics) {
  if (!llvm::sys::fs::is_directory(from.directory))
    return diagnostics.inputError(from.directory + ": expected a model directory, found none");
  llvm::Expected<ModelConfig> config = readModelConfig(from.directory, from.imageSize);
  if (!config)
    return diagnostics.report(config.takeError());
  package.config = std::move(*config);
  for (const std::string &line : package.config.ignored)
    if (failed(diagnostics.warning(line)))
      return failure();
  return success();
}

LogicalResult bluec::readTexts(const PackagePlace &from, ModelPackage &package,
                               Diagnostics &diagnostics) {
  if (failed(readConfiguration(from, package, diagnostics)))
    return failure();
  if (!package.config.hasText)
    return success();
  // The table of embeddings is what ids index; without the number any id is taken.
  const JsonValue *said = package.config.text.find("vocab_size");
  std::optional<int64_t> size = said ? said->integer() : std::nullopt;
  int64_t vocabulary = size.value_or(std::numeric_limits<int32_t>::max());
  return readTokenizer(from.directory, vocabulary, package, diagnostics);
}

LogicalResult bluec::readPackage(const PackagePlace &from, ModuleOp module, ModelPackage &package,
                                 Diagnostics &diagnostics) {
  if (failed(readTexts(from, package, diagnostics)))
    return failure();
  return readGraphsOf(from, module, package, diagnostics);
}

LogicalResult bluec::chooseSizes(const ModelConfig &config, std::optional<int64_t> context,
                                 std::optional<int64_t> chunk, ScheduleOptions &sizes,
                                 Diagnostics &diagnostics) {
  constexpr int64_t kDefaultContext = 2048, kDefaultChunk = 128;
  int64_t positions = config.maxPositions; // 0: not said
  sizes.context =
      context.value_or(positions > 0 ? std::min(kDefaultContext, positions) : kDefaultContext);
  sizes.chunk = chunk.value_or(std::min(kDefaultChunk, sizes.context));
  if (positions > 0 && sizes.context > positions)
    return diagnostics.usageError("--context: expected at most the model's " + Twine(positions) +
                                  " positions, found " + Twine(sizes.context));
  // Masks and rotary tables are recognised by evaluating them at up to this many positions.
  constexpr int64_t kLeastContext = 8;
  if (sizes.context < kLeastContext)
    return diagnostics.usageError("--context: expected at least " + Twine(kLeastContext) +
                                  " tokens, found " + Twine(sizes.context));
  if (sizes.chunk > sizes.context)
    return diagnostics.usageError("--chunk: expected at most the context of " +
                                  Twine(sizes.context) + " tokens, found " + Twine(sizes.chunk));
  return success();
}

/// Where the size of a tile is said.
static const char *sizeKey(runtime::Scheme scheme) {
  switch (scheme) {
  case runtime::Scheme::CenterCrop:
    return "crop_size";
  case runtime::Scheme::LongestEdge:
    return "max_image_size";
  default:
    return "size";
  }
}

FailureOr<runtime::Preprocess>
bluec::preprocessOf(const ModelConfig &config, const Geometry &geometry, Diagnostics &diagnostics) {
  runtime::Preprocess result = *config.preprocess;
  result.tokensPerTile = geometry.tokensPerTile;
  const ImageTokenCap &cap = config.imageTokenCap;
  if (cap.tokens > 0) {
    int64_t least = runtime::leastTokens(result);
    if (cap.tokens < least)
      return diagnostics.inputError(cap.source + ": no grid fits: expected at least the " +
                                    Twine(least) + " tokens of the smallest one, found " +
                                    Twine(cap.tokens));
    runtime::capTokens(result, cap.tokens);
  }
  if (geometry.tileHeight == 0)
    return result;
  // Tiles are cut to the size that the configuration says, and fed to the graph.
  bool isSaid = result.tileHeight != 0;
  if (isSaid &&
      (result.tileHeight != geometry.tileHeight || result.tileWidth != geometry.tileWidth))
    return diagnostics.inputError(config.preprocessPlace + sizeKey(result.scheme) + ": expected " +
                                  Twine(geometry.tileHeight) + "x" + Twine(geometry.tileWidth) +
                                  " as the vision encoder takes, found " +
                                  Twine(result.tileHeight) + "x" + Twine(result.tileWidth));
  result.tileHeight = static_cast<int>(geometry.tileHeight);
  result.tileWidth = static_cast<int>(geometry.tileWidth);
  return result;
}

LogicalResult bluec::checkConfig(const ModelConfig &config, const Geometry &geometry,
                                 Diagnostics &diagnostics) {
  if (config.chat)
    if (const auto &said = config.chat->placeholder.tokensPerTile;
        said && geometry.tokensPerTile > 0 && *said != geometry.tokensPerTile)
      return diagnostics.inputError(
          config.chat->placeholder.tokensPlace + ": expected " + Twine(geometry.tokensPerTile) +
          ", as many as the vision encoder's features, found " + Twine(*said));
  if (config.preprocess && geometry.tileHeight != 0 &&
      failed(preprocessOf(config, geometry, diagnostics)))
    return failure();
  int64_t vocabulary = geometry.vocabulary;
  if (vocabulary == 0)
    return success();
  const JsonValue *size = config.text.find("vocab_size");
  if (size && size->integer() != vocabulary)
    return diagnostics.inputError(jsonPlaceText(config.textFile, size->place()) +
                                  ": vocab_size: expected " + Twine(vocabulary) +
                                  ", the decoder's logits, found " + JsonReader::shown(*size));
  auto checkId = [&](StringRef what, int64_t id) -> LogicalResult {
    if (id >= 0 && id < vocabulary)
      return success();
    return diagnostics.inputError(config.textFile + ": " + what + ": expected an id below " +
                                  Twine(vocabulary) + ", found " + Twine(id));
  };
  if (config.chat && config.chat->imageTokenId &&
      failed(checkId("image_token_id", *config.chat->imageTokenId)))
    return failure();
  for (int64_t id : config.eosTokenIds)
    if (failed(checkId("eos_token_id", id)))
      return failure();
  return success();
}

/// What people may want to know of a part of the configuration. A manifest has to stay one that the
/// runtime reads, whatever else is in the part.
static Json forPeople(const JsonValue &part) {
  constexpr size_t kMostMembers = 1000, kLongestText = 1000;
  Json result = Json::object();
  for (const JsonMember &member : *part.object()) {
    const JsonValue &value = member.value;
    if (result.size() == kMostMembers)
      break;
    if (member.name.size() > kLongestText ||
        (value.string() && value.string()->size() > kLongestText))
      continue;
    if (const bool *flag = value.boolean())
      result[member.name] = *flag;
    else if (const std::string *text = value.string())
      result[member.name] = *text;
    else if (std::optional<int64_t> whole = value.integer())
      result[member.name] = *whole;
    else if (std::optional<double> real = value.number(); real && std::isfinite(*real))
      result[member.name] = *real;
  }
  return result;
}

static Json describePreprocess(const runtime::Preprocess &from, const ImageTokenCap &cap) {
  Json candidates = Json::array();
  for (const runtime::Grid &grid : from.candidates)
    candidates.push_back({grid.columns, grid.rows});
  bool isCentered = from.padPosition == runtime::PadPosition::Center;
  return {{"rescale", from.rescale},
          {"mean", from.mean},
          {"std", from.deviation},
          {"pad_color", from.padColor},
          {"pad_position", isCentered ? "center" : "top_left"},
          {"resample", std::string(runtime::filterName(from.filter))},
          {"scheme", std::string(runtime::schemeName(from.scheme))},
          {"alpha", from.alpha},
          {"edge", from.edge},
          {"candidates", std::move(candidates)},
          {"thumbnail", std::string(runtime::thumbnailName(from.thumbnail))},
          {"max_tokens", cap.tokens}};
}

static Json describePicture(const runtime::PicturePieces &from) {
  return {{"before_one", from.beforeOne}, {"before", from.before},     {"tile", from.tile},
          {"row_end", from.rowEnd},       {"overview", from.overview}, {"after", from.after}};
}

static Json describeChat(const runtime::ChatTemplate &from) {
  auto items = [](const runtime::ByItem &pieces) {
    return Json{{"text", pieces.text}, {"picture", pieces.picture}};
  };
  auto trims = [](const runtime::Trims &ends) {
    return Json{{"left", std::string(runtime::trimName(ends.left))},
                {"right", std::string(runtime::trimName(ends.right))}};
  };
  Json system;
  if (from.system)
    system = {{"before", from.system->before},     {"after", items(from.system->after)},
              {"trim", trims(from.system->trims)}, {"trim_text", trims(from.system->textTrims)},
              {"reserved", from.system->reserved}, {"needs_text", from.system->needsText}};
  return {{"image_token_id", from.imageTokenId < 0 ? Json() : Json(from.imageTokenId)},
          {"image_token", from.imageToken},
          {"picture", describePicture(from.picture)},
          {"begin", items(from.begin)},
          {"system", std::move(system)},
          {"next", items(from.next)},
          {"between",
           {{"text_text", from.textText},
            {"text_picture", from.textPicture},
            {"picture_text", from.pictureText},
            {"picture_picture", from.picturePicture}}},
          {"end", items(from.end)},
          {"ask", from.ask},
          {"answer", from.answer},
          {"no_answer", from.noAnswer ? Json(*from.noAnswer) : Json()},
          {"answer_mark", from.answerMark},
          {"answer_part", std::string(runtime::partName(from.answerPart))},
          {"trim_text", trims(from.userTrims)},
          {"trims_turn", from.trimsTurn},
          {"trim_answer", trims(from.answerTrims)},
          {"trim_marked", trims(from.markedTrims)},
          {"pictures_first", from.picturesFirst},
          {"reserved_in_text", from.reservedInText},
          {"reserved_in_answer", from.reservedInAnswer},
          {"needs_text", from.needsText}};
}

/// The number that a file said: the shortest one that is this f32.
static double asSaid(float value) {
  std::array<char, 32> text{};
  char *end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double said = 0;
  std::from_chars(text.data(), end, said);
  return said;
}

void bluec::addConfig(const ModelConfig &config, Json &fields) {
  if (!config.vision.isNull())
    fields["geometry"]["vision"] = forPeople(config.vision);
  if (!config.text.isNull())
    fields["geometry"]["text"] = forPeople(config.text);
  if (config.preprocess)
    fields["preprocess"] = describePreprocess(*config.preprocess, config.imageTokenCap);
  if (config.chat)
    fields["chat"] = describeChat(config.chat->pieces);
  const runtime::SamplingOptions &sampling = config.generate.sampling;
  fields["generation"] = {{"eos_token_ids", config.eosTokenIds},
                          {"stop_strings", config.stopStrings},
                          {"max_new_tokens", config.generate.maxNewTokens},
                          {"temperature", asSaid(sampling.temperature)},
                          {"top_k", sampling.topK},
                          {"top_p", asSaid(sampling.topP)},
                          {"min_p", asSaid(sampling.minP)},
                          {"repetition_penalty", asSaid(sampling.repetitionPenalty)}};
}
