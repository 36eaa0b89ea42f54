#include "compiler/import/GeometryModel.h"

#include "compiler/base/JsonReader.h"
#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>

using namespace mlir;
using namespace bluec;

namespace {

constexpr StringLiteral kGeometryFile = "geometry";

//===------------------------------------------------------------------------------------------===//
// The numbers
//===------------------------------------------------------------------------------------------===//

// Generous; and small enough that no product of the sizes of one tensor overflows.
constexpr int64_t kMostWidth = 1 << 17;
constexpr int64_t kMostLayers = 256;
constexpr int64_t kMostVocabulary = 1 << 24;
constexpr int64_t kMostPixels = 1 << 14; // a side of a tile
constexpr int64_t kMostTileTokens = 1 << 16;

/// Reads fields of one object of config.json.
class Fields {
public:
  Fields(const JsonValue &object, const char *name, std::string &fault)
      : reader(object.isNull() ? none() : object, "config.json", name, fault, JsonNulls::Absent) {}

  bool has(const char *key) const { return reader.find(key) != nullptr; }
  /// In 1 .. most; required.
  int64_t size(const char *key, int64_t most = kMostWidth) const {
    reader.require(key, "a whole number");
    return sizeOr(key, 1, most);
  }
  int64_t sizeOr(const char *key, int64_t otherwise, int64_t most = kMostWidth) const {
    return reader.integer(key, 1, most).value_or(otherwise);
  }
  double epsilonOr(const char *key, double otherwise) const {
    return reader.number(key, otherwise, 0, 1);
  }
  bool flagOr(const char *key, bool otherwise) const { return reader.boolean(key, otherwise); }
  /// One of the names; the first when the field is not there.
  std::string choice(const char *key, ArrayRef<std::string> names) const {
    return has(key) ? reader.choice(key, std::span(names.data(), names.size())) : names.front();
  }
  void fail(const char *key, const std::string &expected, int64_t found) const {
    reader.failWith(key, expected, std::to_string(found));
  }

private:
  static const JsonValue &none() {
    static const JsonValue object{JsonValue::Object()};
    return object;
  }

