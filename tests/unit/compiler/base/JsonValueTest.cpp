// JSON text: what is read, what is refused and where, and that writing gives the same again.
#include "compiler/base/JsonValue.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace bluec;

namespace {

JsonValue parsed(std::string_view text) {
  std::string fault;
  std::optional<JsonValue> value = parseJson(text, "a.json", JsonLimits(), fault);
  EXPECT_TRUE(value) << fault;
  return value ? std::move(*value) : JsonValue();
}

std::string faultOf(std::string_view text, JsonLimits limits = {}) {
  std::string fault;
  EXPECT_FALSE(parseJson(text, "a.json", limits, fault)) << text;
  return fault;
}

std::string again(std::string_view text) { return parsed(text).text(); }

TEST(JsonValueTest, KeepsWhatKindAValueIs) {
  JsonValue value = parsed(R"({"a": [1, 2.0, "x", true, null], "b": {}})");
  const JsonValue::Array &values = *value.find("a")->array();
  EXPECT_EQ(values[0].integer(), 1);
  EXPECT_EQ(values[0].number(), 1.0);
  EXPECT_FALSE(values[1].integer());
  EXPECT_EQ(values[1].number(), 2.0);
  EXPECT_EQ(*values[2].string(), "x");
  EXPECT_TRUE(*values[3].boolean());
  EXPECT_TRUE(values[4].isNull());
  EXPECT_FALSE(values[4].string());
  EXPECT_TRUE(value.find("b")->isObject());
  EXPECT_FALSE(value.find("c"));
  EXPECT_FALSE(values[0].find("a"));
}

TEST(JsonValueTest, KnowsWhereAValueStands) {
  JsonValue value = parsed("\xef\xbb\xbf{\n  \"a\": [1,\r\n\t 2]}");
  EXPECT_EQ(jsonPlaceText("f", value.place()), "f:1:1");
  const JsonValue &list = *value.find("a");
  EXPECT_EQ(jsonPlaceText("f", list.place()), "f:2:8");
  EXPECT_EQ(jsonPlaceText("f", (*list.array())[1].place()), "f:3:3");
  EXPECT_EQ(jsonPlaceText("f", JsonValue(true).place()), "f");
}

TEST(JsonValueTest, WritesWhatItRead) {
  for (const char *text : {"null",
                           "[]",
                           "{}",
                           "[true,false]",
                           R"({"b":1,"a":[{"c":"d"}]})",
                           "-9223372036854775808",
                           "9223372036854775807",
                           "18446744073709551615",
                           "0.0",
                           "-0.0",
                           "0.1",
                           "1.0",
                           "100.0",
                           "123456789012345.0",
                           "1e+15",
                           "1.5e+300",
                           "0.0001",
                           "1e-05",
                           "1.25e-07",
                           "-2.5",
                           "1e+18",
                           "5e-324",
                           R"("a\"\\\b\f\n\r\t\u0001/é𝄞")",
                           "Infinity",
                           "-Infinity",
                           "NaN"})
    EXPECT_EQ(again(text), text);
  EXPECT_EQ(again(" [ 1 ,\n2E3, 1e-999, -0 ] "), "[1,2000.0,0.0,0]");
}

TEST(JsonValueTest, ReadsEscapes) {
  EXPECT_EQ(*parsed(R"("\u00e9\ud834\udd1e\u0041\/")").string(), "é𝄞A/");
  EXPECT_EQ(faultOf(R"("\ud834x")"),
            "a.json:1:8: expected both halves of a surrogate pair, found 'x'");
  EXPECT_EQ(faultOf(R"("\u12g4")"), "a.json:1:4: expected four hexadecimal digits, found '12g4'");
  EXPECT_EQ(faultOf(R"("\x")"), "a.json:1:3: expected an escape sequence, found 'x'");
}

TEST(JsonValueTest, TheLastOfSeveralMembersCounts) {
  EXPECT_EQ(again(R"({"a":1,"b":2,"a":3,"c":4,"a":5})"), R"({"a":5,"b":2,"c":4})");
}

TEST(JsonValueTest, TakesInfinityAsPythonWritesIt) {
  JsonValue value = parsed("[Infinity, -Infinity, NaN]");
  EXPECT_EQ((*value.array())[0].number(), HUGE_VAL);
  EXPECT_EQ((*value.array())[1].number(), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(*(*value.array())[2].number()));
}

TEST(JsonValueTest, SaysWhereTheFaultIs) {
  EXPECT_EQ(faultOf(""), "a.json:1:1: expected a JSON value, found the end");
  EXPECT_EQ(faultOf("not JSON"), "a.json:1:1: expected a JSON value, found 'not'");
  EXPECT_EQ(faultOf("{\n  \"a\": 1,,\n}"), "a.json:2:10: expected a name in quotes, found ','");
  EXPECT_EQ(faultOf("{\n// a comment\n}"), "a.json:2:1: expected a name in quotes, found '/'");
  EXPECT_EQ(faultOf("{\"a\" 1}"), "a.json:1:6: expected ':', found '1'");
  EXPECT_EQ(faultOf("{\"a\": 1"), "a.json:1:8: expected ',' or '}', found the end");
  EXPECT_EQ(faultOf("[1 2]"), "a.json:1:4: expected ',' or ']', found '2'");
  EXPECT_EQ(faultOf("[1,\n"), "a.json:2:1: expected a JSON value, found the end");
  EXPECT_EQ(faultOf("[1]\n]"), "a.json:2:1: expected the end, found ']'");
  EXPECT_EQ(faultOf("\"abc"), "a.json:1:5: expected the end of a string, found the end");
  EXPECT_EQ(faultOf("\"a\nb\""),
            "a.json:1:3: expected a string without control characters, found byte 0x0a");
  EXPECT_EQ(faultOf("\"\xff\""), "a.json:1:2: expected UTF-8, found byte 0xff");
  for (const char *number : {"01", "1.", ".5", "-", "1e", "+1", "0x10", "1_000", "Inf"})
    EXPECT_NE(faultOf(number), "") << number;
  EXPECT_EQ(faultOf("[1e999]"), "a.json:1:2: expected a number that a double holds, found '1e999'");
}

TEST(JsonValueTest, RefusesWhatIsNoUtf8) {
  for (const char *text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
    EXPECT_NE(faultOf("\"" + std::string(text) + "\"").find("expected UTF-8"), std::string::npos);
}

TEST(JsonValueTest, KeepsToItsLimits) {
  JsonLimits limits = {size_t{1} << 20, /*depth=*/3, /*values=*/5};
  EXPECT_EQ(faultOf("[[[[1]]]]", limits), "a.json:1:4: expected at most 3 levels of nesting");
  EXPECT_EQ(faultOf("[1,2,3,4,5]", limits), "a.json:1:10: expected at most 5 values, found more");
  EXPECT_EQ(faultOf(std::string(2 << 20, ' '), limits),
            "a.json: expected at most 1 MiB, found 2097152 bytes");
  EXPECT_NE(faultOf(std::string(500000, '[')).find("levels of nesting"), std::string::npos);
}

} // namespace
