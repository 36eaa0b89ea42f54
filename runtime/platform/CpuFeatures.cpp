#include "platform/CpuFeatures.h"

#include <algorithm>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif

namespace bluec::runtime {
namespace {

#if defined(__x86_64__)

enum Register : std::uint8_t { Eax, Ebx, Ecx, Edx };
// Which registers the operating system must save for a feature to be usable.
enum class State : std::uint8_t { None, Avx, Avx512, Amx };

struct Feature {
  std::string_view name;
  std::uint32_t leaf;
  std::uint32_t subleaf;
  Register reg;
  std::uint8_t bit;
  State state;
};

constexpr Feature kFeatures[] = {
    {"x87", 1, 0, Edx, 0, State::None},
    {"cx8", 1, 0, Edx, 8, State::None},
    {"cmov", 1, 0, Edx, 15, State::None},
    {"mmx", 1, 0, Edx, 23, State::None},
    {"fxsr", 1, 0, Edx, 24, State::None},
    {"sse", 1, 0, Edx, 25, State::None},
    {"sse2", 1, 0, Edx, 26, State::None},
    {"sse3", 1, 0, Ecx, 0, State::None},
    {"pclmul", 1, 0, Ecx, 1, State::None},
    {"ssse3", 1, 0, Ecx, 9, State::None},
    {"fma", 1, 0, Ecx, 12, State::Avx},
    {"cx16", 1, 0, Ecx, 13, State::None},
    {"sse4.1", 1, 0, Ecx, 19, State::None},
    {"sse4.2", 1, 0, Ecx, 20, State::None},
    {"crc32", 1, 0, Ecx, 20, State::None},
    {"movbe", 1, 0, Ecx, 22, State::None},
    {"popcnt", 1, 0, Ecx, 23, State::None},
    {"aes", 1, 0, Ecx, 25, State::None},
    {"xsave", 1, 0, Ecx, 26, State::None},
    {"avx", 1, 0, Ecx, 28, State::Avx},
    {"f16c", 1, 0, Ecx, 29, State::Avx},
    {"rdrnd", 1, 0, Ecx, 30, State::None},
    {"bmi", 7, 0, Ebx, 3, State::None},
    {"avx2", 7, 0, Ebx, 5, State::Avx},
    {"bmi2", 7, 0, Ebx, 8, State::None},
    {"avx512f", 7, 0, Ebx, 16, State::Avx512},
    {"avx512dq", 7, 0, Ebx, 17, State::Avx512},
    {"adx", 7, 0, Ebx, 19, State::None},
    {"avx512ifma", 7, 0, Ebx, 21, State::Avx512},
    {"avx512cd", 7, 0, Ebx, 28, State::Avx512},
    {"sha", 7, 0, Ebx, 29, State::None},
    {"avx512bw", 7, 0, Ebx, 30, State::Avx512},
    {"avx512vl", 7, 0, Ebx, 31, State::Avx512},
    {"avx512vbmi", 7, 0, Ecx, 1, State::Avx512},
    {"avx512vbmi2", 7, 0, Ecx, 6, State::Avx512},
    {"gfni", 7, 0, Ecx, 8, State::None},
    {"vaes", 7, 0, Ecx, 9, State::Avx},
    {"vpclmulqdq", 7, 0, Ecx, 10, State::Avx},
    {"avx512vnni", 7, 0, Ecx, 11, State::Avx512},
    {"avx512bitalg", 7, 0, Ecx, 12, State::Avx512},
    {"avx512vpopcntdq", 7, 0, Ecx, 14, State::Avx512},
    {"avx512vp2intersect", 7, 0, Edx, 8, State::Avx512},
    {"amx-bf16", 7, 0, Edx, 22, State::Amx},
    {"avx512fp16", 7, 0, Edx, 23, State::Avx512},
    {"amx-tile", 7, 0, Edx, 24, State::Amx},
    {"amx-int8", 7, 0, Edx, 25, State::Amx},
    {"avxvnni", 7, 1, Eax, 4, State::Avx},
    {"avx512bf16", 7, 1, Eax, 5, State::Avx512},
    {"avxifma", 7, 1, Eax, 23, State::Avx},
    {"avxvnniint8", 7, 1, Edx, 4, State::Avx},
    {"avxvnniint16", 7, 1, Edx, 10, State::Avx},
    {"sahf", 0x80000001, 0, Ecx, 0, State::None},
    {"lzcnt", 0x80000001, 0, Ecx, 5, State::None},
    {"prfchw", 0x80000001, 0, Ecx, 8, State::None},
    {"64bit", 0x80000001, 0, Edx, 29, State::None},
};

std::uint64_t enabledState() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) // OSXSAVE
    return 0;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t(high) << 32 | low;
}

