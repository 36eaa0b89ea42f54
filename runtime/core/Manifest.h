// manifest.json: what a bundle says about itself.
//
// The file is one JSON object. Unknown fields are ignored, so that a later producer can add some;
// fields that are read must be there (unless they say "may be absent") and of the right kind.
//
//   format        "bluec-bundle"
//   version       1
//   producer      the compiler, "bluec 0.1.0"
//   target        {name, triple, cpu, features: [LLVM's names]}
//   recipe        {name}: precision recipe
//   geometry      {context, chunk, image_batch, hidden, vocabulary,   tokens, tokens, tiles,
//   elements
//                  tokens_per_tile, tile_height, tile_width,          0 without a vision side;
//                  pixels vision: {...}, text: {...}}                        free-form, for people
//                 and encode_calls, which may be absent: for each number of tiles from 1 to one
//                 less than image_batch the capacities of the calls that encode them, in order
//                 ([[1], [4], [4]] for a batch of 4); all but the last are filled
//   machine       may be absent: {name, sha256} of the machine description that it was scheduled by
//   devices       may be absent: [{name, runs_on}]: what stands for each device of the schedule
//   preprocess    may be absent (no vision side):
//                 {rescale, mean: [3], std: [3],       (pixel * rescale - mean) / std
//                  pad_color: [3 x 0..255], pad_position: "center" | "top_left",
//                  resample: "lanczos" | "bilinear" | "bicubic",
//                  scheme: "relaxed" | "llava-next" | "internvl",       see vision/Tiles.h
//                  alpha, candidates: [[columns, rows]],                in the order of the model
//                  thumbnail: "none" | "last_if_many" | "first",
//                  max_tokens}                    image tokens a picture; 0: no cap. What gives way
//                                                 is said at capTokens()
//   chat          may be absent (no tokenizer):
//                 {image_token_id: id | null, image_token, bos_token_id: id | null, add_bos,
//                  user_prefix, user_suffix, assistant_prefix, assistant_suffix}
//   generation    may be absent: {eos_token_ids: [id]}
//   entry_points, memory_plan, precision, fusions
//                 for people; the object's own descriptor is what counts. `bluec bench` divides the
//                 entry points' step_costs by times (compiler/machine/StepCosts.h)
//   files         {NAME: {bytes, sha256,           every file of the bundle but this one; NAME has
//                         block_bytes, crc32c}}    no '/'. The last two may be absent: CRC-32C of
//                                                  each block (the last one may be short), eight
//                                                  lower-case digits each, one text
//   checksum      SHA-256 of this file with these 64 digits as '0'
#ifndef BLUEC_RUNTIME_CORE_MANIFEST_H
#define BLUEC_RUNTIME_CORE_MANIFEST_H

#include "core/Status.h"
#include "text/ChatTemplate.h"
#include "vision/Tiles.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

inline constexpr std::string_view manifestName = "manifest.json";
inline constexpr std::string_view codeName = "model.so";
inline constexpr std::string_view weightsName = "weights.bin";
inline constexpr std::string_view tokenizerName = "tokenizer.bin";
inline constexpr int manifestVersion = 1;

struct FileEntry {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256; // 64 lower-case digits
  std::uint64_t blockBytes = 0;
  std::vector<std::uint32_t> blocks; // CRC-32C of each; empty when the manifest has none
};

struct Manifest {
  std::string producer;
  std::string targetName, triple, cpu;
  std::vector<std::string> features;
  std::string recipe;
  std::int64_t context = 0, chunk = 0, imageBatch = 0, hidden = 0, vocabulary = 0;
  std::int64_t tokensPerTile = 0, tileHeight = 0, tileWidth = 0;
  // By number of tiles, from 1; fewer than 64. What they say fits the number; that there are entry
  // points of those capacities is for checkModel to say.
  std::optional<std::vector<std::vector<std::int64_t>>> encodeCalls;
  bool hasPreprocess = false;
  Preprocess preprocess;           // the cap on tokens applied
  std::int64_t maxImageTokens = 0; // of a picture; 0: no cap
  bool hasChat = false;
  ChatTemplate chat;
  std::vector<std::int32_t> endTokens; // that end an answer
  std::vector<FileEntry> files;
  std::string checksum;

  // Null when the bundle has no such file.
  const FileEntry *file(std::string_view name) const;

  // Reads and checks the text of a manifest, its checksum included. BadBundle or Incompatible.
  static Result<Manifest> parse(std::string_view text);
};

// The checksum that `text`, whose own "checksum" has 64 digits of any value, should carry; empty
// when it has none. Writers of bundles use it too.
std::string manifestChecksum(std::string_view text);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MANIFEST_H