  JsonReader reader;
};

struct VisionSizes {
  int64_t image, patch, channels, hidden, mlp, layers, heads;
  double epsilon;
  std::string activation;
  int64_t side;     // patches
  int64_t fused;    // width behind the downsampler
  int64_t features; // width of an image feature
  std::string projectorActivation;
};

struct TextSizes {
  int64_t vocabulary, hidden, mlp, layers, heads, kvHeads, headDim;
  double rmsEpsilon, layerEpsilon;
  bool stableEmbedding, attentionBias, mlpBias, tied;
};

VisionSizes readVision(const ModelConfig &config, std::string &fault) {
  Fields vision(config.vision, "vision_config", fault);
  VisionSizes sizes;
  sizes.image = vision.size("image_size", kMostPixels);
  sizes.patch = vision.size("patch_size", kMostPixels);
  sizes.channels = vision.sizeOr("num_channels", 3);
  sizes.hidden = vision.size("hidden_size");
  sizes.mlp = vision.size("intermediate_size");
  sizes.layers = vision.size("num_hidden_layers", kMostLayers);
  sizes.heads = vision.size("num_attention_heads");
  sizes.epsilon = vision.epsilonOr("layer_norm_eps", 1e-6);
  sizes.activation = vision.choice("hidden_act", {"gelu_pytorch_tanh", "gelu", "quick_gelu"});
  sizes.side = sizes.image / sizes.patch;
  if (sizes.side < 1 || sizes.side * sizes.side > kMostTileTokens)
    vision.fail("patch_size",
                "one that makes 1 to " + std::to_string(kMostTileTokens) + " patches of a tile",
                sizes.patch);
  if (sizes.hidden % sizes.heads != 0)
    vision.fail("num_attention_heads", "a divisor of hidden_size", sizes.heads);

  Fields downsample(config.downsample, "downsample", fault);
  if (downsample.size("factor", 16) != 2)
    downsample.fail("factor", "2", downsample.size("factor", 16));
  sizes.fused = downsample.size("hidden_size");
  Fields projector(config.projector, "projector", fault);
  sizes.features = projector.size("hidden_size");
  sizes.projectorActivation = projector.choice("hidden_act", {"gelu", "gelu_pytorch_tanh"});
  if (projector.sizeOr("num_layers", 2) != 2)
    projector.fail("num_layers", "2", projector.size("num_layers"));
  return sizes;
}

TextSizes readText(const ModelConfig &config, std::string &fault) {
  Fields text(config.text, "text_config", fault);
  TextSizes sizes;
  sizes.vocabulary = text.size("vocab_size", kMostVocabulary);
  sizes.hidden = text.size("hidden_size");
  sizes.mlp = text.size("intermediate_size");
  sizes.layers = text.size("num_hidden_layers", kMostLayers);
  sizes.heads = text.size("num_attention_heads");
  sizes.kvHeads = text.sizeOr("num_key_value_heads", sizes.heads);
  if (!text.has("head_dim") && sizes.hidden % sizes.heads != 0)
    text.fail("num_attention_heads", "a divisor of hidden_size", sizes.heads);
  sizes.headDim = text.sizeOr("head_dim", sizes.hidden / sizes.heads);
  if (sizes.heads % sizes.kvHeads != 0)
    text.fail("num_key_value_heads", "a divisor of num_attention_heads", sizes.kvHeads);
  if (sizes.headDim % 2 != 0 || sizes.headDim * sizes.heads > kMostWidth)
    text.fail("head_dim",
              "an even number that makes heads of at most " + std::to_string(kMostWidth) +
                  " elements",
              sizes.headDim);
  sizes.rmsEpsilon = text.epsilonOr("rms_norm_eps", 1e-6);
  sizes.layerEpsilon = text.epsilonOr("layer_norm_eps", 1e-5);
  sizes.stableEmbedding = text.flagOr("use_stable_embedding", false);
  sizes.attentionBias = text.flagOr("attention_bias", false);
  sizes.mlpBias = text.flagOr("mlp_bias", false);
  sizes.tied = text.flagOr("tie_word_embeddings", false);
  (void)text.choice("hidden_act", {"silu"});
  return sizes;
}

//===------------------------------------------------------------------------------------------===//
// The layers
//===------------------------------------------------------------------------------------------===//

/// Builds functions one after the other. Values are f32; `path` is the module of the layer that
/// comes next, as exporters name it: "vision_tower.layers.0.mlp.fc1".
class LayerBuilder {
public:
  explicit LayerBuilder(ModuleOp module)
      : module(module), builder(OpBuilder::atBlockEnd(module.getBody())) {}

  RankedTensorType tensor(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getF32Type());
  }

  func::FuncOp begin(blue::Role part, TypeRange arguments) {
    role = blue::stringifyRole(part);
    builder.setInsertionPointToEnd(module.getBody());
    function = func::FuncOp::create(builder, UnknownLoc::get(builder.getContext()), role,
                                    builder.getFunctionType(arguments, {}));
    blue::setRole(function, part);
    builder.setInsertionPointToStart(function.addEntryBlock());
    return function;
  }
  void finish(ValueRange results) {
    func::ReturnOp::create(builder, function.getLoc(), results);
    function.setType(builder.getFunctionType(function.getArgumentTypes(), TypeRange(results)));
  }

