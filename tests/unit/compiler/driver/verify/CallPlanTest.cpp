// Which calls are compared with the package's own graph.
#include "compiler/driver/verify/CallPlan.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace bluec;

namespace {

constexpr double kMuch = 1e12;
const CallCost kSmall = {/*weights=*/1000, /*attention=*/64, /*heads=*/4, /*pasts=*/64,
                         /*vocabulary=*/100};

bool leaps(const CallPlan &plan, int64_t past, int64_t rows) {
  return std::any_of(plan.leaps.begin(), plan.leaps.end(), [&](const CallPlan::Leap &leap) {
    return leap.past == past && leap.rows == rows;
  });
}

TEST(CallPlan, CoversASmallContext) {
  CallPlan plan = planCalls(64, 8, 0, kSmall, kMuch);
  EXPECT_EQ(plan.prompt, 29); // three and a half chunks
  EXPECT_EQ(plan.total, 64);
  EXPECT_EQ(plan.oneCall, 64);
  EXPECT_TRUE(plan.uncovered.empty());
  EXPECT_TRUE(leaps(plan, 63, 1));
  EXPECT_TRUE(leaps(plan, 61, 3));
  EXPECT_TRUE(leaps(plan, 30, 3)); // rows 30 to 32
  EXPECT_TRUE(leaps(plan, 32, 1));
}

TEST(CallPlan, StaysInItsContext) {
  for (int64_t context : {1, 2, 3, 7, 17})
    for (int64_t chunk : {1, 2, 5}) {
      CallPlan plan = planCalls(context, std::min(chunk, context), 100, kSmall, kMuch);
      EXPECT_GE(plan.prompt, 1);
      EXPECT_EQ(plan.total, context);
      EXPECT_EQ(plan.oneCall, context);
      for (const CallPlan::Leap &leap : plan.leaps) {
        EXPECT_GT(leap.past, 0);
        EXPECT_LE(leap.past + leap.rows, context);
        EXPECT_LE(leap.rows, chunk);
      }
    }
}

TEST(CallPlan, SaysWhatItLeavesOut) {
  CallPlan plan = planCalls(100000, 128, 0, kSmall, 1e9);
  EXPECT_GE(plan.total, plan.prompt + 16);
  EXPECT_LT(plan.total, 100000);
  EXPECT_LT(plan.oneCall, 100000);
  ASSERT_GE(plan.uncovered.size(), 2u);
  EXPECT_EQ(plan.uncovered[0], "one call of more than " + std::to_string(plan.oneCall) + " tokens");
  EXPECT_EQ(plan.uncovered[1], "positions from " + std::to_string(plan.total) +
                                   " to 99999 but for " + std::to_string(plan.leaps.size()) +
                                   " calls after a random past");
  // The end first, then switches.
  EXPECT_TRUE(leaps(plan, 99999, 1));
  EXPECT_TRUE(leaps(plan, 65536, 1));
}

TEST(CallPlan, DoesTheLeastWhateverItCosts) {
  CallCost large = kSmall;
  large.weights = int64_t{1} << 32;
  CallPlan plan = planCalls(2048, 128, 0, large, 1);
  EXPECT_EQ(plan.prompt, 193); // one and a half chunks, and a token
  EXPECT_EQ(plan.total, 193 + 16);
  EXPECT_EQ(plan.oneCall, 193 + 16);
  EXPECT_TRUE(plan.leaps.empty());
  EXPECT_EQ(plan.uncovered.size(), 3u);
}

} // namespace
