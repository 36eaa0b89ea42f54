#include "compiler/driver/measure/CalibrationModel.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/import/GeometryModel.h"

#include "llvm/Support/FileSystem.h"

#include <vector>

using namespace mlir;
using namespace bluec;

static constexpr const char *kWeightsFile = "weights";
static constexpr int64_t kFileBytes = int64_t{96} << 20; // more than any weight has

// Linears that read the same value (q, k and v; gate and up) are timed together, so they have the
// same types. Of the last layer, a prefill computes one row only after the attention.
const char *const bluec::calibrationRecipe = R"({
  "name": "calibration",
  "rules": [
    {"match": "*", "weights": {"type": "f32"}, "activations": {"type": "f32"}},
    {"match": "vision/*/layers.0/*",
     "weights": {"type": "i8", "group": 128, "method": "nearest"},
     "activations": {"type": "i16"}, "attention": {"type": "i16"}},
    {"match": "vision/*/layers.1/*",
     "weights": {"type": "i8", "group": 128, "method": "nearest"},
     "activations": {"type": "i8", "group": 128}, "attention": {"type": "i8"}},

    {"match": "decoder/layers.{1,2,3,4,5}/*", "cache": {"type": "i8"}},
    {"match": "decoder/layers.{1,3}/*", "attention": {"type": "i16"}},
    {"match": "decoder/layers.{2,4,5}/*", "attention": {"type": "i8"}},
    {"match": "decoder/{layers.0/mlp,layers.1,layers.2}/*",
     "weights": {"type": "i8", "group": 128, "method": "nearest"}},
    {"match": "decoder/{layers.3/*,layers.4/*,layers.5/*,lm_head}",
     "weights": {"type": "i4", "group": 64, "method": "nearest"}},
    {"match": "embed/*", "weights": {"type": "i4", "group": 64, "method": "nearest"}},
    {"match": "decoder/{layers.1/self_attn,layers.2/mlp,layers.3/self_attn,layers.4/mlp}/*",
     "activations": {"type": "i16"}},
    {"match": "decoder/{layers.1/mlp,layers.2/self_attn}/*",
     "activations": {"type": "i8", "group": 128}},
    {"match": "decoder/{layers.3/mlp/*,layers.4/self_attn/*,layers.5/mlp/*,lm_head}",
     "activations": {"type": "i8", "group": 64}}
  ]
})";

/// bluelm-v-3b's configuration (examples/bluelm-v-3b) with fewer layers and tokens.
static ModelConfig configuration() {
  auto parsed = [](const char *json) {
    std::string fault;
    return parseJson(json, "calibration model", JsonLimits(), fault).value();
  };
  ModelConfig config;
  config.hasVision = config.hasText = true;
  config.preprocess = oneTile();
  config.vision = parsed(R"({
    "image_size": 384, "patch_size": 14, "num_channels": 3, "hidden_size": 1152,
    "intermediate_size": 4304, "num_hidden_layers": 3, "num_attention_heads": 16,
    "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh"})");
  config.downsample = parsed(R"({"factor": 2, "hidden_size": 2304})");
  config.projector = parsed(R"({"hidden_size": 2304, "hidden_act": "gelu", "num_layers": 2})");
  config.text = parsed(R"({
    "vocab_size": 8192, "hidden_size": 2304, "intermediate_size": 5760, "num_hidden_layers": 6,
    "num_attention_heads": 36, "num_key_value_heads": 36, "head_dim": 64,
    "use_stable_embedding": true, "hidden_act": "silu", "tie_word_embeddings": true})");
  return config;
}

llvm::Error bluec::buildCalibrationModel(int64_t context, ModuleOp module, ModelConfig &config) {
  config = configuration();
  if (llvm::Error error = buildGeometryModel(config, context, module))
    return error;
  // Each weight begins elsewhere, so that no two are taken for the same; those that are the same
  // in the model stay so.
  constexpr int64_t kStride = 1009 * 64; // floats
  llvm::DenseMap<int64_t, int64_t> places;
  module.walk([&](blue::WeightOp weight) {
    blue::SourceAttr source = weight.getSource();
    int64_t bytes = source.getType().getNumElements() * 4;
    int64_t next = static_cast<int64_t>(places.size()) * kStride * 4 % (kFileBytes - bytes);
    int64_t offset = places.try_emplace(source.getOffset(), next).first->second;
    weight.setSourceAttr(
        blue::SourceAttr::get(module.getContext(), kWeightsFile, offset, source.getType()));
  });
  return llvm::Error::success();
}

llvm::Error bluec::writeCalibrationWeights(const std::string &directory) {
  std::vector<float> numbers(kFileBytes / 4);
  uint32_t state = 1;
  constexpr float kRange = 1.0F / (1U << 31); // to [-1, 1), and further down: sums stay small
  for (float &number : numbers) {
    state = state * 1664525U + 1013904223U;
    number = static_cast<float>(static_cast<int32_t>(state)) * kRange / 32;
  }
  std::string path = directory + "/" + kWeightsFile;
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (!code) {
    out.write(reinterpret_cast<const char *>(numbers.data()), kFileBytes);
    out.close();
    code = out.error();
    out.clear_error();
  }
  return code ? llvm::createStringError(code, path + ": " + code.message())
              : llvm::Error::success();
}
