// The files of a bundle, and manifest.json: what a bundle says about itself.
//
// The manifest is one JSON object. Unknown fields are ignored, so that a later producer can add
// some. Fields that are read must be there (unless they "may be absent") and of the right kind.
//
// clang-format off
//   format        "bluec-bundle"
//   version       2
//   producer      the compiler, "bluec 0.1.0"
//   target        {name, triple, cpu, features: [LLVM's names]}
//   devices       [{name, runs_on, loader, code, target}]       at least one, of different names:
//                 name     as the schedule calls it: "npu"
//                 runs_on  what stands for it here: "cpu"       device/Device.h
//                 loader   how its code is loaded:              device/CodeLoader.h
//                          "shared-library", or "linked": it is a part of the program
//                 code     one of the files. It may be of several devices; then their loaders and
//                          targets are the same. Usually it is called "model.so". Absent when it
//                          is linked
//                 target   may be absent: the bundle's
//   recipe        {name}: precision recipe
//   geometry      {context, chunk, hidden, vocabulary,          tokens, tokens, elements, tokens
//                  image_batch, tokens_per_tile,                tiles, tokens,
//                  tile_height, tile_width,                     pixels: 0 without a vision side
//                  vision: {...}, text: {...},                  free-form, for people
//                  encode_calls}                                may be absent: for each number of
//                 tiles from 1 to image_batch - 1 the capacities of the calls that encode them, in
//                 order ([[1], [4], [4]] for a batch of 4). All but the last call are filled
//   machine       may be absent: {name, sha256} of the machine description of its schedule
//   preprocess    may be absent (no vision side):
//                 {rescale, mean: [3], std: [3],                (pixel * rescale - mean) / std
//                  pad_color: [3 x 0..255], pad_position: "center" | "top_left",
//                  resample: "lanczos" | "bilinear" | "bicubic",
//                  scheme: "relaxed" | "llava-next" |           see vision/Tiles.h
//                          "internvl" | "center-crop" | "longest-edge",
//                  alpha, edge,                                 edge: pixels
//                  candidates: [[columns, rows]],        in the order of the model
//                  thumbnail: "none" | "last_if_many" | "first",
//                  max_tokens}                                  image tokens a picture; 0: no cap.
//                                                               capTokens() says what gives way
//   chat          may be absent (no tokenizer):
//                 {image_token_id: id | null, image_token,
//                  picture: {before_one, before, tile,          what stands around a picture's rows
//                            row_end, overview, after},
//                  begin: {text, picture},                      what stands around the items of a
//                  system: null | {before, after: {text,        chat; text/ChatTemplate.h
//                           picture}, trim, trim_text, reserved: [text],
//                           needs_text},
//                  next: {text, picture},
//                  between: {text_text, text_picture, picture_text, picture_picture},
//                  end: {text, picture}, ask, answer, no_answer: text | null,
//                  answer_mark, answer_part: "last" | "behind_first" | "second",
//                  trim_text, trims_turn, trim_answer, trim_marked, pictures_first,
//                  reserved_in_text: [text], reserved_in_answer: [text], needs_text}
//                 trims are {left, right}, each "none" | "newlines" | "spaces"
//   positions     may be absent: rows are numbered one by one, on every axis that they have.
//                 {axes,                                        as entry points take them
//                  picture: {rows, columns}}                    may be absent (no pictures); the grid
//                 of a picture's one tile, for axes of time, height and width: core/RowPositions.h
//   generation    may be absent:
//                 {eos_token_ids: [id],                         what follows may be absent, each: what
//                  max_new_tokens, temperature, top_k, top_p,   answers are made with where nobody
//                  min_p, repetition_penalty,                   says anything else; text/Sampler.h
//                  stop_strings: [text]}                        an answer ends with the first one
//   entry_points, memory_plan, precision, fusions
//                 for people; what counts is in the code: a bluec_model in each code file, with the
//                 entry points of that file's devices. `bluec bench` divides the entry points'
//                 step_costs by times
//   files         {NAME: {bytes, sha256,                        every file of the bundle but this
//                         block_bytes, crc32c}}                 one; NAME has no '/'. The last two
//                 may be absent: CRC-32C of each block (the last one may be short), eight
//                 lower-case digits each, one text
//   checksum      SHA-256 of this file with these 64 digits as '0'
// clang-format on
#ifndef BLUEC_RUNTIME_ABI_BUNDLEFORMAT_H
#define BLUEC_RUNTIME_ABI_BUNDLEFORMAT_H

#include <cstdint>
#include <string_view>

namespace bluec::runtime {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kWeightsName = "weights.bin";
inline constexpr std::string_view kTokenizerName = "tokenizer.bin";
inline constexpr int kManifestVersion = 4;
// The triple of what was source: the form of the code says which machine it is for.
inline constexpr std::string_view kAnyTriple = "any";
// The loader of code that is a part of the program.
inline constexpr std::string_view kLinkedLoader = "linked";

// Limits of what a manifest may say.
inline constexpr int kMostDevices = 16;
inline constexpr std::int64_t kMostBatchTiles = 64;    // geometry.image_batch
inline constexpr int kMostTilesASide = 64;             // of a candidate
inline constexpr std::int64_t kMostTileSide = 1 << 16; // pixels
inline constexpr std::int64_t kMostEdge = 1 << 14;     // pixels

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_ABI_BUNDLEFORMAT_H
