#include "platform/CpuFeatures.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

TEST(CpuFeatures, Triples) {
  EXPECT_EQ(tripleArchitecture("x86_64-unknown-linux-gnu"), "x86_64");
  EXPECT_EQ(tripleArchitecture("arm64-apple-darwin"), "aarch64");
  EXPECT_EQ(tripleArchitecture("hexagon"), "hexagon");
  EXPECT_EQ(tripleArchitecture(""), "");
}

// Code that wants something we cannot check for must not run.
TEST(CpuFeatures, UnknownFeaturesAreMissing) {
  EXPECT_FALSE(hostHasFeature("warp-drive"));
  EXPECT_FALSE(hostHasFeature(""));
  EXPECT_EQ(missingFeatures({"warp-drive"}), std::vector<std::string>{"warp-drive"});
}

#if defined(__x86_64__)
// The compiler's own view of the CPU, where it has one.
TEST(CpuFeatures, AgreesWithTheCompiler) {
  EXPECT_TRUE(hostHasFeature("sse2"));
  EXPECT_TRUE(hostHasFeature("64bit"));
  EXPECT_EQ(hostHasFeature("avx2"), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(hostHasFeature("fma"), bool(__builtin_cpu_supports("fma")));
  EXPECT_EQ(hostHasFeature("bmi2"), bool(__builtin_cpu_supports("bmi2")));
  EXPECT_EQ(hostHasFeature("avxvnni"), bool(__builtin_cpu_supports("avxvnni")));
  EXPECT_EQ(hostHasFeature("avx512f"), bool(__builtin_cpu_supports("avx512f")));
  EXPECT_EQ(hostHasFeature("avx512bw"), bool(__builtin_cpu_supports("avx512bw")));
  EXPECT_EQ(hostHasFeature("avx512vnni"), bool(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ(hostHasFeature("avx512bf16"), bool(__builtin_cpu_supports("avx512bf16")));
}
#endif

} // namespace
