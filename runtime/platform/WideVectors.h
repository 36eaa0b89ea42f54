// Loops that are compiled twice: for the vectors that every CPU of the architecture has, and for
// the widest ones that pay.
#ifndef BLUEC_RUNTIME_PLATFORM_WIDEVECTORS_H
#define BLUEC_RUNTIME_PLATFORM_WIDEVECTORS_H

#include "platform/CpuFeatures.h"

#include <cstdint>

// Of a loop that withWideVectors() is to run: compilers make code for other vectors only of what
// they inline.
#define BLUEC_WIDE_LOOP __attribute__((always_inline))

namespace bluec::runtime {

#if defined(__x86_64__)
template <typename Loop>
__attribute__((target("avx2"))) void runWide(const Loop &loop, std::int64_t begin,
                                             std::int64_t end) {
  loop(begin, end);
}
#endif

// Calls loop(begin, end), compiled for the widest vectors that this CPU has. `loop` computes with
// integers, or with floats that no compiler may contract, so that the result is the same.
template <typename Loop>
void withWideVectors(const Loop &loop, std::int64_t begin, std::int64_t end) {
#if defined(__x86_64__)
  static const bool wide = hostHasFeature("avx2");
  if (wide)
    return runWide(loop, begin, end);
#endif
  loop(begin, end);
}

template <typename Body, typename... Arguments> void plainVersion(Arguments... arguments) {
  Body()(arguments...);
}

#if defined(__x86_64__)
template <typename Body, typename... Arguments>
__attribute__((target("avx2"))) void wideVersion(Arguments... arguments) {
  Body()(arguments...);
}
#endif

// The same for a function that is called often: what `Body()(arguments...)` does, for this CPU.
template <typename Body, typename... Arguments> auto pickVersion() -> void (*)(Arguments...) {
#if defined(__x86_64__)
  if (hostHasFeature("avx2"))
    return wideVersion<Body, Arguments...>;
#endif
  return plainVersion<Body, Arguments...>;
}

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_WIDEVECTORS_H