  /// `name` is that of the weight: "layers.0.mlp.fc1.weight". A weight of a name that has been
  /// there is the same range of the file.
  Value weight(StringRef name, ArrayRef<int64_t> shape) {
    RankedTensorType type = tensor(shape);
    auto [place, isNew] = places.try_emplace((role + "/" + name).str(), bytes);
    if (isNew)
      bytes += type.getNumElements() * 4;
    return weightAt(name, type, place->second);
  }
  Value weightAt(StringRef name, RankedTensorType type, int64_t offset) {
    auto source = blue::SourceAttr::get(builder.getContext(), kGeometryFile, offset, type);
    return blue::WeightOp::create(builder, locationOf(name.rsplit('.').first), type,
                                  builder.getStringAttr(role + "/" + name), source,
                                  builder.getArrayAttr({}));
  }
  int64_t placeOf(StringRef fullName) const { return places.lookup(fullName); }

  Value linear(StringRef path, Value x, int64_t columns, bool bias) {
    auto type = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> shape(type.getShape());
    Value matrix = weight((path + ".weight").str(), {columns, shape.back()});
    Value row = bias ? weight((path + ".bias").str(), {columns}) : Value();
    shape.back() = columns;
    return blue::LinearOp::create(builder, locationOf(path), tensor(shape), x, matrix, row);
  }
  Value layerNorm(StringRef path, Value x, double epsilon) {
    int64_t columns = cast<RankedTensorType>(x.getType()).getShape().back();
    Value scale = weight((path + ".weight").str(), {columns});
    Value shift = weight((path + ".bias").str(), {columns});
    return blue::LayerNormOp::create(builder, locationOf(path), x.getType(), x, scale, shift,
                                     builder.getF64FloatAttr(epsilon));
  }
  Value rmsNorm(StringRef path, Value x, double epsilon) {
    int64_t columns = cast<RankedTensorType>(x.getType()).getShape().back();
    Value scale = weight((path + ".weight").str(), {columns});
    return blue::RmsNormOp::create(builder, locationOf(path), x.getType(), x, scale,
                                   builder.getF64FloatAttr(epsilon));
  }
  Value add(StringRef path, Value lhs, Value rhs) {
    return blue::AddOp::create(builder, locationOf(path), lhs.getType(), lhs, rhs);
  }
  Value activation(StringRef path, StringRef name, Value x) {
    Location location = locationOf(path);
    if (name == "gelu")
      return blue::GeluOp::create(builder, location, x.getType(), x);
    if (name == "quick_gelu")
      return blue::QuickGeluOp::create(builder, location, x.getType(), x);
    return blue::GeluTanhOp::create(builder, location, x.getType(), x);
  }
  Value attention(StringRef path, Value query, Value key, Value value, int64_t heads) {
    auto width = cast<RankedTensorType>(query.getType()).getShape().back();
    return blue::AttentionOp::create(
               builder, locationOf(path), query.getType(), Type(), Type(), query, key, value,
               Value(), Value(), /*sinks=*/Value(), /*key_basis=*/Value(),
               /*key_table=*/Value(), builder.getI64IntegerAttr(heads),
               builder.getI64IntegerAttr(heads), scaleOf(width / heads), /*causal=*/UnitAttr(),
               /*window=*/IntegerAttr(), /*softcap=*/FloatAttr(), /*compute_type=*/TypeAttr())
        .getResult();
  }

  FloatAttr scaleOf(int64_t headDim) {
    return builder.getF64FloatAttr(1 / std::sqrt(static_cast<double>(headDim)));
  }
  /// An op of module `path` gets its name from it.
  Location locationOf(StringRef path) {
    MLIRContext *context = builder.getContext();
    auto name = StringAttr::get(context, path);
    return FusedLoc::get(context, {NameLoc::get(name)}, name);
  }

  ModuleOp module;
  OpBuilder builder;

private:
  func::FuncOp function;
  StringRef role;
  llvm::StringMap<int64_t> places; // of weights in the file
  int64_t bytes = 0;
};

