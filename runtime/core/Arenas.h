// Arenas of entry points that take turns: one on each device, of the largest that runs there.
#ifndef BLUEC_RUNTIME_CORE_ARENAS_H
#define BLUEC_RUNTIME_CORE_ARENAS_H

#include "core/Bundle.h"

#include <memory>
#include <span>
#include <vector>

namespace bluec::runtime {

class Arenas {
public:
  // OutOfMemory. The bundle must outlive it.
  static Result<Arenas> allocate(const Bundle &bundle, std::span<const bluec_entry *const> entries,
                                 const char *purpose);

  // Of the device of one of the entries.
  std::uint8_t *of(const bluec_entry &entry) const { return byDevice[entry.device]->get(); }
  // Lets their pages leave memory.
  void release() const;

private:
  std::vector<std::unique_ptr<DeviceMemory>> byDevice; // null where none of the entries runs
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_ARENAS_H
