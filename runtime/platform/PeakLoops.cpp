#include "platform/PeakLoops.h"

#include "platform/CpuFeatures.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace bluec::runtime {
namespace {

// Independent chains of multiply-adds, more than the latency of any core hides.
constexpr std::int64_t kChains = 12;

const LoopJob &jobOf(const bluec_call *call) { return *reinterpret_cast<const LoopJob *>(call); }

#if defined(__x86_64__)

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

// Reads a task's bytes, many loads in flight.
#define BLUEC_READ_LOOP(NAME, TARGET, VECTOR, LOAD, CLASS)                                         \
  TARGET void NAME(const bluec_call *call, std::int64_t begin, std::int64_t end) {                 \
    const LoopJob &job = jobOf(call);                                                              \
    for (const std::uint8_t *at = job.data + begin * job.count,                                    \
                            *last = job.data + end * job.count;                                    \
         at < last; at += kReadBlockBytes) {                                                       \
      _Pragma("GCC unroll 32") for (std::size_t i = 0; i < kReadBlockBytes; i += sizeof(VECTOR)) { \
        VECTOR value;                                                                              \
        __asm__ volatile(LOAD " %1, %0"                                                            \
                         : "=" CLASS(value)                                                        \
                         : "m"(*reinterpret_cast<const VECTOR *>(at + i)));                        \
      }                                                                                            \
    }                                                                                              \
  }
BLUEC_READ_LOOP(read512, __attribute__((target("avx512f"))), Vector16, "vmovups", "v")
BLUEC_READ_LOOP(read256, __attribute__((target("avx2"))), Vector8, "vmovups", "x")
BLUEC_READ_LOOP(read128, , Vector4, "movups", "x")
#undef BLUEC_READ_LOOP

#define BLUEC_DOT_LOOP(NAME, TARGET, VECTOR, CLASS, STEP)                                          \
  __attribute__((target(TARGET))) void NAME(const bluec_call *call, std::int64_t begin,            \
                                            std::int64_t end) {                                    \
    VECTOR sums[kChains] = {};                                                                     \
    VECTOR x = {}, y = {}, product = {};                                                           \
    for (std::int64_t round = begin * jobOf(call).count; round < end * jobOf(call).count; ++round) \
      _Pragma("GCC unroll 12") for (std::int64_t i = 0; i < kChains; ++i) __asm__ volatile(        \
          STEP : "+" CLASS(sums[i]), "=&" CLASS(product) : CLASS(x), CLASS(y));                    \
  }
BLUEC_DOT_LOOP(fma512, "avx512f", Vector16, "v", "vfmadd231ps %2, %3, %0")
BLUEC_DOT_LOOP(fma256, "avx2,fma", Vector8, "x", "vfmadd231ps %2, %3, %0")
BLUEC_DOT_LOOP(bytes512, "avx512vnni", Vector16, "v", "vpdpbusd %2, %3, %0")
BLUEC_DOT_LOOP(words512, "avx512vnni", Vector16, "v", "vpdpwssd %2, %3, %0")
BLUEC_DOT_LOOP(vnniBytes256, "avx2,avxvnni", Vector8, "x", "%{vex%} vpdpbusd %2, %3, %0")
BLUEC_DOT_LOOP(vnniWords256, "avx2,avxvnni", Vector8, "x", "%{vex%} vpdpwssd %2, %3, %0")
// Without dot instructions: products, sums of neighbours, and an addition.
BLUEC_DOT_LOOP(bytes256, "avx2", Vector8, "x",
               "vpmaddubsw %2, %3, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0")
BLUEC_DOT_LOOP(words256, "avx2", Vector8, "x", "vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0")
#undef BLUEC_DOT_LOOP

} // namespace

DotLoop dotLoop(DotType type, const std::vector<std::string> &features) {
  const auto loop = [](bluec_kernel_fn kernel, std::int64_t multiplyAdds) {
    return DotLoop{kernel, 2 * kChains * multiplyAdds};
  };
  const auto usable = [&](std::string_view feature) {
    return std::find(features.begin(), features.end(), feature) != features.end() &&
           hostHasFeature(feature);
  };
  if (type == DotType::F32) {
    if (usable("avx512f"))
      return loop(fma512, 16);
    return usable("fma") ? loop(fma256, 8) : DotLoop();
  }
  const bool bytes = type == DotType::I8;
  if (usable("avx512vnni"))
    return bytes ? loop(bytes512, 64) : loop(words512, 32);
  if (usable("avxvnni"))
    return bytes ? loop(vnniBytes256, 32) : loop(vnniWords256, 16);
  if (usable("avx2"))
    return bytes ? loop(bytes256, 32) : loop(words256, 16);
  return {};
}

bluec_kernel_fn readLoop() {
  return hostHasFeature("avx512f") ? read512 : hostHasFeature("avx2") ? read256 : read128;
}

#else

typedef std::uint64_t Vector __attribute__((vector_size(16)));

void readAll(const bluec_call *call, std::int64_t begin, std::int64_t end) {
  const LoopJob &job = jobOf(call);
  Vector sums[8] = {};
  static_assert(kReadBlockBytes % sizeof sums == 0);
  for (const std::uint8_t *at = job.data + begin * job.count, *last = job.data + end * job.count;
       at < last; at += sizeof sums)
    for (std::size_t i = 0; i < std::size(sums); ++i)
      sums[i] ^= reinterpret_cast<const Vector *>(at)[i];
  for (Vector &sum : sums)
    __asm__ volatile("" : : "m"(sum)); // so that the loads are not left out
}

} // namespace

DotLoop dotLoop(DotType, const std::vector<std::string> &) { return {}; }
bluec_kernel_fn readLoop() { return readAll; }

#endif

} // namespace bluec::runtime
