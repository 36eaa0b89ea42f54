// What a file that is cut while it is mapped does to who reads it: zeros and a word, not SIGBUS.
//
// The handler is the process's; it hands on every fault that is not in a guarded mapping to the one
// that was there before.
#ifndef BLUEC_RUNTIME_PLATFORM_MAPPINGGUARD_H
#define BLUEC_RUNTIME_PLATFORM_MAPPINGGUARD_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace bluec::runtime {

class MappingGuard {
public:
  MappingGuard() = default;
  // While it lives, a read of `bytes`, whole pages of a file's mapping, that the file does not have
  // any more finds zeros. When too many mappings are guarded it guards nothing.
  explicit MappingGuard(std::span<const std::uint8_t> bytes);
  MappingGuard(MappingGuard &&other) noexcept;
  MappingGuard &operator=(MappingGuard &&other) noexcept;
  ~MappingGuard();

  // Whether such a read has been.
  bool lostBytes() const;

private:
  int slot = -1; // of the table of mappings; -1: none
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_MAPPINGGUARD_H
