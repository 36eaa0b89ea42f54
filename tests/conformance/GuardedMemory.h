// Memory for a few buffers with pages between them that nothing may touch: a kernel that reads or
// writes past a buffer by more than its padding to 64 bytes does not get away with it.
#ifndef BLUEC_TESTS_CONFORMANCE_GUARDED_MEMORY_H
#define BLUEC_TESTS_CONFORMANCE_GUARDED_MEMORY_H

#include "tests/conformance/StepModule.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bluec::conformance {

class GuardedMemory {
public:
  /// `ranges` lie within `bytes` as StepModule places them. All bytes are filled with not-a-number.
  GuardedMemory(int64_t bytes, std::vector<StepModule::Range> ranges);
  GuardedMemory(const GuardedMemory &) = delete;
  GuardedMemory &operator=(const GuardedMemory &) = delete;
  ~GuardedMemory();

  uint8_t *data() const { return start; }
  /// The file that the memory is, for another process to map, with the pages that may be touched,
  /// {offset, bytes}.
  std::string path() const;
  size_t bytes() const { return size; }
  std::vector<std::pair<int64_t, int64_t>> opened() const;
  void fillGarbage();
  /// All bytes that may be touched, one range's pages after the other.
  std::vector<uint8_t> snapshot() const;
  /// The same with the bytes of the ranges `blanks` zero.
  std::vector<uint8_t> snapshotWithout(const std::vector<StepModule::Range> &blanks) const;

private:
  int file = -1;
  uint8_t *start = nullptr;
  size_t size = 0;
  std::vector<StepModule::Range> ranges;
};

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_GUARDED_MEMORY_H