void buildVision(LayerBuilder &b, const VisionSizes &sizes) {
  constexpr int64_t kAny = ShapedType::kDynamic;
  int64_t tokens = sizes.side * sizes.side;
  func::FuncOp function = b.begin(
      blue::Role::Vision, TypeRange(b.tensor({kAny, sizes.channels, sizes.image, sizes.image})));
  const std::string tower = "vision_tower", patches = tower + ".patch_embedding";
  Value weight =
      b.weight(patches + ".weight", {sizes.hidden, sizes.channels, sizes.patch, sizes.patch});
  Value bias = b.weight(patches + ".bias", {sizes.hidden});
  Value x = blue::PatchEmbedOp::create(b.builder, b.locationOf(patches),
                                       b.tensor({kAny, tokens, sizes.hidden}),
                                       function.getArgument(0), weight, bias);
  x = b.add(tower, x, b.weight(tower + ".position_embedding", {tokens, sizes.hidden}));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    std::string layer = tower + ".layers." + std::to_string(i), attention = layer + ".self_attn",
                mlp = layer + ".mlp";
    Value normed = b.layerNorm(layer + ".layer_norm1", x, sizes.epsilon);
    Value query = b.linear(attention + ".q_proj", normed, sizes.hidden, true);
    Value key = b.linear(attention + ".k_proj", normed, sizes.hidden, true);
    Value value = b.linear(attention + ".v_proj", normed, sizes.hidden, true);
    Value mixed = b.attention(attention, query, key, value, sizes.heads);
    x = b.add(layer, x, b.linear(attention + ".out_proj", mixed, sizes.hidden, true));
    normed = b.layerNorm(layer + ".layer_norm2", x, sizes.epsilon);
    Value wide = b.linear(mlp + ".fc1", normed, sizes.mlp, true);
    wide = b.activation(mlp, sizes.activation, wide);
    x = b.add(layer, x, b.linear(mlp + ".fc2", wide, sizes.hidden, true));
  }
  x = b.layerNorm(tower + ".post_layernorm", x, sizes.epsilon);
  int64_t side = (sizes.side + 1) / 2;
  x = blue::TokenDownsampleOp::create(b.builder, b.locationOf("downsampler.linear"),
                                      b.tensor({kAny, side * side, 4 * sizes.hidden}), x,
                                      b.builder.getI64IntegerAttr(sizes.side),
                                      b.builder.getI64IntegerAttr(sizes.side), UnitAttr());
  x = b.linear("downsampler.linear", x, sizes.fused, true);
  x = b.linear("projector.linear_1", x, sizes.features, true);
  x = b.activation("projector", sizes.projectorActivation, x);
  b.finish(b.linear("projector.linear_2", x, sizes.features, true));
}

void buildEmbed(LayerBuilder &b, const TextSizes &sizes) {
  constexpr int64_t kAny = ShapedType::kDynamic;
  auto ids = RankedTensorType::get({kAny}, b.builder.getI64Type());
  func::FuncOp function = b.begin(blue::Role::Embed, TypeRange(ids));
  Value table = b.weight("embed_tokens.weight", {sizes.vocabulary, sizes.hidden});
  b.finish(blue::EmbeddingOp::create(b.builder, b.locationOf("Gather"),
                                     b.tensor({kAny, sizes.hidden}), function.getArgument(0), table)
               .getResult());
}

