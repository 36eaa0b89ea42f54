// Packing arenas: nothing that is alive together overlaps, whatever the lifetimes.
#include "passes/schedule/plan_memory/ArenaPacker.h"

#include <gtest/gtest.h>

#include <random>

using namespace bluec;

namespace {

constexpr int64_t kAlignment = 64;

void expectSound(const std::vector<Lifetime> &lifetimes, const Packing &packing) {
  ASSERT_EQ(packing.offsets.size(), lifetimes.size());
  EXPECT_EQ(packing.bytes % kAlignment, 0);
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    EXPECT_EQ(packing.offsets[i] % kAlignment, 0);
    EXPECT_GE(packing.offsets[i], 0);
    EXPECT_LE(packing.offsets[i] + lifetimes[i].bytes, packing.bytes);
    for (size_t j = 0; j < i; ++j) {
      bool together =
          lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
      bool overlap = packing.offsets[i] < packing.offsets[j] + lifetimes[j].bytes &&
                     packing.offsets[j] < packing.offsets[i] + lifetimes[i].bytes;
      EXPECT_FALSE(together && overlap) << i << " and " << j;
    }
  }
}

TEST(ArenaPacker, NothingNeedsNothing) {
  Packing packing = packArena({}, kAlignment);
  EXPECT_EQ(packing.bytes, 0);
  EXPECT_TRUE(packing.offsets.empty());
  EXPECT_EQ(lowerBound({}, kAlignment), 0);
}

TEST(ArenaPacker, ChainAlternatesBetweenTwoPlaces) {
  std::vector<Lifetime> chain;
  constexpr int64_t kSteps = 20, kBytes = 100;
  for (int64_t step = 0; step < kSteps; ++step)
    chain.push_back({step, step + 1, kBytes});
  Packing packing = packArena(chain, kAlignment);
  expectSound(chain, packing);
  EXPECT_EQ(packing.bytes, 256);
}

TEST(ArenaPacker, FillsAGapThatFits) {
  // A large buffer between two long ones leaves a gap when it dies; the late one goes there.
  std::vector<Lifetime> lifetimes = {{0, 9, 256}, {0, 4, 512}, {0, 9, 128}, {5, 9, 512}};
  Packing packing = packArena(lifetimes, kAlignment);
  expectSound(lifetimes, packing);
  EXPECT_EQ(packing.bytes, lowerBound(lifetimes, kAlignment));
}

TEST(ArenaPacker, EmptyBuffersTakeNoRoom) {
  std::vector<Lifetime> lifetimes = {{0, 1, 0}, {0, 1, 64}, {0, 1, 0}};
  Packing packing = packArena(lifetimes, kAlignment);
  expectSound(lifetimes, packing);
  EXPECT_EQ(packing.bytes, 64);
}

TEST(ArenaPacker, RandomLifetimesAreSoundAndNearTheBound) {
  std::mt19937_64 random(7);
  auto below = [&](int64_t limit) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
  };
  double worst = 1;
  for (int round = 0; round < 300; ++round) {
    std::vector<Lifetime> lifetimes;
    int64_t count = 1 + below(60), steps = 1 + below(80);
    for (int64_t i = 0; i < count; ++i) {
      int64_t first = below(steps);
      lifetimes.push_back({first, std::min(steps, first + below(8)), below(5000)});
    }
    Packing packing = packArena(lifetimes, kAlignment);
    expectSound(lifetimes, packing);
    int64_t bound = lowerBound(lifetimes, kAlignment);
    EXPECT_GE(packing.bytes, bound);
    if (bound > 0)
      worst = std::max(worst, static_cast<double>(packing.bytes) / static_cast<double>(bound));
    Packing again = packArena(lifetimes, kAlignment);
    EXPECT_EQ(again.offsets, packing.offsets);
  }
  EXPECT_LE(worst, 1.35);
}

} // namespace
