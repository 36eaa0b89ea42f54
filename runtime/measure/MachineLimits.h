// What this machine can do at most: the figures that a benchmark's own are measured against.
#ifndef BLUEC_RUNTIME_MEASURE_MACHINELIMITS_H
#define BLUEC_RUNTIME_MEASURE_MACHINELIMITS_H

#include "platform/PeakLoops.h"
#include "platform/ThreadPool.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bluec::runtime {

const char *dotTypeName(DotType type); // "i8", "i16", "f32"

// Operations (two for each multiply-add) per second of all threads of `pool`, with nothing but
// independent multiply-adds in registers; runs for about `seconds`. The instruction is the best one
// for the type among `features` (LLVM's names; what compiled code may use) that this CPU has. 0
// where none is known for it.
double measureDotPeak(ThreadPool &pool, DotType type, const std::vector<std::string> &features,
                      double seconds);

// Bytes per second that all threads of `pool` read together from `memory`, once, with loads of the
// widest vectors that the CPU has. Memory far larger than the caches, and touched before.
double measureReadBandwidth(ThreadPool &pool, std::span<const std::uint8_t> memory);

// Bytes of the last level of data caches, all of them together, from /sys; 0 where it does not say.
std::int64_t lastLevelCacheBytes();

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_MEASURE_MACHINELIMITS_H