void buildDecoder(LayerBuilder &b, const TextSizes &sizes, int64_t context) {
  constexpr int64_t kAny = ShapedType::kDynamic;
  int64_t queryWidth = sizes.heads * sizes.headDim, keyWidth = sizes.kvHeads * sizes.headDim;
  SmallVector<Type> arguments{b.tensor({kAny, sizes.hidden}), b.builder.getIndexType()};
  arguments.append(static_cast<size_t>(2 * sizes.layers), b.tensor({kAny, keyWidth}));
  func::FuncOp function = b.begin(blue::Role::Decoder, arguments);
  Value sine = b.weight("rope_sin", {context, sizes.headDim / 2});
  Value cosine = b.weight("rope_cos", {context, sizes.headDim / 2});
  auto rope = [&](StringRef path, Value x, int64_t heads) -> Value {
    return blue::RopeOp::create(b.builder, b.locationOf(path), x.getType(), x, cosine, sine,
                                function.getArgument(1), heads);
  };
  SmallVector<Value> presents;
  Value x = function.getArgument(0);
  if (sizes.stableEmbedding)
    x = b.layerNorm("embed_layer_norm", x, sizes.layerEpsilon);
  for (int64_t i = 0; i < sizes.layers; ++i) {
    std::string layer = "layers." + std::to_string(i), attention = layer + ".self_attn",
                mlp = layer + ".mlp";
    Value normed = b.rmsNorm(layer + ".input_layernorm", x, sizes.rmsEpsilon);
    Value query = b.linear(attention + ".q_proj", normed, queryWidth, sizes.attentionBias);
    Value key = b.linear(attention + ".k_proj", normed, keyWidth, sizes.attentionBias);
    Value value = b.linear(attention + ".v_proj", normed, keyWidth, sizes.attentionBias);
    query = rope(attention, query, sizes.heads);
    key = rope(attention, key, sizes.kvHeads);
    unsigned past = static_cast<unsigned>(2 + 2 * i);
    Type pastType = function.getArgument(past).getType();
    auto mixed = blue::AttentionOp::create(
        b.builder, b.locationOf(attention), query.getType(), pastType, pastType, query, key, value,
        function.getArgument(past), function.getArgument(past + 1), /*sinks=*/Value(),
        /*key_basis=*/Value(),
        /*key_table=*/Value(), b.builder.getI64IntegerAttr(sizes.heads),
        b.builder.getI64IntegerAttr(sizes.kvHeads), b.scaleOf(sizes.headDim),
        b.builder.getUnitAttr(), /*window=*/IntegerAttr(),
        /*softcap=*/FloatAttr(), /*compute_type=*/TypeAttr());
    presents.append({mixed.getPresentKey(), mixed.getPresentValue()});
    Value out = b.linear(attention + ".o_proj", mixed.getResult(), sizes.hidden, false);
    x = b.add(layer, x, out);
    normed = b.rmsNorm(layer + ".post_attention_layernorm", x, sizes.rmsEpsilon);
    Value gate = b.linear(mlp + ".gate_proj", normed, sizes.mlp, sizes.mlpBias);
    Value up = b.linear(mlp + ".up_proj", normed, sizes.mlp, sizes.mlpBias);
    Value wide = blue::SwigluOp::create(b.builder, b.locationOf(mlp), gate.getType(), gate, up);
    x = b.add(layer, x, b.linear(mlp + ".down_proj", wide, sizes.hidden, sizes.mlpBias));
  }
  x = b.rmsNorm("norm", x, sizes.rmsEpsilon);
  Value head;
  if (sizes.tied) { // the bytes of the table
    Value table = b.weightAt("lm_head.weight", b.tensor({sizes.vocabulary, sizes.hidden}),
                             b.placeOf("embed/embed_tokens.weight"));
    head = blue::LinearOp::create(b.builder, b.locationOf("lm_head"),
                                  b.tensor({kAny, sizes.vocabulary}), x, table, Value());
  } else {
    head = b.linear("lm_head", x, sizes.vocabulary, false);
  }
  presents.insert(presents.begin(), head);
  b.finish(presents);
}

} // namespace

llvm::Error bluec::buildGeometryModel(const ModelConfig &config, int64_t context, ModuleOp module) {
  std::string fault;
  LayerBuilder builder(module);
  if (config.hasVision) {
    VisionSizes sizes = readVision(config, fault);
    if (fault.empty())
      buildVision(builder, sizes);
  }
  if (config.hasText && fault.empty()) {
    TextSizes sizes = readText(config, fault);
    if (fault.empty()) {
      buildEmbed(builder, sizes);
      buildDecoder(builder, sizes, context);
    }
  }
  return fault.empty() ? llvm::Error::success() : llvm::createStringError(fault);
}
