#include "core/CacheHistory.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace bluec::runtime;

namespace {

TEST(CacheHistoryTest, WithoutRingsACallBeginsAnywhere) {
  CacheHistory history(0, 0);
  history.write(0, 1000);
  EXPECT_EQ(history.begin(1), 1);
  EXPECT_EQ(history.begin(999), 999);
}

TEST(CacheHistoryTest, NothingIsLostBeforeARingIsFull) {
  CacheHistory history(16, 5);
  history.write(0, 16);
  EXPECT_EQ(history.begin(1), 1);
  history.write(16, 17);
  EXPECT_EQ(history.begin(11), 0);
  EXPECT_EQ(history.begin(12), 12);
}

TEST(CacheHistoryTest, TheFurthestPositionCounts) {
  CacheHistory history(16, 5);
  history.write(0, 40);
  history.write(35, 36); // what is behind it stands in the ring all the same
  EXPECT_FALSE(history.canBegin(34));
  EXPECT_TRUE(history.canBegin(36));
  history.write(0, 10); // a conversation that begins anew
  EXPECT_TRUE(history.canBegin(3));
}

// Against rings that remember which position stands where, for windows of several layers.
TEST(CacheHistoryTest, SaysWhatRingsHold) {
  struct Ring {
    std::int64_t window, positions;
    std::vector<std::int64_t> held;
  };
  constexpr std::int64_t kChunk = 4;
  std::mt19937 random(1);
  const auto upTo = [&](std::int64_t most) { return std::int64_t(random() % (most + 1)); };
  std::int64_t again = 0, anew = 0;
  for (int talk = 0; talk < 300; ++talk) {
    std::vector<Ring> rings;
    std::int64_t smallest = 1000, back = 1000;
    for (int i = 0; i < 2; ++i) {
      const std::int64_t window = 1 + upTo(9), positions = window - 1 + kChunk + upTo(6);
      rings.push_back({window, positions, std::vector<std::int64_t>(positions, -1)});
      smallest = std::min(smallest, positions);
      back = std::min(back, positions - window + 1);
    }
    CacheHistory history(smallest, back);
    std::int64_t length = 0;
    for (int call = 0; call < 40; ++call) {
      // Goes on, or goes back first.
      const std::int64_t wanted = upTo(2) ? length : upTo(length), at = history.begin(wanted);
      (at == wanted ? again : anew) += at < length;
      const std::int64_t count = 1 + upTo(kChunk - 1);
      history.write(at, at + count);
      for (Ring &ring : rings) {
        for (std::int64_t p = at; p < at + count; ++p)
          ring.held[std::size_t(p % ring.positions)] = p;
        for (std::int64_t p = std::max<std::int64_t>(0, at - ring.window + 1); p < at + count; ++p)
          ASSERT_EQ(ring.held[std::size_t(p % ring.positions)], p);
      }
      length = at + count;
    }
  }
  EXPECT_GT(again, 100); // calls that went back, and
  EXPECT_GT(anew, 100);  // those that had to begin at 0
}

} // namespace
