// The graphs of a model directory as functions, each the part that the compiler knows.
#include "compiler/dialect/blue/Blue.h"
#include "compiler/dialect/onnx/inference/ShapeInference.h"
#include "compiler/driver/session/ModelPackage.h"
#include "compiler/import/onnx/GraphImport.h"
#include "passes/onnx/unfold_pictures/UnfoldPictures.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace bluec;

namespace {

/// The name of an input or output of `function`.
StringRef nameOf(func::FuncOp function, unsigned index, bool isInput) {
  auto name = isInput ? function.getArgAttrOfType<StringAttr>(index, onnx::kNameAttr)
                      : function.getResultAttrOfType<StringAttr>(index, onnx::kNameAttr);
  return name ? name.getValue() : "";
}

/// Reads one graph as the function of a role; null on failure.
func::FuncOp importGraph(ModelFiles &files, StringRef place, blue::Role role, ModuleOp module) {
  StringRef symbol = blue::stringifyRole(role);
  if (failed(importOnnxFile(files, place, symbol, module)))
    return {};
  auto function = SymbolTable(module).lookup<func::FuncOp>(symbol);
  blue::setRole(function, role);
  return function;
}

/// `found` by the name that bluec has for it; `names` are pairs of patterns, of which %d is a
/// layer.
std::string renamed(StringRef found, ArrayRef<std::pair<std::string, std::string>> names) {
  for (const auto &[theirs, ours] : names) {
    auto [head, tail] = StringRef(theirs).split("%d");
    auto [ourHead, ourTail] = StringRef(ours).split("%d");
    bool isOfLayers = head.size() != theirs.size();
    if (!isOfLayers && found == theirs)
      return ours;
    StringRef layer = found;
    if (isOfLayers && layer.consume_front(head) && layer.consume_back(tail) && !layer.empty() &&
        llvm::all_of(layer, llvm::isDigit))
      return (ourHead + layer + ourTail).str();
  }
  return found.str();
}

/// genai_config.json says what inputs and outputs are, whatever the graph calls them.
void renameAsGenai(func::FuncOp decoder, const GenaiConfig &config) {
  Builder builder(decoder.getContext());
  for (unsigned i = 0; i < decoder.getNumArguments(); ++i)
    decoder.setArgAttr(i, onnx::kNameAttr,
                       builder.getStringAttr(renamed(nameOf(decoder, i, true), config.inputs)));
  for (unsigned i = 0; i < decoder.getNumResults(); ++i)
    decoder.setResultAttr(
        i, onnx::kNameAttr,
        builder.getStringAttr(renamed(nameOf(decoder, i, false), config.outputs)));
}

bool hasInput(func::FuncOp function, llvm::function_ref<bool(StringRef)> isMeant) {
  return llvm::any_of(llvm::seq(function.getNumArguments()),
                      [&](unsigned i) { return isMeant(nameOf(function, i, true)); });
}

bool takesIds(func::FuncOp decoder) {
  auto has = [&](StringRef name) {
    return hasInput(decoder, [&](StringRef found) { return found == name; });
  };
  return has("input_ids") && !has("inputs_embeds");
}

/// What serves a first call only would compute all of a conversation for each of its tokens.
LogicalResult checkHasPasts(func::FuncOp decoder, StringRef file, Diagnostics &diagnostics) {
  if (hasInput(decoder, [](StringRef name) { return name.starts_with("past"); }))
    return success();
  return diagnostics.inputError(file +
                                ": expected a decoder with a KV cache (past_key_values.N.key and "
                                ".value), found a graph without pasts");
}

/// A processor gives pictures of one size and three channels, whatever sizes a graph could take.
/// Where it says none, the size is the encoder's own.
LogicalResult bindPictures(func::FuncOp vision, const ModelConfig &config) {
  constexpr int64_t kChannels = 3;
  int64_t height = config.preprocess ? config.preprocess->tileHeight : 0;
  int64_t width = config.preprocess ? config.preprocess->tileWidth : 0;
  const JsonValue *size = config.vision.find("image_size");
  if (height == 0 && size)
    height = width = size->integer().value_or(0);
  const int64_t extents[] = {0, kChannels, height, width};
  onnx::ShapeInference inference(vision);
  SmallVector<std::pair<AffineExpr, int64_t>> bound;
  for (BlockArgument argument : vision.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !isa<FloatType>(type.getElementType()) || type.getRank() != 4)
      continue;
    for (auto [dim, extent] : llvm::zip_equal(*inference.facts(argument).dims, extents))
      if (extent > 0 && extent <= onnx::ShapeInference::kMaxDim && isa<AffineSymbolExpr>(dim))
        bound.emplace_back(dim, extent);
  }
  return bound.empty() ? success() : onnx::bindSymbols(vision, bound);
}

