#include "core/Arenas.h"

#include <algorithm>

namespace bluec::runtime {

Result<Arenas> Arenas::allocate(const Bundle &bundle, std::span<const bluec_entry *const> entries,
                                const char *purpose) {
  Arenas result;
  for (const BundleDevice &place : bundle.devices()) {
    std::int64_t bytes = -1; // no entry
    for (const bluec_entry *entry : entries)
      if (entry->device == place.index)
        bytes = std::max(bytes, entry->arena_bytes);
    result.byDevice.emplace_back();
    if (bytes < 0)
      continue;
    Result<std::unique_ptr<DeviceMemory>> memory =
        place.device->allocate(std::size_t(bytes), purpose, PageBuffer::Pages::Large);
    if (!memory.ok())
      return memory.status();
    result.byDevice.back() = std::move(*memory);
  }
  return result;
}

void Arenas::release() const {
  for (const auto &memory : byDevice)
    if (memory)
      memory->release();
}

} // namespace bluec::runtime
