#include "cli/OptionTable.h"

#include "cli/BenchCommand.h"
#include "cli/ChatCommand.h"
#include "cli/InspectCommand.h"
#include "cli/RunCommand.h"
#include "cli/TilesCommand.h"

#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

using namespace bluec::runtime;

namespace {

class OptionTableTest : public ::testing::Test {
protected:
  // What reading these words says; "" when they are right.
  std::string read(std::initializer_list<std::string_view> words) {
    return readArguments(table, {words.begin(), words.size()}).message();
  }

  std::string place, text;
  std::vector<std::string> texts;
  std::vector<std::int64_t> list;
  std::optional<std::int64_t> number;
  std::optional<double> rate;
  int count = 0;
  std::uint64_t large = 0;
  float share = 0;
  bool on = false, off = true;
  OptionTable table{"test",
                    "A test.",
                    {{.name = "place", .target = &place, .help = "where", .required = true},
                     {.name = "--text", .target = &text, .help = "a text"},
                     {.name = "--texts", .target = &texts, .help = "texts"},
                     {.name = "--list", .target = &list, .help = "numbers", .whole = {0, 100}},
                     {.name = "--count", .target = &count, .help = "a number", .whole = {1, 16}},
                     {.name = "--large",
                      .target = &large,
                      .help = "a large number",
                      .whole = {0, std::numeric_limits<std::int64_t>::max()}},
                     {.name = "--number",
                      .target = &number,
                      .help = "a number or none",
                      .whole = {1, 9},
                      .shortName = "-n"},
                     {.name = "--rate", .target = &rate, .help = "a rate or none", .real = {0, 1}},
                     {.name = "--share", .target = &share, .help = "a share", .real = {0.5, 2}},
                     {.name = "--on", .target = &on, .help = "a flag"},
                     {.name = "--no-off", .target = &off, .help = "another", .needs = "--on"},
                     {.name = "--kind",
                      .target = [this](std::string_view name) -> Status {
                        text = name;
                        return name == "good" ? Status()
                                              : Status(Code::InvalidArgument,
                                                       "expected good, found " + inQuotes(name));
                      },
                      .help = "good",
                      .excludes = {"--text"}}}};
};

TEST_F(OptionTableTest, ReadsEveryKind) {
  EXPECT_EQ(read({"--count", "16", "here", "--text", "--on", "--texts", "a", "--texts=b=c",
                  "--list", "7,0,100", "--large", "9223372036854775807", "--share=1.5", "--on",
                  "--no-off", "-n", "9", "--rate", "0.5"}),
            "");
  EXPECT_EQ(place, "here");
  EXPECT_EQ(text, "--on") << "a value may look like an option";
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b=c"}));
  EXPECT_EQ(list, (std::vector<std::int64_t>{7, 0, 100}));
  EXPECT_EQ(count, 16);
  EXPECT_EQ(number, 9);
  EXPECT_EQ(rate, 0.5);
  EXPECT_EQ(large, std::uint64_t(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(share, 1.5f);
  EXPECT_TRUE(on);
  EXPECT_FALSE(off);
}

TEST_F(OptionTableTest, WhatIsNotGivenStaysNone) {
  EXPECT_EQ(read({"a"}), "");
  EXPECT_EQ(number, std::nullopt);
  EXPECT_EQ(rate, std::nullopt);
}

TEST_F(OptionTableTest, SaysWhatIsWrong) {
  EXPECT_EQ(read({}), "place: expected, found none");
  EXPECT_EQ(read({"a", "b"}), "there is no place for 'b'");
  EXPECT_EQ(read({"a", "--nothing"}), "there is no option '--nothing'");
  EXPECT_EQ(read({"a", "--on=1"}), "there is no option '--on=1'");
  EXPECT_EQ(read({"a", "--count"}), "--count: expected a value, found none");
  EXPECT_EQ(read({"a", "--count", "1", "--count", "2"}), "--count: expected once, found again");
  EXPECT_EQ(read({"a", "--no-off"}), "--no-off: expected only with --on");
  EXPECT_EQ(read({"a", "--kind", "good", "--text", "x"}), "--kind: expected not with --text");
  EXPECT_EQ(read({"a", "--kind", "bad"}), "--kind: expected good, found 'bad'");
  for (const std::string_view found :
       {"0", "17", "", "x", "1x", "1.5", "+1", "0x1", " 1", "99999999999999999999"})
    EXPECT_EQ(read({"a", "--count", found}),
              "--count: expected a whole number from 1 to 16, found " + inQuotes(found));
  for (const std::string_view found : {"0.4", "2.1", "nan", "inf", "", "1 "})
    EXPECT_EQ(read({"a", "--share", found}),
              "--share: expected a number from 0.5 to 2, found " + inQuotes(found));
  EXPECT_EQ(read({"a", "--rate", "2"}), "--rate: expected a number from 0 to 1, found '2'");
  EXPECT_EQ(read({"a", "-n", "1", "--number", "2"}), "--number: expected once, found again");
  EXPECT_EQ(read({"a", "--large", "-1"}),
            "--large: expected a whole number from 0 to 9223372036854775807, found '-1'");
  EXPECT_EQ(read({"a", "--list", "1,101"}),
            "--list: expected a whole number from 0 to 100, found '101'");
  EXPECT_EQ(read({"a", "--list", "1,"}), "--list: expected a whole number from 0 to 100, found ''");
}

TEST_F(OptionTableTest, Help) {
  std::ostringstream out;
  printOptions(table, out);
  for (const char *line :
       {"  place TEXT                where (required)\n", "  --count INT from 1 to 16  a number\n",
        "  --on                      a flag\n",
        "  -n, --number INT from 1 to 9\n                            a number or none\n",
        "  --rate FLOAT from 0 to 1  a rate or none\n",
        "  --share FLOAT from 0.5 to 2\n                            a share\n"})
    EXPECT_NE(out.str().find(line), std::string::npos) << line << out.str();
}

// Of every command: names are there once, and those that others speak of exist.
TEST(OptionTablesTest, AreWhole) {
  RunOptions run;
  ChatOptions chat;
  BenchOptions bench;
  InspectOptions inspect;
  TilesOptions tiles;
  for (const OptionTable &table : {optionTable(run), optionTable(chat), optionTable(bench),
                                   optionTable(inspect), optionTable(tiles)}) {
    std::set<std::string> names;
    for (const Option &option : table.options)
      EXPECT_TRUE(names.insert(option.name).second) << option.name;
    for (const Option &option : table.options) {
      EXPECT_NE(std::string(option.help), "") << option.name;
      if (option.needs) {
        EXPECT_TRUE(names.contains(option.needs)) << option.needs;
      }
      for (const char *other : option.excludes)
        EXPECT_TRUE(names.contains(other)) << other;
    }
  }
}

} // namespace
