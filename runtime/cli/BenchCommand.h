// `bluec bench`: how fast a bundle is here, beside what the machine can do.
#ifndef BLUEC_RUNTIME_CLI_BENCHCOMMAND_H
#define BLUEC_RUNTIME_CLI_BENCHCOMMAND_H

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace bluec::runtime {

struct BenchOptions {
  std::string bundle; // directory
  bool json = false;
  bool steps = false; // also each kernel's share
  int threads = 0;    // 0: one for each CPU
  int repeats = 5;
  std::vector<std::int64_t> prefill;  // tokens; empty: 512 and the context
  std::vector<std::int64_t> decodeAt; // tokens in the cache; empty: 0 and the context
  std::int64_t decodeTokens = 32;     // that are timed in a row
  std::int64_t encode = -1;           // tiles, 0 for none; -1: one batch
  bool overlap = false;               // also with the stages of the encoder overlapped
};

// Opens the bundle, runs its entry points on random pixels and tokens, checks that every logit and
// feature is finite, and prints a table, or with `json` one object; runtime/README.md has its
// schema. Repeats go round robin over all that is timed, so that a busy moment hits everything a
// little, and the machine's own figures are taken right before and after each. Exit codes as
// runCommand.
int benchCommand(const BenchOptions &options, std::ostream &out, std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_BENCHCOMMAND_H
