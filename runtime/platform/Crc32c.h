// CRC-32C (Castagnoli; as in iSCSI and ext4), with the CPU's instructions where it has them.
#ifndef BLUEC_RUNTIME_PLATFORM_CRC32C_H
#define BLUEC_RUNTIME_PLATFORM_CRC32C_H

#include <cstddef>
#include <cstdint>

namespace bluec::runtime {

// Of `bytes` bytes. `before` is the checksum of what stands before them: a long text can be summed
// in pieces.
std::uint32_t crc32c(const void *data, std::size_t bytes, std::uint32_t before = 0);
// The same without special instructions, for tests to compare with.
std::uint32_t crc32cPortable(const void *data, std::size_t bytes, std::uint32_t before = 0);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_CRC32C_H
