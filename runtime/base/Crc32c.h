// CRC-32C (Castagnoli; as in iSCSI and ext4) by tables. platform/Checksums.h has the fastest way of
// this CPU.
#ifndef BLUEC_RUNTIME_BASE_CRC32C_H
#define BLUEC_RUNTIME_BASE_CRC32C_H

#include <cstddef>
#include <cstdint>

namespace bluec::runtime {

// Of `bytes` bytes. `before` is the checksum of the bytes before them: a long text can be summed in
// pieces.
std::uint32_t crc32cPortable(const void *data, std::size_t bytes, std::uint32_t before = 0);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_BASE_CRC32C_H
