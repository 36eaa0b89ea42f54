// SHA-256 (FIPS 180-4), with the CPU's SHA instructions where it has them.
#ifndef BLUEC_RUNTIME_CORE_SHA256_H
#define BLUEC_RUNTIME_CORE_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bluec::runtime {

class Sha256 {
public:
  using Digest = std::array<std::uint8_t, 32>;

  Sha256();
  void update(const void *data, std::size_t bytes);
  // Ends the computation; the object is used up.
  Digest finish();

  static Digest of(const void *data, std::size_t bytes);
  // The same without special instructions, for tests to compare with.
  static Digest portable(const void *data, std::size_t bytes);

private:
  using Compress = void (*)(std::uint32_t *state, const std::uint8_t *blocks, std::size_t count);
  explicit Sha256(Compress compress);

  Compress compress;
  std::uint32_t state[8];
  std::uint8_t buffer[64];
  std::size_t buffered = 0;
  std::uint64_t total = 0;
};

// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256::Digest &digest);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_SHA256_H
