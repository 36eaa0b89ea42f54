// genai_config.json: what onnxruntime-genai's model builder writes beside a graph.
#ifndef BLUEC_COMPILER_IMPORT_GENAICONFIG_H
#define BLUEC_COMPILER_IMPORT_GENAICONFIG_H

#include "compiler/base/JsonReader.h"
#include "runtime/text/Sampler.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bluec {

inline constexpr char kGenaiConfigName[] = "genai_config.json";

struct GenaiConfig {
  std::string decoder; // the graph's file, relative to the directory
  /// Inputs and outputs of the graph: the name there, and the one that bluec knows. %d is a layer.
  std::vector<std::pair<std::string, std::string>> inputs, outputs;
  int64_t positions = 0; // of a conversation, prompt and answers together
  std::vector<int64_t> eosTokenIds;
  runtime::SamplingOptions sampling;
  /// The decoder's sizes under the names that config.json has for them.
  JsonValue text;
};

/// What `root` says of a language model. A folder of several parts (vision, speech, an encoder) and
/// inputs that bluec does not feed are a fault. `ignored` gets a line for each key that asks for
/// something that is not done.
GenaiConfig readGenai(const JsonReader &root, std::vector<std::string> &ignored);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_GENAICONFIG_H
