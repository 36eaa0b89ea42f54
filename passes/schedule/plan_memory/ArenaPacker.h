// Packs buffers with known lifetimes into one arena.
#ifndef BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_ARENAPACKER_H
#define BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_ARENAPACKER_H

#include <cstdint>
#include <vector>

namespace bluec {

/// A buffer that is alive from step `first` to step `last`, both included.
struct Lifetime {
  int64_t first = 0;
  int64_t last = 0;
  int64_t bytes = 0;
};

struct Packing {
  std::vector<int64_t> offsets; // bytes, multiples of the alignment, one a lifetime
  int64_t bytes = 0;            // of the arena, a multiple of the alignment
};

/// Two buffers whose lifetimes share a step share no byte. Deterministic; the result is the smaller
/// of two packings, which place buffers in order of size and in order of the pressure at their
/// steps, each at the tightest gap that it fits.
/// Precondition: first <= last, bytes >= 0, alignment a power of two.
Packing packArena(const std::vector<Lifetime> &lifetimes, int64_t alignment);

/// The most bytes that are alive at one step, each buffer rounded up to the alignment: no packing
/// is smaller.
int64_t lowerBound(const std::vector<Lifetime> &lifetimes, int64_t alignment);

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_PLAN_MEMORY_ARENAPACKER_H
