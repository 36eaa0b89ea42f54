// What a bundle's steps made, against the reference.
#include "compiler/driver/verify/LayerErrors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace bluec;
using reference::Tensor;

namespace {

bluec_entry entryOf(int64_t capacity) {
  bluec_entry entry{};
  entry.name = "prefill";
  entry.capacity = capacity;
  return entry;
}

bluec_step stepOf(const char *value, int64_t rows, int64_t columns) {
  bluec_step step{};
  step.output.name = value;
  step.output.dtype = BLUEC_F32;
  step.output.rank = 2;
  step.output.dims[0] = rows;
  step.output.dims[1] = columns;
  return step;
}

struct LayerErrorsTest : testing::Test {
  LayerErrorsTest() {
    values["a"] = std::make_shared<Tensor>(Tensor::floats({3, 2}, {1, 2, 3, 4, 5, 8}));
  }
  ReferenceValues values;
  std::string why;
};

TEST_F(LayerErrorsTest, ComparesValidRowsOnly) {
  LayerErrors errors(values);
  const float first[] = {1, 2, 3, 4}, second[] = {5, 6, NAN, NAN};
  ASSERT_TRUE(errors.add(entryOf(2), stepOf("a", 2, 2), first, 2, 0, why)) << why;
  EXPECT_EQ(errors.worst()->relative(), 0);
  EXPECT_EQ(errors.firstBeyond(0), nullptr);
  ASSERT_TRUE(errors.add(entryOf(2), stepOf("a", 2, 2), second, 1, 2, why)) << why;
  ASSERT_EQ(errors.all().size(), 1u);
  EXPECT_EQ(errors.worst()->relative(), 2.0 / 8.0);
  EXPECT_EQ(errors.firstBeyond(0.1), &errors.all()[0]);
}

TEST_F(LayerErrorsTest, ALastRowIsComparedWithTheLastRow) {
  LayerErrors errors(values);
  const float row[] = {5, 8};
  ASSERT_TRUE(errors.add(entryOf(4), stepOf("a/last_row", 1, 2), row, 3, 0, why)) << why;
  ASSERT_TRUE(errors.add(entryOf(4), stepOf("a", 1, 2), row, 2, 1, why)) << why;
  EXPECT_EQ(errors.worst()->relative(), 0);
}

TEST_F(LayerErrorsTest, WhatIsNotFiniteIsInfinitelyWrong) {
  LayerErrors errors(values);
  const float row[] = {1, std::numeric_limits<float>::quiet_NaN()};
  ASSERT_TRUE(errors.add(entryOf(1), stepOf("a", 1, 2), row, 1, 0, why)) << why;
  EXPECT_TRUE(std::isinf(errors.worst()->relative()));
  EXPECT_NE(errors.firstBeyond(1e30), nullptr);
}

// A logit of a token that is never taken, which both sides have to say.
TEST(DeviationTest, MinusInfinityEqualsItself) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Deviation same;
  same.add(kNever, kNever);
  same.add(2, 2);
  EXPECT_EQ(same.relative(), 0);
  EXPECT_EQ(same.cosine(), 1);
  for (auto [expected, found] :
       {std::pair{kNever, 2.0}, {2.0, kNever}, {-kNever, -kNever}, {kNaN, 2.0}}) {
    Deviation other;
    other.add(expected, found);
    EXPECT_TRUE(std::isinf(other.relative())) << expected << " " << found;
  }
}

TEST_F(LayerErrorsTest, ValuesThatTheReferenceLacksArePassedOver) {
  LayerErrors errors(values);
  const float row[] = {1, 2};
  EXPECT_TRUE(errors.add(entryOf(1), stepOf("a/im2col", 1, 2), row, 1, 0, why));
  EXPECT_TRUE(errors.all().empty());
  EXPECT_EQ(errors.worst(), nullptr);
}

TEST_F(LayerErrorsTest, MeasuresAnglesAndMeanSquares) {
  LayerErrors errors(values);
  // Twice the expected values, and one that should have been 4 the other way round.
  const float rows[] = {2, 4, 6, -8};
  ASSERT_TRUE(errors.add(entryOf(2), stepOf("a", 2, 2), rows, 2, 0, why)) << why;
  const Deviation &deviation = errors.all()[0].deviation;
  EXPECT_FALSE(errors.all()[0].fromFloat.has_value());
  EXPECT_DOUBLE_EQ(deviation.cosine(), (2 + 8 + 18 - 32) / std::sqrt(30.0 * 120.0));
  EXPECT_DOUBLE_EQ(deviation.rootMeanSquare(), std::sqrt((1 + 4 + 9 + 144) / 30.0));
  Deviation nothing;
  nothing.add(0, 0);
  EXPECT_EQ(nothing.cosine(), 1);
  EXPECT_EQ(nothing.rootMeanSquare(), 0);
  nothing.add(0, 2);
  EXPECT_EQ(nothing.cosine(), 0);
  EXPECT_EQ(nothing.rootMeanSquare(), 2);
}

TEST_F(LayerErrorsTest, ComparesWithTheFloatModelToo) {
  ReferenceValues plain;
  plain["a"] = std::make_shared<Tensor>(Tensor::floats({3, 2}, {2, 4, 0, 0, 0, 0}));
  LayerErrors errors(values, &plain);
  const float row[] = {1, 2};
  ASSERT_TRUE(errors.add(entryOf(1), stepOf("a", 1, 2), row, 1, 0, why)) << why;
  EXPECT_EQ(errors.worst()->relative(), 0);
  ASSERT_TRUE(errors.all()[0].fromFloat.has_value());
  EXPECT_DOUBLE_EQ(errors.all()[0].fromFloat->rootMeanSquare(), 0.5);
  EXPECT_DOUBLE_EQ(errors.all()[0].fromFloat->cosine(), 1);
}

TEST_F(LayerErrorsTest, AnotherWidthIsAFault) {
  LayerErrors errors(values);
  const float row[] = {1, 2, 3};
  EXPECT_FALSE(errors.add(entryOf(1), stepOf("a", 1, 3), row, 1, 0, why));
  EXPECT_EQ(why, "prefill: a: expected 3 elements a row, found 2");
}

} // namespace
