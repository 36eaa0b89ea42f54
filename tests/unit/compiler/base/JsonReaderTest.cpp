// Fields of JSON files: what each check says, and where.
#include "compiler/base/JsonReader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace bluec;

namespace {

struct JsonReaderTest : testing::Test {
  /// The reader of an object.
  JsonReader of(const std::string &text, JsonNulls nulls = JsonNulls::Wrong) {
    fault.clear();
    std::string noJson;
    value = parseJson(text, "a.json", JsonLimits(), noJson).value();
    return JsonReader(value, "a.json", "", fault, nulls);
  }

  JsonValue value;
  std::string fault;
};

TEST_F(JsonReaderTest, ReadsFields) {
  JsonReader reader = of(R"({"b": true, "i": 3, "n": 2, "s": "x", "l": [1], "o": {"i": 4}})");
  EXPECT_TRUE(reader.boolean("b", false));
  EXPECT_EQ(reader.integer("i", 1, 3), 3);
  EXPECT_EQ(reader.number("n", 0.5), 2);
  EXPECT_EQ(reader.string("s", ""), "x");
  EXPECT_EQ(reader.list("l", 0, 1)->size(), 1u);
  EXPECT_EQ(reader.child("o").integer("i", 0, 9), 4);
  EXPECT_FALSE(reader.boolean("none", false));
  EXPECT_EQ(reader.number("none", 0.5), 0.5);
  EXPECT_EQ(reader.integer("none", 0, 9), std::nullopt);
  EXPECT_EQ(reader.child("none").string("s", "y"), "y");
  EXPECT_EQ(reader.list("none", 0, 9), nullptr);
  EXPECT_EQ(fault, "");
}

TEST_F(JsonReaderTest, SaysWhereAndWhat) {
  (void)of("{\n \"i\": 4}").integer("i", 1, 3);
  EXPECT_EQ(fault, "a.json:2:7: i: expected a whole number from 1 to 3, found 4");
  (void)of("{\"i\": 1.0}").integer("i", 1, 3);
  EXPECT_EQ(fault, "a.json:1:7: i: expected a whole number from 1 to 3, found 1.0");
  (void)of("{\"n\": Infinity}").number("n", 0);
  EXPECT_EQ(fault, "a.json:1:7: n: expected a number, found Infinity");
  (void)of("{\"n\": 2}").number("n", 0, 0, 1.5);
  EXPECT_EQ(fault, "a.json:1:7: n: expected a number from 0.0 to 1.5, found 2");
  (void)of("{\"b\": 1}").boolean("b", true);
  EXPECT_EQ(fault, "a.json:1:7: b: expected true or false, found 1");
  (void)of("{\"l\": [1, 2]}").list("l", 3, 4, " pairs");
  EXPECT_EQ(fault, "a.json:1:7: l: expected a list of 3 to 4 pairs, found [1,2]");
  (void)of(R"({"c": "x"})").choice("c", std::vector<std::string>{"a", "b", "c"});
  EXPECT_EQ(fault, "a.json:1:7: c: expected a, b or c, found \"x\"");
  (void)of(R"({"s": "a\nb"})").line("s", "");
  EXPECT_EQ(fault, R"(a.json:1:7: s: expected a string without control characters, found "a\nb")");
}

TEST_F(JsonReaderTest, WhatIsNotThereIsMissedInItsObject) {
  (void)of("{\n \"o\": {}}").child("o").require("i", "a number");
  EXPECT_EQ(fault, "a.json:2:7: o.i: expected a number, found none");
}

TEST_F(JsonReaderTest, NoOtherNames) {
  EXPECT_TRUE(of(R"({"a": 1})").hasOnly({"a", "b"}));
  EXPECT_FALSE(of(R"({"c": 1})").hasOnly({"a", "b"}));
  EXPECT_EQ(fault, "a.json:1:7: expected a or b, found \"c\"");
}

TEST_F(JsonReaderTest, WhatIsNoObjectIsAFault) {
  EXPECT_FALSE(of("[]").find("a"));
  EXPECT_EQ(fault, "a.json:1:1: expected an object, found []");
}

TEST_F(JsonReaderTest, TheFirstFaultIsKept) {
  JsonReader reader = of(R"({"a": 1, "b": 2})");
  (void)reader.string("b", "");
  (void)reader.string("a", "");
  EXPECT_EQ(fault, "a.json:1:15: b: expected a string, found 2");
}

TEST_F(JsonReaderTest, NullIsNoValueInFilesOfOthers) {
  EXPECT_EQ(of(R"({"s": null})", JsonNulls::Absent).string("s", "x"), "x");
  EXPECT_EQ(fault, "");
  (void)of(R"({"s": null})").string("s", "x");
  EXPECT_EQ(fault, "a.json:1:7: s: expected a string, found null");
}

TEST_F(JsonReaderTest, ShowsLittleOfALongValue) {
  std::string shown = JsonReader::shown(std::string(57, 'x') + "ééé");
  EXPECT_EQ(shown, "\"" + std::string(57, 'x') + "é...");
  EXPECT_EQ(JsonReader::shown("short"), "\"short\"");
}

TEST_F(JsonReaderTest, KnowsTextFromNames) {
  EXPECT_EQ(inlineJson("{}"), "{}");
  EXPECT_EQ(inlineJson(asPassOption(R"({"a": 1})")), R"({"a": 1})");
  EXPECT_EQ(inlineJson("a.json"), std::nullopt);
  EXPECT_EQ(inlineJson("json:a"), std::nullopt);
  EXPECT_EQ(asPassOption("a.json"), "a.json");
}

TEST_F(JsonReaderTest, ReadsFiles) {
  std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "bluec_json_reader";
  std::ofstream(path) << "{\"a\": }";
  EXPECT_FALSE(readJsonFile(path.string(), "shown", JsonLimits(), fault));
  EXPECT_EQ(fault, "shown:1:7: expected a JSON value, found '}'");
  std::ofstream(path) << "{\"a\": 1}";
  EXPECT_TRUE(readJsonFile(path.string(), "shown", JsonLimits(), fault));
  std::filesystem::remove(path);
  EXPECT_FALSE(readJsonFile(path.string(), "shown", JsonLimits(), fault));
  EXPECT_EQ(fault, "shown: expected a file of at most 1 MiB");
  EXPECT_FALSE(readJsonFile(testing::TempDir(), "shown", JsonLimits(), fault));
}

} // namespace
