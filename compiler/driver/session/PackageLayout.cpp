#include "compiler/driver/session/PackageLayout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace bluec;
using llvm::StringRef;

namespace {

constexpr StringRef kVision = "vision_encoder", kEmbed = "embed_tokens",
                    kWithPast = "decoder_with_past_model", kFirstCall = "decoder_model";

/// Of decoders, in the order in which they count: what serves every call first.
constexpr StringRef kDecoders[] = {"decoder_model_merged", kWithPast, kFirstCall, "model"};

std::string inside(StringRef directory, StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Empty when it is neither at the top nor in onnx/.
std::string findGraph(const PackagePlace &from, StringRef stem) {
  std::string name = graphName(from, stem);
  for (const std::string &place : {name, "onnx/" + name})
    if (llvm::sys::fs::exists(inside(from.directory, place)))
      return place;
  return "";
}

} // namespace

StringRef bluec::layoutName(Layout layout) {
  switch (layout) {
  case Layout::Parts:
    return "parts";
  case Layout::OneGraph:
    return "one_graph";
  case Layout::DecoderPair:
    return "decoder_pair";
  case Layout::Genai:
    return "genai";
  }
  return "";
}

std::string bluec::graphName(const PackagePlace &from, StringRef stem) {
  return (stem + (from.variant.empty() ? "" : "_" + from.variant) + ".onnx").str();
}

std::string bluec::graphsBeside(StringRef directory) {
  constexpr size_t kMostNamed = 8;
  std::vector<std::string> names;
  for (const char *place : {"", "onnx"}) {
    std::error_code code;
    for (llvm::sys::fs::directory_iterator at(inside(directory, place), code), end;
         !code && at != end; at.increment(code))
      if (llvm::sys::path::extension(at->path()) == ".onnx")
        names.push_back(
            (llvm::Twine(*place ? "onnx/" : "") + llvm::sys::path::filename(at->path())).str());
  }
  if (names.empty())
    return "";
  llvm::sort(names);
  bool isMore = names.size() > kMostNamed;
  names.resize(std::min(names.size(), kMostNamed));
  return " (there are " + llvm::join(names, ", ") + (isMore ? " and others" : "") +
         "; --variant chooses)";
}

PackageGraphs bluec::findGraphs(const PackagePlace &from, const ModelConfig &config) {
  PackageGraphs graphs;
  graphs.vision = findGraph(from, kVision);
  graphs.embed = findGraph(from, kEmbed);
  std::vector<std::string> others;
  for (StringRef stem : llvm::drop_begin(kDecoders))
    others.push_back(graphName(from, stem));
  graphs.expectedDecoder = graphName(from, kDecoders[0]) + " (or " + llvm::join(others, ", ") + ")";
  // A variant is a name of its own, which genai_config.json does not have.
  if (config.genai && from.variant.empty()) {
    graphs.layout = Layout::Genai;
    graphs.expectedDecoder = config.genai->decoder;
    if (llvm::sys::fs::exists(inside(from.directory, config.genai->decoder)))
      graphs.decoder = config.genai->decoder;
    return graphs;
  }
  StringRef chosen;
  for (StringRef stem : kDecoders) {
    std::string file = findGraph(from, stem);
    if (file.empty())
      continue;
    if (graphs.decoder.empty()) {
      graphs.decoder = file;
      chosen = stem;
    } else if (chosen == kWithPast && stem == kFirstCall) {
      graphs.firstCall = file;
    } else {
      graphs.unused.push_back(file);
    }
  }
  graphs.layout = chosen == kWithPast     ? Layout::DecoderPair
                  : !graphs.embed.empty() ? Layout::Parts
                                          : Layout::OneGraph;
  return graphs;
}

bool bluec::hasGraphs(const PackagePlace &from) {
  if (!findGraph(from, kVision).empty() || !findGraph(from, kEmbed).empty())
    return true;
  return llvm::sys::fs::exists(inside(from.directory, kGenaiConfigName)) ||
         llvm::any_of(kDecoders, [&](StringRef stem) { return !findGraph(from, stem).empty(); });
}
