#include "measure/Samples.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

Samples samples(std::initializer_list<double> values) {
  Samples result;
  for (double value : values)
    result.add(value);
  return result;
}

TEST(SamplesTest, Median) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({4, 1}), 2.5);
  EXPECT_EQ(median({9, 1, 2}), 2);
  EXPECT_EQ(samples({9, 1, 2}).least(), 1);
  EXPECT_EQ(samples({9, 1, 2}).most(), 9);
}

// Figures that are made of others go repeat by repeat.
TEST(SamplesTest, OfOthers) {
  EXPECT_EQ(samples({1, 2, 4}).rate(8).median(), 4);
  EXPECT_EQ(samples({0}).rate(8).median(), 0) << "no time, no rate";
  EXPECT_EQ(samples({6, 9}).dividedBy(3).least(), 2);
  EXPECT_EQ(samples({1, 4}).shareOf(samples({2, 4})).least(), 0.5);
  EXPECT_EQ(samples({1}).shareOf(samples({0})).median(), 0) << "no limit, no share";
  EXPECT_EQ(samples({1, 2, 3}).shareOf(samples({1})).most(), 1) << "as many as both have";
}

} // namespace
