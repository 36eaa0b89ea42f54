// `bluec run`: one question, with pictures, to a bundle.
#ifndef BLUEC_RUNTIME_CLI_RUNCOMMAND_H
#define BLUEC_RUNTIME_CLI_RUNCOMMAND_H

#include "cli/OptionTable.h"
#include "text/Sampler.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace bluec::runtime {

// Exit codes of the commands. 2, a wrong command line, is for whoever parses it.
enum ExitCode : int { ExitDone = 0, ExitInputAtFault = 1, ExitCommandLine = 2, ExitInternal = 3 };

// How an answer is made; the same for `run` and `chat`.
struct AnswerOptions {
  // What is not said is as the bundle says.
  std::optional<std::int64_t> maxNewTokens, topK;
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::string system; // UTF-8; empty: none
  std::uint64_t seed = 0;
  int threads = 0; // 0: one for each CPU

  GenerateOptions over(GenerateOptions bundles) const;
};
void addAnswerOptions(AnswerOptions &options, OptionTable &table);

// What several commands take.
Option bundleOption(std::string &bundle);
Option threadsOption(int &threads);

struct RunOptions : AnswerOptions {
  std::string bundle; // directory
  std::string prompt; // UTF-8; "<image>" (the manifest's placeholder) says where a picture stands
  std::vector<std::string> images; // PNG or JPEG files, in order
  bool json = false;
  // Not empty: the logits of the answer's first token go there, float32, little-endian, raw.
  std::string dumpLogits;
  // Not empty: what ran when goes there (Trace.h), beside the plan's trace if that is given.
  std::string trace, traceBeside;
};

OptionTable optionTable(RunOptions &options);

// Prints the answer as it comes, or with `json` one object at the end:
//   {"text", "tokens": [ids of the answer], "prompt_tokens": [ids; a picture's positions are the
//    image token], "stop": "end" | "length" | "context", "tiles", "threads", "seconds": {"open",
//    "decode_picture", "tile", "encode", "tokenize", "prefill", "generate"},
//    "tokens_per_second": {"prefill", "generate"}, "first_token": {"id", "logit"}}
// Errors are one line on `err`. Returns an ExitCode.
int runCommand(const RunOptions &options, std::ostream &out, std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_RUNCOMMAND_H
