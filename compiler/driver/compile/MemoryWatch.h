// How much memory this process takes at most, by kind.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_MEMORYWATCH_H
#define BLUEC_COMPILER_DRIVER_COMPILE_MEMORYWATCH_H

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace bluec {

/// Bytes. The kinds need not have their peaks at the same time.
struct MemoryPeaks {
  uint64_t resident = 0;  // of all kinds
  uint64_t anonymous = 0; // what the process has allocated
  uint64_t file = 0;      // pages of mapped files, which the system can drop
};

/// The system keeps a peak of the sum only, so a thread looks at the kinds some times a second as
/// long as the object lives.
class MemoryWatch {
public:
  MemoryWatch();
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch &) = delete;
  MemoryWatch &operator=(const MemoryWatch &) = delete;

  /// Until now.
  MemoryPeaks peaks();

private:
  void look(); // `guard` is held

  std::mutex guard;
  std::condition_variable ending;
  bool ended = false;
  MemoryPeaks most;
  std::thread thread; // last, so that it sees the others whole
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_MEMORYWATCH_H
