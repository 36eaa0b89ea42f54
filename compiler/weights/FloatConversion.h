// Conversions between float and its narrow forms for whole arrays of weights. Each element is
// computed without a branch, so that compilers make vectors of the loops.
#ifndef BLUEC_COMPILER_WEIGHTS_FLOATCONVERSION_H
#define BLUEC_COMPILER_WEIGHTS_FLOATCONVERSION_H

#include <bit>
#include <cstdint>

namespace bluec {

/// IEEE half precision, by its bits, as the same number; a NaN keeps its payload.
inline float widenHalf(uint16_t bits) {
  // Exponent and mantissa moved to their place in a float are 2^-112 times the number, subnormal
  // halves included. Infinities and NaNs need the largest exponent instead.
  uint32_t magnitude = (bits & 0x7fffu) << 13, sign = (bits & 0x8000u) << 16;
  uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  uint32_t special = magnitude | 0x7f800000u;
  return std::bit_cast<float>((magnitude >= 0x0f800000u ? special : finite) | sign);
}

/// Rounded to nearest, ties to even; beyond 65504 (and a half step) infinity.
inline uint16_t narrowToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  // A normal result: the exponent less 112, and half a unit of the 13 bits that go, less one where
  // the last bit that stays is even.
  uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // A subnormal one: adding 1/2 leaves 2^-24 as the float's last bit, rounded by the addition.
  uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  uint32_t result = magnitude < 0x38800000u ? small : normal;
  result = magnitude >= 0x477ff000u ? special : result;
  return static_cast<uint16_t>(result | sign);
}

inline float widenBfloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_FLOATCONVERSION_H
