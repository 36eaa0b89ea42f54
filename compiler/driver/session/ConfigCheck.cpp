#include "compiler/driver/session/ConfigCheck.h"

#include "compiler/base/JsonReader.h"
#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <set>

using namespace mlir;
using namespace bluec;

namespace {

/// The values that the layers of one part of a model have.
struct Layers {
  std::set<int64_t> heads, kvHeads, headDims, hidden, outputs, patches;
  std::set<int64_t> experts, chosenExperts, expertOutputs;
  std::set<double> rmsEpsilons, layerEpsilons;
  int64_t attentions = 0;
};

int64_t lastDim(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }

Layers layersOf(func::FuncOp part) {
  Layers layers;
  part.walk([&](Operation *op) {
    if (auto attention = dyn_cast<blue::AttentionOp>(op)) {
      ++layers.attentions;
      layers.heads.insert(attention.getNumHeads());
      layers.kvHeads.insert(attention.getNumKvHeads());
      layers.headDims.insert(lastDim(attention.getQuery()) / attention.getNumHeads());
    } else if (auto norm = dyn_cast<blue::RmsNormOp>(op)) {
      layers.rmsEpsilons.insert(norm.getEpsilon().convertToDouble());
      if (norm.getGroups() == 1)
        layers.hidden.insert(lastDim(norm.getX()));
    } else if (auto norm = dyn_cast<blue::LayerNormOp>(op)) {
      layers.layerEpsilons.insert(norm.getEpsilon().convertToDouble());
      if (norm.getGroups() == 1)
        layers.hidden.insert(lastDim(norm.getX()));
    } else if (auto linear = dyn_cast<blue::LinearOp>(op)) {
      layers.outputs.insert(lastDim(linear.getResult()));
    } else if (auto experts = dyn_cast<blue::ExpertLinearOp>(op)) {
      if (!experts.isSum())
        layers.expertOutputs.insert(lastDim(experts.getResult()));
    } else if (auto route = dyn_cast<blue::RouteOp>(op)) {
      layers.experts.insert(lastDim(route.getLogits()));
      layers.chosenExperts.insert(static_cast<int64_t>(route.getChosen()));
    } else if (auto embed = dyn_cast<blue::PatchEmbedOp>(op)) {
      layers.patches.insert(lastDim(embed.getWeight()));
    }
  });
  return layers;
}

class Comparison {
public:
  Comparison(const JsonValue &said, std::string file, std::string place,
             std::vector<std::string> &lines)
      : said(said), file(std::move(file)), place(std::move(place)), lines(lines) {}

  /// `found`: what the graph has; nothing: it has no such layer.
  template <typename Number> void compare(const char *key, const std::set<Number> &found) {
    const JsonValue *value = said.find(key);
    if (!value || found.empty())
      return;
    std::optional<double> number = value->number();
    if (number && llvm::any_of(found, [&](Number each) { return isSame(*number, each); }))
      return;
    std::string expected;
    for (Number each : found)
      expected += (expected.empty() ? "" : " or ") + JsonValue(each).text();
    lines.push_back(jsonPlaceText(file, value->place()) + ": " + place + key + ": expected " +
                    expected + " as in the graph, which counts, found " +
                    JsonReader::shown(*value));
  }

private:
  /// As far as an f32 of the graph can say.
  static bool isSame(double said, double found) {
    constexpr double kNear = 1e-6;
    return std::fabs(said - found) <= kNear * std::fabs(found);
  }

  const JsonValue &said;
  std::string file, place;
  std::vector<std::string> &lines;
};

/// The widths of linear layers that the number may be: a gated one may be two in one.
std::set<int64_t> widths(const Layers &layers, const JsonValue *said) {
  std::optional<int64_t> number = said ? said->integer() : std::nullopt;
  if (number && layers.outputs.contains(2 * *number))
    return {*number};
  return layers.outputs;
}

} // namespace

std::vector<std::string> bluec::contradictions(const ModelConfig &config, ModuleOp model) {
  std::vector<std::string> lines;
  if (auto decoder = blue::partOf(model, blue::Role::Decoder)) {
    Layers layers = layersOf(decoder);
    Comparison text(config.text, config.textFile, config.textPlace, lines);
    text.compare("num_hidden_layers", std::set<int64_t>{layers.attentions});
    text.compare("num_attention_heads", layers.heads);
    text.compare("num_key_value_heads", layers.kvHeads);
    text.compare("head_dim", layers.headDims);
    text.compare("hidden_size", layers.hidden);
    if (layers.experts.empty())
      text.compare("intermediate_size", widths(layers, config.text.find("intermediate_size")));
    else // a key for experts, beside one for layers that may not be there, or one for all
      text.compare(config.text.find("moe_intermediate_size") ? "moe_intermediate_size"
                                                             : "intermediate_size",
                   layers.expertOutputs);
    text.compare("num_local_experts", layers.experts);
    text.compare("num_experts", layers.experts);
    text.compare("num_experts_per_tok", layers.chosenExperts);
    text.compare("rms_norm_eps", layers.rmsEpsilons);
    text.compare("layer_norm_eps", layers.layerEpsilons);
  }
  if (auto vision = blue::partOf(model, blue::Role::Vision)) {
    // Layers behind the one that is selected are not in the graph.
    Layers layers = layersOf(vision);
    Comparison said(config.vision, "config.json", config.visionPlace, lines);
    said.compare("num_attention_heads", layers.heads);
    said.compare("hidden_size", layers.hidden);
    said.compare("intermediate_size", widths(layers, config.vision.find("intermediate_size")));
    said.compare("patch_size", layers.patches);
    said.compare("layer_norm_eps", layers.layerEpsilons);
  }
  return lines;
}
