// Loops that reach a limit of this CPU and do nothing else: measure/MachineLimits times them.
#ifndef BLUEC_RUNTIME_PLATFORM_PEAKLOOPS_H
#define BLUEC_RUNTIME_PLATFORM_PEAKLOOPS_H

#include "abi/bluec_abi.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec::runtime {

// The types that products are made of; sums are 32 bits wide.
enum class DotType { I8, I16, F32 };

// What a ThreadPool runs a loop on: it hands back the call, of which only the fields below are
// ours.
struct LoopJob {
  bluec_call call = {}; // first, so that the call's address is the job's
  const std::uint8_t *data = nullptr;
  std::int64_t count = 0; // of a task: bytes to read, or rounds of products
};

struct DotLoop {
  bluec_kernel_fn kernel = nullptr; // null: no instruction is known
  std::int64_t operations = 0;      // of a round; a multiply-add is two
};

// Independent multiply-adds in registers, by the best instruction for the type among `features`
// (LLVM's names; what compiled code may use) that this CPU has.
DotLoop dotLoop(DotType type, const std::vector<std::string> &features);

// What LoopJob::count has to be a multiple of to be read.
inline constexpr std::int64_t kReadBlockBytes = 512;

// Reads, with loads of the widest vectors that this CPU has.
bluec_kernel_fn readLoop();

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_PEAKLOOPS_H
