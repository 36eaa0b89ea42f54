// SHA-256 (FIPS 180-4).
#ifndef BLUEC_RUNTIME_BASE_SHA256_H
#define BLUEC_RUNTIME_BASE_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bluec::runtime {

class Sha256 {
public:
  using Digest = std::array<std::uint8_t, 32>;
  // Takes `count` blocks of 64 bytes into the state.
  using Compress = void (*)(std::uint32_t *state, const std::uint8_t *blocks, std::size_t count);

  // The constants of the rounds, for a `Compress` that is made of a CPU's own instructions.
  static const std::uint32_t roundConstants[64];
  // A `Compress` for every CPU. platform/Checksums.h has the fastest one for this CPU.
  static void compressPortable(std::uint32_t *state, const std::uint8_t *blocks, std::size_t count);

  explicit Sha256(Compress compress);
  void update(const void *data, std::size_t bytes);
  // Ends the computation; the object is used up.
  Digest finish();

private:
  Compress compress;
  std::uint32_t state[8];
  std::uint8_t buffer[64];
  std::size_t buffered = 0;
  std::uint64_t total = 0;
};

// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256::Digest &digest);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_BASE_SHA256_H
