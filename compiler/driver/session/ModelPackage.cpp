#include "compiler/driver/session/ModelPackage.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/import/onnx/GraphImport.h"
#include "compiler/import/tokenizer/ConvertTokenizer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bluec;

namespace {

std::string inside(StringRef directory, StringRef name) {
  SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// "vision_encoder.onnx" or "onnx/vision_encoder.onnx"; empty when there is neither.
std::string findGraph(StringRef directory, StringRef name) {
  for (const std::string &place : {name.str(), "onnx/" + name.str()})
    if (llvm::sys::fs::exists(inside(directory, place)))
      return place;
  return "";
}

LogicalResult importGraph(ModelFiles &files, StringRef name, StringRef role, ModuleOp module,
                          Diagnostics &diagnostics) {
  std::string place = findGraph(files.directory(), name);
  if (place.empty())
    return diagnostics.error(name + ": expected in the model directory, found none");
  if (failed(importOnnxFile(files, place, role, module)))
    return failure();
  auto function = SymbolTable(module).lookup<func::FuncOp>(role);
  function->setAttr(blue::kRoleAttr, StringAttr::get(module.getContext(), role));
  return success();
}

LogicalResult readTokenizer(const std::string &directory, int64_t vocabulary, ModelPackage &package,
                            Diagnostics &diagnostics) {
  std::string path = inside(directory, "tokenizer.json");
  if (!llvm::sys::fs::exists(path)) {
    if (package.config.chat)
      return diagnostics.error("tokenizer.json: expected beside tokenizer_config.json, found none");
    return success(); // graphs alone, for measuring and comparing
  }
  runtime::Result<std::vector<uint8_t>> table =
      tokenizer::convertTokenizer(path, inside(directory, "tokenizer_config.json"), vocabulary);
  if (!table.ok())
    return diagnostics.error(table.status().message());
  package.tokenizer = std::move(*table);
  return success();
}

} // namespace

LogicalResult bluec::readPackage(const std::string &directory, ModuleOp module,
                                 ModelPackage &package, Diagnostics &diagnostics) {
  llvm::Expected<ModelConfig> config = readModelConfig(directory);
  if (!config)
    return diagnostics.error(llvm::toString(config.takeError()));
  package.config = std::move(*config);
  ModelFiles files(directory);
  if (package.config.hasVision &&
      failed(importGraph(files, "vision_encoder.onnx", "vision", module, diagnostics)))
    return failure();
  if (!package.config.hasText)
    return success();
  if (failed(importGraph(files, "embed_tokens.onnx", "embed", module, diagnostics)) ||
      failed(importGraph(files, "decoder_model_merged.onnx", "decoder", module, diagnostics)))
    return failure();
  // The table of embeddings is what ids index; without the number any id is taken.
  int64_t vocabulary = std::numeric_limits<int32_t>::max();
  if (package.config.text.contains("vocab_size") &&
      package.config.text["vocab_size"].is_number_integer())
    vocabulary = package.config.text["vocab_size"].get<int64_t>();
  return readTokenizer(directory, vocabulary, package, diagnostics);
}

// A picture of one tile at least has to fit; leastTokens() of the runtime.
static LogicalResult checkTokenCap(const PreprocessConfig &config, const Geometry &geometry,
                                   Diagnostics &diagnostics) {
  int64_t smallest = std::numeric_limits<int64_t>::max();
  for (const auto &[columns, rows] : config.candidates)
    smallest = std::min(smallest, columns * rows * geometry.tokensPerTile);
  if (config.maxTokens == 0 || config.maxTokens >= smallest)
    return success();
  return diagnostics.error(config.maxTokensSource + ": no grid fits: expected at least the " +
                           Twine(smallest) + " tokens of the smallest one, found " +
                           Twine(config.maxTokens));
}

bool bluec::hasGraphs(const std::string &directory) {
  return llvm::any_of(
      ArrayRef<StringRef>{"vision_encoder.onnx", "embed_tokens.onnx", "decoder_model_merged.onnx"},
      [&](StringRef name) { return !findGraph(directory, name).empty(); });
}

LogicalResult bluec::chooseSizes(const ModelConfig &config, std::optional<int64_t> context,
                                 std::optional<int64_t> chunk, ScheduleOptions &sizes,
                                 Diagnostics &diagnostics) {
  constexpr int64_t defaultContext = 2048, defaultChunk = 128;
  int64_t positions = config.maxPositions; // 0: not said
  sizes.context =
      context.value_or(positions > 0 ? std::min(defaultContext, positions) : defaultContext);
  sizes.chunk = chunk.value_or(std::min(defaultChunk, sizes.context));
  if (positions > 0 && sizes.context > positions)
    return diagnostics.error("--context: expected at most the model's " + Twine(positions) +
                             " positions, found " + Twine(sizes.context));
  // Masks and rotary tables are recognised by evaluating them at up to this many positions.
  constexpr int64_t leastContext = 8;
  if (sizes.context < leastContext)
    return diagnostics.error("--context: expected at least " + Twine(leastContext) +
                             " tokens, found " + Twine(sizes.context));
  if (sizes.chunk > sizes.context)
    return diagnostics.error("--chunk: expected at most the context of " + Twine(sizes.context) +
                             " tokens, found " + Twine(sizes.chunk));
  return success();
}

/// Tiles are cut to the size that the configuration says, and fed to the graph.
static LogicalResult checkTiles(const ModelConfig &config, const Geometry &geometry,
                                Diagnostics &diagnostics) {
  if (!config.preprocess || geometry.tileHeight == 0)
    return success();
  const PreprocessConfig &said = *config.preprocess;
  if (failed(checkTokenCap(said, geometry, diagnostics)))
    return failure();
  if (said.tileHeight == 0)
    return success();
  if (said.tileHeight == geometry.tileHeight && said.tileWidth == geometry.tileWidth)
    return success();
  return diagnostics.error("preprocessor_config.json: size: expected " +
                           Twine(geometry.tileHeight) + "x" + Twine(geometry.tileWidth) +
                           " as the vision encoder takes, found " + Twine(said.tileHeight) + "x" +
                           Twine(said.tileWidth));
}

LogicalResult bluec::checkConfig(const ModelConfig &config, const Geometry &geometry,
                                 Diagnostics &diagnostics) {
  if (failed(checkTiles(config, geometry, diagnostics)))
    return failure();
  int64_t vocabulary = geometry.vocabulary;
  if (vocabulary == 0)
    return success();
  if (config.text.contains("vocab_size")) {
    const Json &size = config.text["vocab_size"];
    if (!size.is_number_integer() || size.get<int64_t>() != vocabulary)
      return diagnostics.error("config.json: vocab_size: expected " + Twine(vocabulary) +
                               ", the decoder's logits, found " + size.dump());
  }
  auto checkId = [&](StringRef what, int64_t id) -> LogicalResult {
    if (id >= 0 && id < vocabulary)
      return success();
    return diagnostics.error("config.json: " + what + ": expected an id below " +
                             Twine(vocabulary) + ", found " + Twine(id));
  };
  if (config.chat && config.chat->imageTokenId &&
      failed(checkId("image_token_id", *config.chat->imageTokenId)))
    return failure();
  if (config.chat && config.chat->bosTokenId &&
      failed(checkId("bos_token_id", *config.chat->bosTokenId)))
    return failure();
  for (int64_t id : config.eosTokenIds)
    if (failed(checkId("eos_token_id", id)))
      return failure();
  return success();
}

void bluec::addConfig(const ModelConfig &config, Json &fields) {
  if (!config.vision.is_null())
    fields["geometry"]["vision"] = config.vision;
  if (!config.text.is_null())
    fields["geometry"]["text"] = config.text;
  if (config.preprocess) {
    const PreprocessConfig &from = *config.preprocess;
    fields["preprocess"] = {{"rescale", from.rescale},
                            {"mean", from.mean},
                            {"std", from.deviation},
                            {"pad_color", from.padColor},
                            {"pad_position", from.padPosition},
                            {"resample", from.resample},
                            {"scheme", from.scheme},
                            {"alpha", from.alpha},
                            {"candidates", from.candidates},
                            {"thumbnail", from.thumbnail},
                            {"max_tokens", from.maxTokens}};
  }
  if (config.chat) {
    const ChatConfig &from = *config.chat;
    auto orNull = [](const std::optional<int64_t> &id) { return id ? Json(*id) : Json(); };
    fields["chat"] = {{"image_token_id", orNull(from.imageTokenId)},
                      {"image_token", from.imageToken},
                      {"bos_token_id", orNull(from.bosTokenId)},
                      {"add_bos", from.addBos},
                      {"user_prefix", from.userPrefix},
                      {"user_suffix", from.userSuffix},
                      {"assistant_prefix", from.assistantPrefix},
                      {"assistant_suffix", from.assistantSuffix}};
  }
  fields["generation"] = {{"eos_token_ids", config.eosTokenIds}};
}
