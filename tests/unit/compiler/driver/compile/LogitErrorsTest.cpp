// Divergences of logits, against numbers worked out by hand.
#include "compiler/driver/compile/LogitErrors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace bluec;

namespace {

TEST(LogitErrorsTest, DivergenceOfTwoCoins) {
  // 3/4, 1/4 against 1/2, 1/2; what is added to all logits does not matter.
  const float log3 = std::log(3.0f);
  const double expected = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  EXPECT_NEAR(divergence({log3, 0}, {7, 7}), expected, 1e-6);
  EXPECT_NEAR(divergence({log3 - 500, -500}, {1000, 1000}), expected, 1e-4);
  EXPECT_EQ(divergence({1, 2, 3}, {1, 2, 3}), 0);
}

// Of a token that is never taken.
TEST(LogitErrorsTest, MinusInfinityIsALogit) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(divergence({1, kNever, 2}, {1, kNever, 2}), 0);
  EXPECT_NEAR(divergence({1, kNever, 2}, {1, -50, 2}), 0, 1e-12);
  EXPECT_TRUE(std::isinf(divergence({1, 2, 2}, {1, kNever, 2})));
}

TEST(LogitErrorsTest, WhatIsNotFiniteDivergesInfinitely) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isinf(divergence({1, 2}, {1, kNan})));
  EXPECT_TRUE(std::isinf(divergence({1, 2}, {1, std::numeric_limits<float>::infinity()})));
}

TEST(LogitErrorsTest, SumsRows) {
  LogitErrors errors;
  EXPECT_EQ(errors.mean(), 0);
  errors.add({std::log(3.0f), 0}, {0, 0});
  errors.add({1, 2}, {1, 2});
  errors.add({1, 2}, {2, 1});
  EXPECT_EQ(errors.rows, 3);
  EXPECT_EQ(errors.agreeing, 2); // of two equal logits the first one counts
  EXPECT_NEAR(errors.largest, divergence({1, 2}, {2, 1}), 1e-12);
  EXPECT_NEAR(errors.mean(), (divergence({std::log(3.0f), 0}, {0, 0}) + errors.largest) / 3, 1e-12);
}

} // namespace
