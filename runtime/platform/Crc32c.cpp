#include "platform/Crc32c.h"

#include "platform/CpuFeatures.h"

#include <array>
#include <cstring>

namespace bluec::runtime {
namespace {

// A checksum is a polynomial over GF(2), its highest power in bit 0 (the usual reflected order).
constexpr std::uint32_t polynomial = 0x82f63b78;

using Table = std::array<std::uint32_t, 256>;

// tables[n][b]: byte b followed by n zero bytes.
constexpr std::array<Table, 8> makeTables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit)
      sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
    tables[0][byte] = sum;
  }
  for (std::size_t n = 1; n < tables.size(); ++n)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 255];
  return tables;
}

constexpr std::array<Table, 8> tables = makeTables();

std::uint64_t loadWord(const std::uint8_t *from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word; // every CPU that bluec has targets for is little-endian
}

std::uint32_t addByte(std::uint32_t sum, std::uint8_t byte) {
  return (sum >> 8) ^ tables[0][(sum ^ byte) & 255];
}

// All of these take and give the register, which is the checksum's complement.
std::uint32_t addPortable(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  for (; bytes >= 8; bytes -= 8, from += 8) {
    const std::uint64_t word = loadWord(from) ^ sum;
    sum = 0;
    for (std::size_t i = 0; i < 8; ++i)
      sum ^= tables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; bytes != 0; --bytes, ++from)
    sum = addByte(sum, *from);
  return sum;
}

#if defined(__x86_64__)

// One instruction takes eight bytes but answers three cycles later, so three neighbouring lanes are
// summed at a time. Their sums are put together by shifting: a register times x^(8 * lane), by
// table.
constexpr std::size_t laneBytes = 4096;

constexpr std::array<Table, 4> makeShift() {
  // What each bit of a register becomes after laneBytes zero bytes.
  std::array<std::uint32_t, 32> ofBit{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t sum = std::uint32_t(1) << bit;
    for (std::size_t byte = 0; byte < laneBytes; ++byte)
      sum = (sum >> 8) ^ tables[0][sum & 255];
    ofBit[bit] = sum;
  }
  std::array<Table, 4> shift{};
  for (std::size_t part = 0; part < 4; ++part)
    for (std::size_t byte = 0; byte < 256; ++byte)
      for (std::size_t bit = 0; bit < 8; ++bit)
        if ((byte >> bit & 1) != 0)
          shift[part][byte] ^= ofBit[8 * part + bit];
  return shift;
}

std::uint32_t shiftLane(std::uint32_t sum) {
  static const std::array<Table, 4> shift = makeShift();
  return shift[0][sum & 255] ^ shift[1][sum >> 8 & 255] ^ shift[2][sum >> 16 & 255] ^
         shift[3][sum >> 24];
}

__attribute__((target("sse4.2"))) std::uint32_t
addHardware(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  for (; bytes >= 3 * laneBytes; bytes -= 3 * laneBytes, from += 3 * laneBytes) {
    std::uint64_t a = sum, b = 0, c = 0;
    for (std::size_t i = 0; i < laneBytes; i += 8) {
      a = __builtin_ia32_crc32di(a, loadWord(from + i));
      b = __builtin_ia32_crc32di(b, loadWord(from + laneBytes + i));
      c = __builtin_ia32_crc32di(c, loadWord(from + 2 * laneBytes + i));
    }
    sum = shiftLane(shiftLane(std::uint32_t(a)) ^ std::uint32_t(b)) ^ std::uint32_t(c);
  }
  for (; bytes >= 8; bytes -= 8, from += 8)
    sum = std::uint32_t(__builtin_ia32_crc32di(sum, loadWord(from)));
  for (; bytes != 0; --bytes, ++from)
    sum = __builtin_ia32_crc32qi(sum, *from);
  return sum;
}

constexpr std::string_view hardwareFeature = "sse4.2";

#elif defined(__aarch64__)

__attribute__((target("+crc"))) std::uint32_t
addHardware(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  for (; bytes >= 8; bytes -= 8, from += 8) {
    const std::uint64_t word = loadWord(from);
    __asm__("crc32cx %w0, %w0, %1" : "+r"(sum) : "r"(word));
  }
  return addPortable(sum, from, bytes);
}

constexpr std::string_view hardwareFeature = "crc";

#endif

} // namespace

std::uint32_t crc32c(const void *data, std::size_t bytes, std::uint32_t before) {
  const auto *from = static_cast<const std::uint8_t *>(data);
#if defined(__x86_64__) || defined(__aarch64__)
  static const bool hardware = hostHasFeature(hardwareFeature);
  if (hardware)
    return ~addHardware(~before, from, bytes);
#endif
  return ~addPortable(~before, from, bytes);
}

std::uint32_t crc32cPortable(const void *data, std::size_t bytes, std::uint32_t before) {
  return ~addPortable(~before, static_cast<const std::uint8_t *>(data), bytes);
}

} // namespace bluec::runtime
