// The JSON files of a model directory, as far as a bundle needs them.
//
// Graphs say what is computed; these files say what stands around it: how a picture becomes tiles,
// how a turn of a chat becomes tokens, when an answer ends. They are hostile input: every field is
// checked, and an error names file, field, what was expected and what was found.
#ifndef BLUEC_COMPILER_IMPORT_MODELCONFIG_H
#define BLUEC_COMPILER_IMPORT_MODELCONFIG_H

#include "compiler/base/JsonValue.h"
#include "compiler/import/GenaiConfig.h"
#include "compiler/import/PictureConfig.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/Sampler.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// A chat template as it stands in a file.
struct ChatTemplateText {
  std::string text;  // Jinja
  std::string place; // "tokenizer_config.json:12:3: chat_template"
};

/// What the directory says of chats; what it means (`pieces`) shows when the template is evaluated,
/// for which the tokenizer has to be known.
struct ChatConfig {
  std::optional<int64_t> imageTokenId;
  std::string imageToken; // empty: not said
  std::string endToken;   // tokenizer_config.json's eos_token; empty: it has none
  /// The tokens that tokenizer_config.json has a name for ("bos_token").
  std::vector<std::pair<std::string, std::string>> tokens;
  std::optional<bool> addBos, addEos; // which tokenizer.json's post-processor should say, too
  /// Of chat_template.jinja, tokenizer_config.json and so on, the one that counts.
  std::optional<ChatTemplateText> source;
  runtime::ChatTemplate pieces;
  PicturePlaceholder placeholder; // with pictures

  /// Empty: there is no token of that name.
  std::string token(llvm::StringRef name) const;
};

struct ModelConfig {
  bool hasVision = false;   // vision_encoder.onnx has to be there
  bool hasText = false;     // a decoder has to be there
  int64_t maxPositions = 0; // tokens; 0: not said
  int64_t layers = 0;       // of the decoder; 0: not said
  /// With a vision side, of `image_processor` of processor_config.json, or of
  /// preprocessor_config.json where there is no such: (pixel * rescale - mean) / deviation, and
  /// dynamic resolution. That is one of
  ///   dynamic_resolution: {algorithm: "relaxed_aspect_ratio" | "llava_next" | "internvl", alpha,
  ///     grids: [[columns, rows]] | max_tiles (and min_tiles), thumbnail: "none" | "last_if_many" |
  ///     "first", max_image_tokens}
  ///   image_grid_pinpoints: [[height, width]] in pixels, as LLaVA-NeXT's processor has it
  ///   crop_to_patches: true, min_patches, max_patches, as InternVL's has it
  ///   size.longest_edge, max_image_size, do_image_splitting, as Idefics 3's has it
  /// or nothing: one tile, to which a picture is fitted as image_processor_type says. A tile of 0
  /// pixels: not said. What only the graphs know, its tokens, is 0.
  std::optional<runtime::Preprocess> preprocess;
  /// Of a processor that cuts pictures into rows of patches, with the size that was asked for.
  std::optional<PatchRows> patches;
  /// Where it is said, as messages have it: "preprocessor_config.json: ".
  std::string preprocessPlace;
  ImageTokenCap imageTokenCap;
  std::optional<ChatConfig> chat;   // with a tokenizer_config.json or a chat template
  std::vector<int64_t> eosTokenIds; // of generation_config.json, else of config.json
  /// generation_config.json as transformers' generate() takes it: greedy without do_sample.
  runtime::GenerateOptions generate;
  std::vector<std::string> stopStrings; // an answer ends with the first of these in it
  /// What a file says that would change answers and is not done: one line each.
  std::vector<std::string> ignored;
  /// The numbers, strings and booleans of vision_config, text_config and these; null without one.
  JsonValue vision, text, downsample, projector;
  std::string visionPlace, textPlace; // as messages have them: "text_config.", or nothing
  std::string textFile = "config.json";
  /// With a genai_config.json, which then counts for the graph and for how answers are made and
  /// end.
  std::optional<GenaiConfig> genai;
};

/// Reads config.json or genai_config.json and, where they are there, processor_config.json (of
/// which `image_processor`, `processor_class`, `image_token`, `image_seq_len` and `chat_template`
/// are used),
/// preprocessor_config.json, tokenizer_config.json, special_tokens_map.json,
/// generation_config.json, chat_template.jinja and chat_template.json of `directory`. One line on
/// failure. `size`: what every picture gets, of a processor that chooses one for each.
llvm::Expected<ModelConfig> readModelConfig(llvm::StringRef directory,
                                            std::optional<ImageSize> size = std::nullopt);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_MODELCONFIG_H
