// Sums over floats that are the same on every machine: a fixed number of lanes, in a fixed order.
// The vectors are of the size that every target has, so that no code depends on the host's.
#ifndef BLUEC_COMPILER_WEIGHTS_QUANTIZE_LANES_H
#define BLUEC_COMPILER_WEIGHTS_QUANTIZE_LANES_H

#include <cstdint>
#include <cstring>

namespace bluec::quantize {

/// Four floats; arithmetic and comparisons go by element.
typedef float Lane __attribute__((vector_size(16)));

constexpr int64_t kLaneElements = 4;
constexpr int64_t kLaneCount = 4; // that run side by side
constexpr int64_t kStripe = kLaneElements * kLaneCount;

inline Lane loadLane(const float *from) {
  Lane lane;
  std::memcpy(&lane, from, sizeof lane);
  return lane;
}
inline void storeLane(float *to, Lane lane) { std::memcpy(to, &lane, sizeof lane); }
inline Lane splat(float value) { return Lane{value, value, value, value}; }

inline float total(const Lane (&lanes)[kLaneCount]) {
  Lane sum = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/// The dot product of n floats, of any number and alignment.
inline float dot(const float *a, const float *b, int64_t n) {
  Lane sums[kLaneCount] = {};
  int64_t i = 0;
  for (; i + kStripe <= n; i += kStripe)
    for (int64_t lane = 0; lane < kLaneCount; ++lane)
      sums[lane] += loadLane(a + i + lane * kLaneElements) * loadLane(b + i + lane * kLaneElements);
  float rest = 0;
  for (; i < n; ++i)
    rest += a[i] * b[i];
  return total(sums) + rest;
}

/// Nearest integers, ties to even, of numbers below 2^22 in magnitude: the sum with 1.5 * 2^23 has
/// no bits for a fraction. Larger ones stay within 2^-23 of themselves, enough for a clamp.
inline Lane nearestIntegers(Lane x) {
  Lane magic = splat(12582912.0f);
  return (x + magic) - magic;
}

inline Lane clamp(Lane x, Lane least, Lane most) {
  x = x < least ? least : x;
  return x > most ? most : x;
}

} // namespace bluec::quantize

#endif // BLUEC_COMPILER_WEIGHTS_QUANTIZE_LANES_H
