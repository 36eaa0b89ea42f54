// Which files of a model directory are the graphs of its parts.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_PACKAGELAYOUT_H
#define BLUEC_COMPILER_DRIVER_SESSION_PACKAGELAYOUT_H

#include "compiler/import/ModelConfig.h"

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace bluec {

/// Where a package is, and which of its graphs are meant.
struct PackagePlace {
  std::string directory;
  std::string variant; // fp16: decoder_model_merged_fp16.onnx; empty: decoder_model_merged.onnx
  /// What every picture gets, of a processor that chooses a size for each.
  std::optional<ImageSize> imageSize = std::nullopt;
};

/// The layouts in which packages are published.
enum class Layout {
  Parts,       // embed_tokens.onnx and a decoder of embeddings
  OneGraph,    // a decoder of token ids
  DecoderPair, // decoder_model.onnx for the first call, decoder_with_past_model.onnx for all others
  Genai,       // genai_config.json of onnxruntime-genai names the graph
};

/// "parts", "one_graph", "decoder_pair", "genai"
llvm::StringRef layoutName(Layout layout);

/// Files relative to the directory; empty: there is none.
struct PackageGraphs {
  Layout layout = Layout::Parts;
  std::string vision, embed, decoder;
  std::string firstCall;       // of a pair, beside `decoder`, which computes the first call, too
  std::string expectedDecoder; // what `decoder` should be, for a message
  std::vector<std::string> unused; // further decoders, which are other forms of the same
};

/// At the top of the directory or in onnx/. Nothing is read.
PackageGraphs findGraphs(const PackagePlace &from, const ModelConfig &config);

/// Whether one of the graphs of a package is there. A directory of configuration files alone has a
/// geometry (buildGeometryModel).
bool hasGraphs(const PackagePlace &from);

/// "embed_tokens_fp16.onnx", whether it is there or not.
std::string graphName(const PackagePlace &from, llvm::StringRef stem);

/// What lies where graphs are looked for, for a message: " (there are a.onnx and b.onnx; ...)".
std::string graphsBeside(llvm::StringRef directory);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_PACKAGELAYOUT_H
