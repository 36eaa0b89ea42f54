#include "compiler/tools/bluec/CommandParser.h"

#include "runtime/cli/BenchCommand.h"
#include "runtime/cli/ChatCommand.h"
#include "runtime/cli/InspectCommand.h"
#include "runtime/cli/RunCommand.h"
#include "runtime/cli/TilesCommand.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace bluec;
using namespace bluec::tools;

namespace {

using Words = std::vector<std::string>;

/// What became of a command line: whether it was taken, else why not.
struct Outcome {
  bool taken = false;
  std::string why;
};

/// As `bluec-run` reads it.
Outcome byTable(const runtime::OptionTable &table, const Words &words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  const runtime::Status status = runtime::readArguments(table, views);
  return {status.ok(), status.message()};
}

/// As `bluec` reads it.
Outcome byParser(const runtime::OptionTable &table, Words words) {
  words.insert(words.begin(), table.command);
  const Command command{table, [] { return 0; }};
  const Asked asked = readCommandLine(words, {&command, 1}, "");
  return {asked.run != nullptr, asked.wrong};
}

template <typename Options> struct Both {
  Options ours, theirs;
  runtime::OptionTable table = runtime::optionTable(ours), other = runtime::optionTable(theirs);

  void expectSame(const Words &words, bool taken) {
    const Outcome mine = byTable(table, words), cli = byParser(other, words);
    std::string line = table.command;
    for (const std::string &word : words)
      line += " " + word;
    EXPECT_EQ(mine.taken, taken) << line << ": " << mine.why;
    EXPECT_EQ(cli.taken, taken) << line << ": " << cli.why;
  }
};

/// Values at both ends of every range are taken, those beyond are refused, in the same words.
template <typename Options> void checkRanges(const Words &needed) {
  Both<Options> both;
  for (const runtime::Option &option : both.table.options) {
    const std::string name = option.name;
    const auto check = [&](const std::string &value, bool taken) {
      Words words = needed;
      words.insert(words.end(), {name, value});
      both.expectSame(words, taken);
      if (!taken)
        EXPECT_EQ(byParser(both.other, words).why, byTable(both.table, words).why);
    };
    if (option.whole.most != 0) {
      check(std::to_string(option.whole.least), true);
      check(std::to_string(option.whole.most), true);
      check(std::to_string(option.whole.least - 1), false);
      check(std::to_string(std::uint64_t(option.whole.most) + 1), false);
      for (const char *found : {"", "many", "1.5", "0x10", "1 "})
        check(found, false);
    } else if (option.real.most != 0) {
      check(std::to_string(option.real.most), true);
      check(std::to_string(option.real.most * 1.01), false);
      for (const char *found : {"-1", "nan", "inf", "", "hot"})
        check(found, false);
    }
  }
}

TEST(CommandParserTest, SameRanges) {
  checkRanges<runtime::RunOptions>({"out", "--prompt", "x"});
  checkRanges<runtime::ChatOptions>({"out"});
  checkRanges<runtime::BenchOptions>({"out"});
  checkRanges<runtime::TilesOptions>({});
}

TEST(CommandParserTest, SameCommandLines) {
  const auto run = [](const Words &words, bool taken) {
    Both<runtime::RunOptions>().expectSame(words, taken);
  };
  run({"out", "--prompt", "x"}, true);
  run({"--prompt", "x", "out"}, true);
  run({"out", "--prompt=x", "--json"}, true);
  run({"out", "--prompt", "x", "--image", "a.png", "--image", "b.png"}, true);
  run({"--image", "a.png", "out", "--prompt", "x"}, true);
  run({"out", "--prompt", "x", "--trace", "t", "--beside", "u"}, true);
  run({"out", "--prompt=--json"}, true);
  run({"out", "--prompt", "-1"}, true);
  run({"out", "--prompt", "--json"}, true);
  run({"out"}, false);
  run({"--prompt", "x"}, false);
  run({"out", "--prompt"}, false);
  run({"out", "again", "--prompt", "x"}, false);
  run({"out", "--prompt", "x", "--prompt", "y"}, false);
  run({"out", "--prompt", "x", "--beside", "u"}, false);
  run({"out", "--prompt", "x", "--frobnicate"}, false);
  run({"out", "--prompt", "x", "--json=1"}, false);
  run({"out", "--prompt", "x", "--verify"}, false);
  Both<runtime::BenchOptions>().expectSame({"out", "--prefill", "512,2048", "--overlap"}, true);
  Both<runtime::BenchOptions>().expectSame({"--prefill", "512", "out"}, true);
  Both<runtime::BenchOptions>().expectSame({"out", "--prefill", "512,"}, false);
  Both<runtime::InspectOptions>().expectSame({"out", "--verify", "--json"}, true);
  Both<runtime::InspectOptions>().expectSame({}, false);
  const auto tiles = [](const Words &words, bool taken) {
    Both<runtime::TilesOptions>().expectSame(words, taken);
  };
  tiles({}, true);
  tiles({"768x1536", "380x76", "--scheme", "internvl"}, true);
  tiles({"--scheme", "other"}, false);
  tiles({"--max-grid", "3x3", "--max-tiles", "6"}, false);
  tiles({"--bundle", "out", "--tile", "384"}, false);
  tiles({"--bundle", "out", "--compare"}, true);
}

/// What is taken ends in the same values.
TEST(CommandParserTest, SameValues) {
  Both<runtime::ChatOptions> chat;
  chat.expectSame({"out", "--seed", "7", "--top-p", "0.25", "--no-decoupling", "--typing-rate",
                   "12.5", "--max-new-tokens", "3"},
                  true);
  for (const runtime::ChatOptions *options : {&chat.ours, &chat.theirs}) {
    EXPECT_EQ(options->bundle, "out");
    EXPECT_EQ(options->seed, 7u);
    EXPECT_EQ(options->topP, 0.25f);
    EXPECT_FALSE(options->decoupled);
    EXPECT_TRUE(options->prefillAhead);
    EXPECT_EQ(options->typingRate, 12.5);
    EXPECT_EQ(options->maxNewTokens, 3);
  }
  Both<runtime::BenchOptions> bench;
  bench.expectSame({"out", "--decode-at", "0,7", "--repeats", "2"}, true);
  for (const runtime::BenchOptions *options : {&bench.ours, &bench.theirs}) {
    EXPECT_EQ(options->decodeAt, (std::vector<std::int64_t>{0, 7}));
    EXPECT_EQ(options->repeats, 2);
  }
  Both<runtime::RunOptions> run;
  run.expectSame({"out", "--prompt", "", "--image", "a", "--image", "b"}, true);
  for (const runtime::RunOptions *options : {&run.ours, &run.theirs}) {
    EXPECT_EQ(options->prompt, "");
    EXPECT_EQ(options->images, (Words{"a", "b"}));
  }
  Both<runtime::TilesOptions> tiles;
  tiles.expectSame({"1x2", "3x4", "--no-thumbnail", "--scheme", "llava-next"}, true);
  for (const runtime::TilesOptions *options : {&tiles.ours, &tiles.theirs}) {
    EXPECT_EQ(options->sizes, (Words{"1x2", "3x4"}));
    EXPECT_FALSE(options->thumbnail);
    EXPECT_EQ(options->scheme, runtime::Scheme::LlavaNext);
  }
}

} // namespace
