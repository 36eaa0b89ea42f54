#include "cli/BenchCommand.h"

#include "cli/BenchReport.h"
#include "cli/Report.h"
#include "cli/RunCommand.h"

#include <ostream>

namespace bluec::runtime {

OptionTable optionTable(BenchOptions &options) {
  constexpr std::int64_t kMostTokens = 1 << 24;
  return {
      "bench",
      "Measure a bundle beside what this machine can do.",
      {bundleOption(options.bundle),
       {.name = "--prefill",
        .target = &options.prefill,
        .help = "Lengths of prompts in tokens, such as 512,2048 (512 and the context)",
        .whole = {1, kMostTokens}},
       {.name = "--decode-at",
        .target = &options.decodeAt,
        .help = "Tokens in the KV cache when decoding begins, such as 0,2048 (0 and the "
                "context, less the tokens that are timed)",
        .whole = {0, kMostTokens}},
       {.name = "--decode-tokens",
        .target = &options.decodeTokens,
        .help = "Tokens timed in a row (32)",
        .whole = {1, kMostTokens}},
       {.name = "--encode",
        .target = &options.encode,
        .help = "Tiles to encode, 0 for none (one batch)",
        .whole = {0, kMostEncodedTiles}},
       {.name = "--overlap",
        .target = &options.overlap,
        .help = "Encode also with the encoder's two stages overlapped"},
       {.name = "--repeats",
        .target = &options.repeats,
        .help = "How often each is timed (5)",
        .whole = {1, 1000}},
       threadsOption(options.threads),
       {.name = "--steps", .target = &options.steps, .help = "Show also the time of each kernel"},
       {.name = "--json", .target = &options.json, .help = "Print it as JSON"}}};
}

int benchCommand(const BenchOptions &options, std::ostream &out, std::ostream &err) {
  return reportStatus(err, [&]() -> Status {
    const Result<BenchmarkResult> result = runBenchmark(options);
    if (!result.ok())
      return result.status();
    (options.json ? printBenchJson : printBenchTable)(*result, options.bundle, options.steps, out);
    return {};
  });
}

} // namespace bluec::runtime
