// What of this process is in memory.
#ifndef BLUEC_RUNTIME_MEASURE_RESIDENTMEMORY_H
#define BLUEC_RUNTIME_MEASURE_RESIDENTMEMORY_H

#include <cstdint>

namespace bluec::runtime {

// In bytes, from /proc/self/status; zeros where there is none.
struct ResidentMemory {
  std::uint64_t now = 0, anonymous = 0, file = 0, peak = 0;
};
ResidentMemory residentMemory();
// Lets `peak` begin again from what is resident now; false where the system cannot.
bool resetPeakMemory();

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_MEASURE_RESIDENTMEMORY_H
