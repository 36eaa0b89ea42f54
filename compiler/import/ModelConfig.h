// The JSON files of a model directory, as far as a bundle needs them.
//
// Graphs say what is computed; these files say what stands around it: how a picture becomes tiles,
// how a turn of a chat becomes tokens, when an answer ends. They are hostile input: every field is
// checked, and an error names file, field, what was expected and what was found.
#ifndef BLUEC_COMPILER_IMPORT_MODELCONFIG_H
#define BLUEC_COMPILER_IMPORT_MODELCONFIG_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bluec {

/// preprocessor_config.json: (pixel * rescale - mean) / deviation, and dynamic resolution
/// (runtime/vision/Tiles.h says what the schemes do). That is one of
///   dynamic_resolution: {algorithm: "relaxed_aspect_ratio" | "llava_next" | "internvl", alpha,
///     grids: [[columns, rows]] | max_tiles (and min_tiles), thumbnail: "none" | "last_if_many" |
///     "first", max_image_tokens}
///   image_grid_pinpoints: [[height, width]] in pixels, as LLaVA-NeXT's processor has it
///   crop_to_patches: true, min_patches, max_patches, as InternVL's has it
/// or nothing: one tile.
struct PreprocessConfig {
  double rescale = 1;
  std::array<double, 3> mean{};
  std::array<double, 3> deviation{1, 1, 1};
  std::array<int64_t, 3> padColor{};                           // 0 .. 255
  std::string padPosition = "center";                          // or "top_left"
  int64_t tileHeight = 0;                                      // pixels
  int64_t tileWidth = 0;                                       // pixels
  std::string resample = "bicubic";                            // or "bilinear", "lanczos"
  std::string scheme = "relaxed";                              // or "llava-next", "internvl"
  double alpha = 0.1;                                          // of relaxed aspect ratio matching
  std::vector<std::pair<int64_t, int64_t>> candidates{{1, 1}}; // columns, rows, as listed
  std::string thumbnail = "none";                              // or "last_if_many", "first"
  int64_t maxTokens = 0;                                       // of a picture; 0: no cap
};

/// What stands around a turn. `bluec_chat` of tokenizer_config.json, or the ChatML that a
/// `chat_template` spells; nothing around it when the directory has neither.
struct ChatConfig {
  std::optional<int64_t> imageTokenId;
  std::string imageToken;
  std::optional<int64_t> bosTokenId;
  bool addBos = false;
  std::string userPrefix, userSuffix, assistantPrefix, assistantSuffix;
};

struct ModelConfig {
  bool hasVision = false;   // vision_encoder.onnx has to be there
  bool hasText = false;     // embed_tokens.onnx and decoder_model_merged.onnx have to be there
  int64_t maxPositions = 0; // tokens; 0: not said
  int64_t layers = 0;       // of the decoder; 0: not said
  std::optional<PreprocessConfig> preprocess; // with a vision side
  std::optional<ChatConfig> chat;             // with a tokenizer
  std::vector<int64_t> eosTokenIds;
  nlohmann::ordered_json vision, text; // the numbers of vision_config and text_config, for people
  nlohmann::ordered_json downsample, projector; // and of these
};

/// Reads config.json and, where they are there, preprocessor_config.json, tokenizer_config.json and
/// generation_config.json of `directory`. One line on failure.
llvm::Expected<ModelConfig> readModelConfig(llvm::StringRef directory);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_MODELCONFIG_H
