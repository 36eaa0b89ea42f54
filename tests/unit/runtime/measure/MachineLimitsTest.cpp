#include "measure/MachineLimits.h"

#include "platform/CpuFeatures.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

TEST(MachineLimitsTest, ReadBandwidth) {
  ThreadPool pool(2);
  std::vector<std::uint8_t> memory(std::size_t(32) << 20, 1);
  const double rate = measureReadBandwidth(pool, memory);
  EXPECT_GT(rate, 1e8);
  EXPECT_LT(rate, 1e13);
}

TEST(MachineLimitsTest, DotPeaks) {
  ThreadPool pool(1);
  const std::vector<std::string> features = {"fma", "avx2", "avxvnni", "avx512f", "avx512vnni"};
  const bool known =
      std::any_of(features.begin(), features.end(), [](auto &f) { return hostHasFeature(f); });
  if (!known)
    GTEST_SKIP() << "no loop of products for this CPU";
  for (DotType type : {DotType::I8, DotType::I16, DotType::F32}) {
    const double rate = measureDotPeak(pool, type, features, 0.01);
    EXPECT_GT(rate, 1e8) << dotTypeName(type);
    EXPECT_LT(rate, 1e14) << dotTypeName(type);
  }
}

TEST(MachineLimitsTest, NoPeakWithoutAnInstruction) {
  ThreadPool pool(1);
  EXPECT_EQ(measureDotPeak(pool, DotType::I8, {}, 0.01), 0);
  EXPECT_EQ(measureDotPeak(pool, DotType::F32, {"hyperdrive"}, 0.01), 0);
}

TEST(MachineLimitsTest, LastLevelCache) {
  const std::int64_t bytes = lastLevelCacheBytes();
  if (bytes == 0)
    GTEST_SKIP() << "the system does not describe its caches";
  EXPECT_GE(bytes, std::int64_t(16) << 10);
  EXPECT_LE(bytes, std::int64_t(64) << 30);
}

} // namespace
