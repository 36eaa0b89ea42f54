// How far a record is from the reference: by row, by entry, and which layers are beyond their
// limit.
#include "compiler/driver/verify/LayerErrors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace bluec;
using reference::Tensor;

namespace {

struct LayerErrorsTest : testing::Test {
  LayerErrorsTest() { names.insert("a"); }

  /// Rows of two elements, from `firstRow` on.
  void give(const char *entryName, int64_t firstRow, std::vector<float> values) {
    give(record, entryName, firstRow, std::move(values));
  }
  void give(LayerRecord &to, const char *entryName, int64_t firstRow, std::vector<float> values) {
    bluec_entry entry{};
    entry.name = entryName;
    entry.capacity = static_cast<int64_t>(values.size()) / 2;
    bluec_step step{};
    step.name = "root";
    step.output.name = "a";
    step.output.dtype = BLUEC_F32;
    step.output.rank = 2;
    step.output.dims[0] = entry.capacity;
    step.output.dims[1] = 2;
    ASSERT_TRUE(to.add(entry, step, nullptr, values.data(), entry.capacity, firstRow, why)) << why;
  }
  const LayerRecord::Layer &layer() { return *record.find("a"); }

  llvm::StringSet<> names;
  LayerRecord record{3, names};
  LayerErrors errors;
  Tensor expected = Tensor::floats({3, 2}, {1, 2, 3, 4, 5, 8});
  std::string why;
};

TEST_F(LayerErrorsTest, AnErrorIsThatOfTheWorstRow) {
  give("prefill", 0, {1, 2, 3, 4.4f});
  give("decode", 2, {5, 6});
  errors.begin(record);
  ASSERT_TRUE(errors.addOwn(layer(), expected, 0.2, 0, why)) << why;
  ASSERT_EQ(errors.all().size(), 2u);
  EXPECT_EQ(errors.all()[0].entry, "prefill");
  EXPECT_EQ(errors.all()[0].step, "root");
  EXPECT_NEAR(errors.all()[0].own, 0.1, 1e-6);
  EXPECT_EQ(errors.all()[1].own, 2.0 / 8.0);
  ASSERT_EQ(errors.wrong().size(), 1u);
  EXPECT_EQ(errors.wrong()[0], &errors.all()[1]);
  EXPECT_EQ(errors.worst(), &errors.all()[1]);
  // What all layers before add to it says nothing of this one.
  ASSERT_TRUE(errors.addAccumulated(layer(), Tensor::floats({3, 2}, {9, 9, 9, 9, 9, 9}), 0, why));
  EXPECT_EQ(errors.wrong().size(), 1u);
  EXPECT_EQ(errors.all()[0].accumulated, 8.0 / 9.0);
}

// A large row does not hide what is wrong in another; a small one is no reason to complain.
TEST_F(LayerErrorsTest, RowsCountAsTheMiddleOneAtLeast) {
  give("prefill", 0, {1e-6f, 2e-6f, 1, 1.5f, 1e6f, 1e6f});
  errors.begin(record);
  expected = Tensor::floats({3, 2}, {0, 0, 1, 1, 1e6f, 1e6f});
  ASSERT_TRUE(errors.addOwn(layer(), expected, 1e-3, 0, why)) << why;
  EXPECT_NEAR(errors.all()[0].own, 0.5e-6, 1e-9); // the middle one of two is the larger
  expected = Tensor::floats({3, 2}, {1e-6f, 1e-6f, 1, 1, 1e6f, 1e6f});
  ASSERT_TRUE(errors.addOwn(layer(), expected, 1e-3, 0, why)) << why;
  EXPECT_EQ(errors.all()[0].own, 0.5);
  ASSERT_TRUE(errors.addOwn(layer(), expected, 1e-3, /*least=*/50, why)) << why;
  EXPECT_EQ(errors.all()[0].own, 0.01);
}

TEST_F(LayerErrorsTest, RowsThatNoStepGaveAreNotCompared) {
  give("prefill", 1, {3, 4});
  errors.begin(record);
  ASSERT_TRUE(errors.addOwn(layer(), expected, 1e-3, 0, why)) << why;
  EXPECT_EQ(errors.all()[0].own, 0);
}

TEST_F(LayerErrorsTest, WhatIsNotFiniteIsInfinitelyWrong) {
  give("prefill", 0, {1, std::numeric_limits<float>::quiet_NaN()});
  errors.begin(record);
  ASSERT_TRUE(errors.addOwn(layer(), expected, 1e30, 0, why)) << why;
  EXPECT_TRUE(std::isinf(errors.worst()->own));
  EXPECT_EQ(errors.wrong().size(), 1u);
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

TEST_F(LayerErrorsTest, MeasuresAnglesAndMeanSquares) {
  // Twice the expected values, and one that should have been 4 the other way round.
  give("prefill", 0, {2, 4, 6, -8});
  errors.begin(record);
  ASSERT_TRUE(errors.addAccumulated(layer(), expected, 0, why)) << why;
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
  give("prefill", 0, {1, 2});
  errors.begin(record);
  errors.addFloat(layer(), Tensor::floats({3, 2}, {2, 4, 0, 0, 0, 0}));
  ASSERT_TRUE(errors.all()[0].fromFloat.has_value());
  EXPECT_DOUBLE_EQ(errors.all()[0].fromFloat->rootMeanSquare(), 0.5);
  EXPECT_DOUBLE_EQ(errors.all()[0].fromFloat->cosine(), 1);
}

TEST_F(LayerErrorsTest, AnotherWidthIsAFault) {
  give("prefill", 0, {1, 2});
  errors.begin(record);
  EXPECT_FALSE(
      errors.addOwn(layer(), Tensor::zeros(reference::ElementType::F32, {3, 3}), 1, 0, why));
  EXPECT_EQ(why, "a: expected 3 rows of 3 elements, found 3 of 2");
  errors.addFloat(layer(), Tensor::zeros(reference::ElementType::F32, {3, 3}));
  EXPECT_FALSE(errors.all()[0].fromFloat.has_value());
}

TEST_F(LayerErrorsTest, TheSameBitsAreNotJudgedTwice) {
  give("encode", 0, {1, 2, 3, 4, 5, 6});
  errors.begin(record);
  ASSERT_TRUE(errors.addOwn(layer(), expected, 0.2, 0, why)) << why;
  LayerRecord again{3, names};
  give(again, "encode_1", 0, {1, 2, 3, 4});
  EXPECT_FALSE(again.sameValues(record));
  give(again, "encode_1", 2, {5, 6});
  ASSERT_TRUE(again.sameValues(record));
  errors.repeat(again);
  ASSERT_EQ(errors.all().size(), 2u);
  EXPECT_EQ(errors.all()[1].entry, "encode_1");
  EXPECT_EQ(errors.all()[1].own, 0.25);
  EXPECT_EQ(errors.wrong().size(), 2u);
}

} // namespace
