#include "base/Crc32c.h"

#include <array>
#include <cstring>

namespace bluec::runtime {
namespace {

// A checksum is a polynomial over GF(2), its highest power in bit 0 (the usual reflected order).
constexpr std::uint32_t kPolynomial = 0x82f63b78;

using Table = std::array<std::uint32_t, 256>;

// tables[n][b]: byte b followed by n zero bytes.
constexpr std::array<Table, 8> makeTables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit)
      sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (std::size_t n = 1; n < tables.size(); ++n)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 255];
  return tables;
}

constexpr std::array<Table, 8> kTables = makeTables();

std::uint64_t loadWord(const std::uint8_t *from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word; // every CPU that bluec has targets for is little-endian
}

std::uint32_t addByte(std::uint32_t sum, std::uint8_t byte) {
  return (sum >> 8) ^ kTables[0][(sum ^ byte) & 255];
}

// Takes and gives the register, which is the checksum's complement.
std::uint32_t addPortable(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  for (; bytes >= 8; bytes -= 8, from += 8) {
    const std::uint64_t word = loadWord(from) ^ sum;
    sum = 0;
    for (std::size_t i = 0; i < 8; ++i)
      sum ^= kTables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; bytes != 0; --bytes, ++from)
    sum = addByte(sum, *from);
  return sum;
}

} // namespace

std::uint32_t crc32cPortable(const void *data, std::size_t bytes, std::uint32_t before) {
  return ~addPortable(~before, static_cast<const std::uint8_t *>(data), bytes);
}

} // namespace bluec::runtime