/// Rows of patches become a picture of the one size that was asked for (unfold-pictures).
LogicalResult markPatches(func::FuncOp vision, const ModelConfig &config, StringRef file,
                          Diagnostics &diagnostics) {
  for (BlockArgument argument : vision.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || type.getRank() != 2 || !isa<FloatType>(type.getElementType()))
      continue;
    const unsigned index = argument.getArgNumber();
    if (!config.patches)
      return diagnostics.inputError(
          file + ": graph input '" + nameOf(vision, index, true) +
          "': expected pictures (rank 4), or --image-size and a processor that cuts them into "
          "patches, found rows of patches");
    const PatchRows &rows = *config.patches;
    vision.setArgAttr(index, onnx::kPatchesAttr,
                      Builder(vision.getContext())
                          .getDenseI64ArrayAttr({rows.picture.height, rows.picture.width,
                                                 rows.patch, rows.frames, rows.block}));
    return success();
  }
  return success();
}

/// Encoders of transformers give their pooled token, too, and more; one output is a picture's rows.
LogicalResult keepFeatures(func::FuncOp vision, StringRef file, Diagnostics &diagnostics) {
  unsigned count = vision.getNumResults(), kept = count;
  std::vector<std::string> names;
  for (unsigned i = 0; i < count; ++i)
    names.push_back(nameOf(vision, i, false).str());
  for (StringRef name : {"image_features", "last_hidden_state"})
    if (kept == count)
      kept = static_cast<unsigned>(llvm::find(names, name) - names.begin());
  if (count == 1)
    return success();
  if (kept == count)
    return diagnostics.inputError(file +
                                  ": expected one output, or image_features or last_hidden_state "
                                  "among several, found " +
                                  llvm::join(names, ", "));
  std::string name = names[kept];
  names.erase(names.begin() + kept);
  if (failed(diagnostics.warning(file + ": outputs ignored: " + llvm::join(names, ", ") + " (" +
                                 name + " counts)")))
    return failure();
  llvm::BitVector others(count, true);
  others.reset(kept);
  Operation *returned = vision.getBody().front().getTerminator();
  returned->eraseOperands(others);
  return vision.eraseResults(others);
}

/// Where pictures are padded, a processor hides the padding from an encoder that takes a mask.
LogicalResult checkPixelMask(func::FuncOp vision, const ModelConfig &config, StringRef file,
                             Diagnostics &diagnostics) {
  auto isMask = [](StringRef name) { return name == "pixel_attention_mask"; };
  bool isPadded = config.preprocess && (config.preprocess->scheme == runtime::Scheme::Relaxed ||
                                        config.preprocess->scheme == runtime::Scheme::LlavaNext);
  if (!isPadded || !hasInput(vision, isMask))
    return success();
  return diagnostics.warning(file + ": input 'pixel_attention_mask' is taken as all ones: padding "
                                    "around a picture is seen");
}

LogicalResult missing(const Twine &file, const PackagePlace &from, Diagnostics &diagnostics) {
  return diagnostics.inputError(file + ": expected in the model directory, found none" +
                                graphsBeside(from.directory));
}

} // namespace

LogicalResult bluec::readGraphsOf(const PackagePlace &from, ModuleOp module, ModelPackage &package,
                                  Diagnostics &diagnostics) {
  package.files = std::make_shared<ModelFiles>(from.directory);
  ModelFiles &files = *package.files;
  const PackageGraphs graphs = findGraphs(from, package.config);
  if (package.config.hasVision) {
    if (graphs.vision.empty())
      return missing(graphName(from, "vision_encoder"), from, diagnostics);
    func::FuncOp vision = importGraph(files, graphs.vision, blue::Role::Vision, module);
    if (!vision || failed(keepFeatures(vision, graphs.vision, diagnostics)) ||
        failed(checkPixelMask(vision, package.config, graphs.vision, diagnostics)) ||
        failed(bindPictures(vision, package.config)) ||
        failed(markPatches(vision, package.config, graphs.vision, diagnostics)))
      return failure();
  }
  if (!package.config.hasText)
    return success();
  if (graphs.decoder.empty())
    return missing(graphs.expectedDecoder, from, diagnostics);
  func::FuncOp decoder = importGraph(files, graphs.decoder, blue::Role::Decoder, module);
  if (!decoder)
    return failure();
  if (graphs.layout == Layout::Genai)
    renameAsGenai(decoder, *package.config.genai);
  if (failed(checkHasPasts(decoder, graphs.decoder, diagnostics)))
    return failure();
  if (!graphs.firstCall.empty() &&
      failed(diagnostics.warning(graphs.firstCall + ": not read: " + graphs.decoder +
                                 " computes the first call, too, from a past of no tokens")))
    return failure();
  if (takesIds(decoder))
    return graphs.embed.empty()
               ? success()
               : diagnostics.warning(graphs.embed + ": ignored: " + graphs.decoder +
                                     " takes token ids");
  if (graphs.embed.empty())
    return missing(graphName(from, "embed_tokens"), from, diagnostics);
  func::FuncOp embed = importGraph(files, graphs.embed, blue::Role::Embed, module);
  if (!embed)
    return failure();
  embed->moveBefore(decoder);
  return success();
}
