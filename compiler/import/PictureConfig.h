// How pictures become pixels and places in a text, as a processor's JSON files say it.
//
// Which class of transformers does what stands in two tables of PictureConfig.cpp. The names in
// them are the format's, as those of its keys are.
#ifndef BLUEC_COMPILER_IMPORT_PICTURECONFIG_H
#define BLUEC_COMPILER_IMPORT_PICTURECONFIG_H

#include "compiler/base/JsonReader.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/vision/Tiles.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// Image tokens that a picture may have, and who says so.
struct ImageTokenCap {
  int64_t tokens = 0; // 0: no cap
  std::string source; // "preprocessor_config.json: dynamic_resolution.max_image_tokens"
};

/// The preprocessing of whoever says nothing about dynamic resolution: one tile, no thumbnail.
runtime::Preprocess oneTile();

/// What every published SigLIP tower takes: pixels from -1 to 1, one tile to which a picture is
/// stretched.
runtime::Preprocess siglipPreprocess();

/// The only size that pictures get, in pixels.
struct ImageSize {
  int64_t height = 0, width = 0;
};

/// How a processor cuts a picture of three channels into rows, as encoders take them that are for
/// any grid of patches: a row is a patch, `frames` times the same picture, channel by channel;
/// `block` x `block` patches follow each other, block by block.
struct PatchRows {
  ImageSize picture;
  int64_t patch = 0;  // pixels of a side
  int64_t frames = 0; // of a patch
  int64_t block = 0;  // patches of a side
};

/// The preprocessing that an image processor's object says. `processor`: the class that holds it,
/// which has a say in some keys; empty: not known. `size`: what pictures get from a processor that
/// chooses a size for each, which gives `rows`; for any other, and for such a one without it, there
/// is a fault. What bluec does otherwise goes to `ignored`, as lines that begin with a key.
runtime::Preprocess readPreprocess(const JsonReader &reader, llvm::StringRef processor,
                                   std::optional<ImageSize> size, std::optional<PatchRows> &rows,
                                   ImageTokenCap &cap, std::vector<std::string> &ignored);

/// Keys of an image processor that are read, or that change no pixel.
const llvm::StringSet<> &preprocessKeys();

/// What a processor writes for one picture.
struct PicturePlaceholder {
  std::string processor;           // its class; empty: not said
  std::string imageToken;          // what a template has for a picture; empty: as files say
  std::vector<std::string> tokens; // what it writes, and has to be added tokens
  runtime::PicturePieces pieces;
  std::optional<int64_t> tokensPerTile; // as the files have it
  std::string tokensPlace;              // "processor_config.json: image_seq_len"
  std::string warning;                  // what may differ from transformers; empty: nothing
};

/// The class of the first of these files that names one, else the one that transformers takes for
/// the `model_type`; empty when nothing is known.
std::string findProcessorClass(llvm::ArrayRef<JsonReader> files, llvm::StringRef modelType);

/// What that class writes for a picture. Without a class: the image token for each row of features.
/// `files`: processor_config.json, preprocessor_config.json, tokenizer_config.json. `token`: the
/// text of a token that the tokenizer has a name for; empty: there is none. A fault when bluec does
/// not know the class.
PicturePlaceholder readPlaceholder(llvm::StringRef processor, llvm::ArrayRef<JsonReader> files,
                                   const runtime::Preprocess &preprocess,
                                   llvm::function_ref<std::string(llvm::StringRef)> token);

/// Keys at the top of processor_config.json that are read, or that change no picture and no text.
const llvm::StringSet<> &processorKeys();

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_PICTURECONFIG_H
