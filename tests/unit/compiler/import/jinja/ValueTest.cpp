#include "compiler/import/jinja/Value.h"

#include "compiler/import/jinja/ValueText.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace bluec::jinja;

namespace {

class ValueTest : public testing::Test {
protected:
  std::string repr(const Value &value) { return reprOf(value, budget); }
  bool equal(const Value &a, const Value &b) { return equals(a, b, budget); }

  Budget budget{Limits()};
};

TEST_F(ValueTest, KindsAreWhatTheyAreMadeOf) {
  EXPECT_EQ(Value().kind(), Kind::Undefined);
  EXPECT_EQ(Value::none().kind(), Kind::None);
  EXPECT_EQ(Value(true).kind(), Kind::Bool);
  EXPECT_EQ(Value(1).kind(), Kind::Int);
  EXPECT_EQ(Value(size_t{1}).kind(), Kind::Int);
  EXPECT_EQ(Value(1.0).kind(), Kind::Float);
  EXPECT_EQ(Value("a").kind(), Kind::String);
  EXPECT_EQ(Value::list({}).kind(), Kind::List);
  EXPECT_EQ(Value::tuple({}).kind(), Kind::Tuple);
  EXPECT_EQ(Value::dict({}).kind(), Kind::Dict);
}

TEST_F(ValueTest, LengthsAreOfCodePoints) {
  EXPECT_EQ(Value("h\xc3\xa9\xe6\xbc\xa2").length(), 3u);
  EXPECT_EQ(Value("\xff\xe6").length(), 2u); // no UTF-8
  EXPECT_EQ(Value(Range{0, 10, 3}).length(), 4u);
  EXPECT_EQ(Value(1).length(), std::nullopt);
}

TEST_F(ValueTest, ADictKeepsPlacesAndTheLastValue) {
  const Value dict = Value::dict({{"a", 1}, {"b", 2}, {"a", 3}});
  EXPECT_EQ(repr(dict), "{'a': 3, 'b': 2}");
  EXPECT_TRUE(equal(dict, Value::dict({{"b", 2.0}, {"a", 3}})));
  EXPECT_EQ(dict.dictionary()->find("c"), nullptr);
}

TEST_F(ValueTest, NumbersAreEqualAcrossTypes) {
  EXPECT_TRUE(equal(1, 1.0));
  EXPECT_TRUE(equal(1, true));
  EXPECT_FALSE(equal(1, "1"));
  // 2**53 + 1 is no double.
  EXPECT_FALSE(equal(int64_t{9007199254740993}, 9007199254740992.0));
  EXPECT_EQ(hashKey(1, budget), hashKey(1.0, budget));
  EXPECT_EQ(hashKey(Value::list({}), budget), std::nullopt);
  EXPECT_EQ(compare(1, std::nan(""), budget), std::nullopt);
}

TEST_F(ValueTest, FloatsAreWrittenAsPythonDoes) {
  EXPECT_EQ(floatText(1), "1.0");
  EXPECT_EQ(floatText(-0.0), "-0.0");
  EXPECT_EQ(floatText(0.1), "0.1");
  EXPECT_EQ(floatText(1e15), "1000000000000000.0");
  EXPECT_EQ(floatText(1e16), "1e+16");
  EXPECT_EQ(floatText(0.0001), "0.0001");
  EXPECT_EQ(floatText(0.00001), "1e-05");
  EXPECT_EQ(floatText(1.5e300), "1.5e+300");
  EXPECT_EQ(floatText(std::numeric_limits<double>::infinity()), "inf");
}

TEST_F(ValueTest, TheEndsOfARangeDoNotOverflow) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ((Range{5, 0, kLeast}.size()), 1);
  EXPECT_EQ((Range{0, 10, 3}.size()), 4);
  EXPECT_EQ((Range{10, 0, -3}.size()), 4);
  EXPECT_EQ((Range{0, 0, 1}.size()), 0);
}

} // namespace