bool hasState(State state) {
  constexpr std::uint64_t kAvx = 0x6, kAvx512 = 0xe6, kAmx = 0x60000;
  const std::uint64_t enabled = enabledState();
  switch (state) {
  case State::None:
    return true;
  case State::Avx:
    return (enabled & kAvx) == kAvx;
  case State::Avx512:
    return (enabled & kAvx512) == kAvx512;
  case State::Amx:
    return (enabled & kAmx) == kAmx;
  }
  return false;
}

#else

struct Feature {
  std::string_view name;
  unsigned long vector; // AT_HWCAP or AT_HWCAP2
  std::uint8_t bit;
};

constexpr unsigned long kHwcap = 16, kHwcap2 = 26;

#if defined(__aarch64__)
constexpr Feature kFeatures[] = {
    {"fp-armv8", kHwcap, 0},  {"neon", kHwcap, 1},   {"aes", kHwcap, 3},
    {"sha2", kHwcap, 6},      {"crc", kHwcap, 7},    {"lse", kHwcap, 8},
    {"fullfp16", kHwcap, 10}, {"rdm", kHwcap, 12},   {"sha3", kHwcap, 17},
    {"dotprod", kHwcap, 20},  {"sve", kHwcap, 22},   {"fp16fml", kHwcap, 23},
    {"sve2", kHwcap2, 1},     {"i8mm", kHwcap2, 13}, {"bf16", kHwcap2, 14},
    {"sme", kHwcap2, 23},
};
#else
// RISC-V reports the single-letter extensions, 'a' first.
constexpr Feature kFeatures[] = {
    {"a", kHwcap, 0}, {"c", kHwcap, 2},  {"d", kHwcap, 3},
    {"f", kHwcap, 5}, {"m", kHwcap, 12}, {"v", kHwcap, 21},
};
#endif

#endif

} // namespace

std::string_view hostArchitecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "riscv64";
#endif
}

bool hostHasFeature(std::string_view name) {
  const auto *feature = std::find_if(std::begin(kFeatures), std::end(kFeatures),
                                     [&](const Feature &f) { return f.name == name; });
  if (feature == std::end(kFeatures))
    return false;
#if defined(__x86_64__)
  unsigned registers[4] = {0, 0, 0, 0};
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &registers[0], &registers[1],
                         &registers[2], &registers[3]))
    return false;
  return (registers[feature->reg] >> feature->bit & 1) && hasState(feature->state);
#else
  return ::getauxval(feature->vector) >> feature->bit & 1;
#endif
}

std::string tripleArchitecture(std::string_view triple) {
  std::string_view name = triple.substr(0, triple.find('-'));
  if (name == "amd64" || name == "x86-64")
    return "x86_64";
  if (name == "arm64")
    return "aarch64";
  return std::string(name);
}

std::vector<std::string> missingFeatures(const std::vector<std::string> &wanted) {
  std::vector<std::string> missing;
  for (const std::string &feature : wanted)
    if (!hostHasFeature(feature))
      missing.push_back(feature);
  return missing;
}

} // namespace bluec::runtime
