// How fast a bundle is here, beside what the machine can do. Measures; prints nothing.
#ifndef BLUEC_RUNTIME_MEASURE_BENCHMARK_H
#define BLUEC_RUNTIME_MEASURE_BENCHMARK_H

#include "base/Status.h"
#include "measure/MachineLimits.h"
#include "measure/ResidentMemory.h"
#include "measure/Samples.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bluec::runtime {

inline constexpr std::int64_t kMostEncodedTiles = 1024;

struct BenchmarkOptions {
  std::string bundle; // directory
  int threads = 0;    // 0: one for each CPU
  int repeats = 5;
  std::vector<std::int64_t> prefill;  // tokens; empty: 512 and the context
  std::vector<std::int64_t> decodeAt; // tokens in the cache; empty: 0 and the context
  std::int64_t decodeTokens = 32;     // that are timed in a row
  std::int64_t encode = -1;           // tiles, 0 for none; -1: one batch
  bool overlap = false;               // also with the stages of the encoder overlapped
};

// What the manifest says that a step reads and computes (`step_costs` of an entry point).
struct StepCost {
  std::string op, arithmetic;
  double weightBytes = 0, rowBytes = 0, positionBytes = 0;
  double operations = 0, rowOperations = 0, positionOperations = 0;
  double window = 0; // positions that a row attends to at most; 0: all
};

// Time and work of some steps of one test. The work is the same in every repeat.
struct StepWork {
  std::string op, arithmetic;
  std::int64_t calls = 0; // a repeat
  double weightBytes = 0, cacheBytes = 0, operations = 0;
  Samples seconds;

  double bytes() const { return weightBytes + cacheBytes; }
};

// One thing that is timed: its repeats, and its steps by kernel.
struct BenchmarkTest {
  enum class Kind { Encode, Prefill, Decode } kind = Kind::Encode;
  bool overlapped = false; // the stages of an encoder
  std::int64_t amount = 0; // tiles, tokens, or the depth
  std::int64_t rows = 0;   // that a repeat computes
  Samples seconds;
  Samples between;   // seconds that belong to no step
  Samples bandwidth; // the machine's, around each repeat
  std::map<std::string, StepWork> kernels;
  std::map<std::string, StepWork> ops;  // "linear" and so on
  std::map<std::string, Samples> peaks; // the machine's, by arithmetic
  // Of an encoder: when each call began, and how long it took.
  struct Call {
    std::string entry;
    std::int64_t tiles = 0;
    Samples start, seconds;
  };
  std::vector<Call> calls;

  // "decode at 512"
  std::string name() const;
  // Of all steps.
  double weightBytes() const;
  double cacheBytes() const;
  std::vector<std::pair<std::string, const StepWork *>> slowestFirst() const; // of `kernels`
};

struct BenchmarkResult {
  std::string producer, target, recipe;
  int threads = 0, repeats = 0;
  std::int64_t context = 0, chunk = 0, weightsBytes = 0, cacheBytes = 0;
  double firstLoad = 0;             // seconds
  Samples load;                     // later ones
  Samples bandwidth;                // of the machine's reads
  std::map<DotType, Samples> peaks; // 0: not known
  std::vector<BenchmarkTest> tests;
  std::vector<std::pair<std::string, ResidentMemory>> memory; // by moment
  std::uint64_t peakMemory = 0, peakWithoutVision = 0;
};

// Opens the bundle, runs its entry points on random pixels and tokens, and checks that every logit
// and feature is finite. Repeats go round robin over all that is timed, so that a busy moment hits
// everything a little, and the machine's own figures are taken right before and after each.
Result<BenchmarkResult> runBenchmark(const BenchmarkOptions &options);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_MEASURE_BENCHMARK_H
