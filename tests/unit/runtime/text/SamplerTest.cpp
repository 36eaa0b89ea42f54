#include "text/Sampler.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace bluec::runtime;

namespace {

std::vector<int> histogram(const SamplingOptions &options, const std::vector<float> &logits,
                           int draws) {
  Sampler sampler(options);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    ++counts[std::size_t(*sampler.next(logits))];
  return counts;
}

TEST(Sampler, GreedyTakesTheLowestOfEquals) {
  Sampler sampler({});
  const std::vector<float> logits = {1, 5, 5, 2};
  EXPECT_EQ(*sampler.next(logits), 1);
}

TEST(Sampler, NonsenseIsAnError) {
  Sampler sampler({});
  for (const std::vector<float> &logits :
       {std::vector<float>{1, NAN}, {NAN, 1}, {1, INFINITY}, {-INFINITY, -INFINITY}})
    EXPECT_EQ(sampler.next(logits).status().getCode(), Code::BadBundle);
  EXPECT_FALSE(sampler.next({}).ok());
}

// As exports with a padded vocabulary have it.
TEST(Sampler, MinusInfinityIsNeverTaken) {
  const std::vector<float> logits = {-INFINITY, -3, -INFINITY, -3, -INFINITY};
  Sampler greedy({});
  EXPECT_EQ(*greedy.next(logits), 1);
  const std::vector<int> counts = histogram({1, 1, 5}, logits, 1000);
  EXPECT_EQ(counts[0] + counts[2] + counts[4], 0);
  EXPECT_NEAR(counts[1], 500, 60);
}

TEST(Sampler, SenselessOptions) {
  EXPECT_TRUE(checkSampling({1, 1, 0}).ok());
  for (const SamplingOptions &options :
       {SamplingOptions{-1, 1, 0}, SamplingOptions{NAN, 1, 0}, SamplingOptions{1, 0, 0},
        SamplingOptions{1, 1.5f, 0}, SamplingOptions{1, NAN, 0}, SamplingOptions{1, 1, 0, -1},
        SamplingOptions{1, 1, 0, 0, 1.5f}, SamplingOptions{1, 1, 0, 0, NAN},
        SamplingOptions{1, 1, 0, 0, 0, 0}, SamplingOptions{1, 1, 0, 0, 0, NAN}})
    EXPECT_EQ(checkSampling(options).getCode(), Code::InvalidArgument);
}

// Frequencies follow exp(logit / temperature).
TEST(Sampler, Frequencies) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  const std::vector<int> counts = histogram({1, 1, 42}, logits, 80000);
  EXPECT_NEAR(counts[0], 10000, 400);
  EXPECT_NEAR(counts[1], 20000, 500);
  EXPECT_NEAR(counts[2], 50000, 600);
  const std::vector<int> cold = histogram({0.5f, 1, 42}, logits, 30000);
  EXPECT_NEAR(cold[0], 1000, 150); // 1 : 4 : 25
  EXPECT_NEAR(cold[1], 4000, 250);
}

TEST(Sampler, TopKKeepsTheMostLikelyAndTheirEquals) {
  const std::vector<float> logits = {1, 3, 2, 2, 0};
  const auto drawn = [&](std::int32_t topK) {
    std::vector<int> ids;
    const std::vector<int> counts = histogram({1, 1, 7, topK}, logits, 2000);
    for (int id = 0; id < 5; ++id)
      if (counts[std::size_t(id)] != 0)
        ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(drawn(1), (std::vector<int>{1}));
  EXPECT_EQ(drawn(2), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(drawn(4), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(drawn(0), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(drawn(9), drawn(0));
}

// top-p is a share of what top-k leaves: 5 of 7, with 8 in all.
TEST(Sampler, TopPFollowsTopK) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  EXPECT_EQ(histogram({1, 0.7f, 7, 2}, logits, 1000), (std::vector<int>{0, 0, 1000}));
  EXPECT_NE(histogram({1, 0.7f, 7, 0}, logits, 1000), (std::vector<int>{0, 0, 1000}));
}

TEST(Sampler, MinPIsAShareOfTheLikeliest) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  EXPECT_EQ(histogram({1, 1, 7, 0, 0.5f}, logits, 1000), (std::vector<int>{0, 0, 1000}));
  EXPECT_EQ(histogram({1, 1, 7, 0, 0.3f}, logits, 1000)[0], 0);
  EXPECT_NE(histogram({1, 1, 7, 0, 0.1f}, logits, 1000)[0], 0);
}

// Of the likeliest token too, where nothing is sampled.
TEST(Sampler, RepetitionsAreLessLikely) {
  Sampler sampler({0, 1, 0, 0, 0, 2});
  const std::vector<float> positive = {3, 2, 1.8f}, negative = {-1, -1.5f, -3};
  EXPECT_EQ(*sampler.next(positive), 0);
  sampler.remember(0);
  sampler.remember(0);                   // once is enough
  sampler.remember(7);                   // of no logit
  EXPECT_EQ(*sampler.next(positive), 1); // 1.5, 2, 1.8
  EXPECT_EQ(*sampler.next(negative), 1); // -2, -1.5, -3
  sampler.remember(1);
  EXPECT_EQ(*sampler.next(positive), 2); // 1.5, 1, 1.8
}

TEST(Sampler, TopPKeepsTheMostLikely) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  EXPECT_EQ(histogram({1, 0.5f, 7}, logits, 1000), (std::vector<int>{0, 0, 1000}));
  const std::vector<int> two = histogram({1, 0.8f, 7}, logits, 7000);
  EXPECT_EQ(two[0], 0);
  EXPECT_NEAR(two[1], 2000, 200);
}

TEST(Sampler, ExtremeLogits) {
  const std::vector<float> logits = {-1e30f, 1e30f, -3e38f};
  EXPECT_EQ(histogram({1, 1, 1}, logits, 100), (std::vector<int>{0, 100, 0}));
  const std::vector<float> hot = {0, 1};
  const std::vector<int> counts = histogram({1e30f, 1, 1}, hot, 10000);
  EXPECT_NEAR(counts[0], 5000, 300);
}

// The sequence is part of the interface: the same on every platform and in every release.
TEST(Sampler, SequenceIsFixed) {
  Sampler sampler({0.9f, 0.95f, 123});
  std::vector<float> logits;
  for (int i = 0; i < 50; ++i)
    logits.push_back(float((i * 37) % 11) * 0.4f);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 12; ++i)
    ids.push_back(*sampler.next(logits));
  EXPECT_EQ(ids, (std::vector<std::int32_t>{24, 48, 43, 24, 24, 13, 23, 27, 2, 19, 35, 18}));
}

} // namespace
