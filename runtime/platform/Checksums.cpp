#include "platform/Checksums.h"

#include "base/Crc32c.h"
#include "platform/CpuFeatures.h"

#include <array>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bluec::runtime {
namespace {

#if defined(__x86_64__)
// The instructions keep the state as the pairs ABEF and CDGH and do two rounds at a time; a group
// of four rounds eats one vector of the message schedule.
__attribute__((target("sha,sse4.1,ssse3"))) void
compressShaNi(std::uint32_t *state, const std::uint8_t *blocks, std::size_t count) {
  const __m128i swapBytes = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i *>(state));      // DCBA
  __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i *>(state + 4)); // HGFE
  low = _mm_shuffle_epi32(low, 0xB1);                                           // CDAB
  high = _mm_shuffle_epi32(high, 0x1B);                                         // EFGH
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);

  for (; count != 0; --count, blocks += 64) {
    const __m128i abefBefore = abef;
    const __m128i cdghBefore = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(blocks + 16 * i)),
                              swapBytes);
    for (int group = 0; group < 16; ++group) {
      __m128i current = w[group & 3];
      if (group >= 4) {
        // w[t] from w[t-16], w[t-15], w[t-7] and w[t-2], four at a time.
        __m128i back4 = w[group & 3], back3 = w[(group + 1) & 3];
        __m128i back2 = w[(group + 2) & 3], back1 = w[(group + 3) & 3];
        current = _mm_sha256msg1_epu32(back4, back3);
        current = _mm_add_epi32(current, _mm_alignr_epi8(back1, back2, 4));
        current = _mm_sha256msg2_epu32(current, back1);
        w[group & 3] = current;
      }
      __m128i keyed = _mm_add_epi32(current, _mm_load_si128(reinterpret_cast<const __m128i *>(
                                                 Sha256::roundConstants + 4 * group)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(keyed, 0x0E));
    }
    abef = _mm_add_epi32(abef, abefBefore);
    cdgh = _mm_add_epi32(cdgh, cdghBefore);
  }

  __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i *>(state), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i *>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

bool hasShaInstructions() {
  return hostHasFeature("sha") && hostHasFeature("sse4.1") && hostHasFeature("ssse3");
}

#endif

#if defined(__x86_64__) || defined(__aarch64__)

std::uint64_t loadWord(const std::uint8_t *from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word; // every CPU that bluec has targets for is little-endian
}

// The register is the checksum's complement.
std::uint32_t addPortable(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  return ~crc32cPortable(from, bytes, ~sum);
}

#endif

#if defined(__x86_64__)

// One instruction takes eight bytes but answers three cycles later, so three neighbouring lanes are
// summed at a time. Their sums are put together by shifting: a register times x^(8 * lane), by
// table.
constexpr std::size_t kLaneBytes = 4096;

using Table = std::array<std::uint32_t, 256>;

std::array<Table, 4> makeShift() {
  // What each bit of a register becomes after laneBytes zero bytes.
  const std::vector<std::uint8_t> zeros(kLaneBytes);
  std::array<std::uint32_t, 32> ofBit{};
  for (std::size_t bit = 0; bit < 32; ++bit)
    ofBit[bit] = addPortable(std::uint32_t(1) << bit, zeros.data(), kLaneBytes);
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
  for (; bytes >= 3 * kLaneBytes; bytes -= 3 * kLaneBytes, from += 3 * kLaneBytes) {
    std::uint64_t a = sum, b = 0, c = 0;
    for (std::size_t i = 0; i < kLaneBytes; i += 8) {
      a = __builtin_ia32_crc32di(a, loadWord(from + i));
      b = __builtin_ia32_crc32di(b, loadWord(from + kLaneBytes + i));
      c = __builtin_ia32_crc32di(c, loadWord(from + 2 * kLaneBytes + i));
    }
    sum = shiftLane(shiftLane(std::uint32_t(a)) ^ std::uint32_t(b)) ^ std::uint32_t(c);
  }
  for (; bytes >= 8; bytes -= 8, from += 8)
    sum = std::uint32_t(__builtin_ia32_crc32di(sum, loadWord(from)));
  for (; bytes != 0; --bytes, ++from)
    sum = __builtin_ia32_crc32qi(sum, *from);
  return sum;
}

constexpr std::string_view kHardwareFeature = "sse4.2";

#elif defined(__aarch64__)

__attribute__((target("+crc"))) std::uint32_t
addHardware(std::uint32_t sum, const std::uint8_t *from, std::size_t bytes) {
  for (; bytes >= 8; bytes -= 8, from += 8) {
    const std::uint64_t word = loadWord(from);
    __asm__("crc32cx %w0, %w0, %1" : "+r"(sum) : "r"(word));
  }
  return addPortable(sum, from, bytes);
}

constexpr std::string_view kHardwareFeature = "crc";

#endif

} // namespace

Sha256 fastSha256() {
#if defined(__x86_64__)
  static const bool accelerated = hasShaInstructions();
  if (accelerated)
    return Sha256(compressShaNi);
#endif
  return Sha256(Sha256::compressPortable);
}

std::uint32_t crc32c(const void *data, std::size_t bytes, std::uint32_t before) {
#if defined(__x86_64__) || defined(__aarch64__)
  static const bool hardware = hostHasFeature(kHardwareFeature);
  if (hardware)
    return ~addHardware(~before, static_cast<const std::uint8_t *>(data), bytes);
#endif
  return crc32cPortable(data, bytes, before);
}

} // namespace bluec::runtime
