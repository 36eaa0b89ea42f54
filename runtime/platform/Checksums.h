// The checksums of base/, with the CPU's instructions where it has them.
#ifndef BLUEC_RUNTIME_PLATFORM_CHECKSUMS_H
#define BLUEC_RUNTIME_PLATFORM_CHECKSUMS_H

#include "base/Sha256.h"

#include <cstddef>
#include <cstdint>

namespace bluec::runtime {

// A SHA-256 that nothing was added to.
Sha256 fastSha256();

// As crc32cPortable().
std::uint32_t crc32c(const void *data, std::size_t bytes, std::uint32_t before = 0);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_CHECKSUMS_H
