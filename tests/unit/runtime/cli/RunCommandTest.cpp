#include "cli/RunCommand.h"

#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class RunCommandTest : public ::testing::Test {
protected:
  RunCommandTest() {
    options.bundle = bundle.path();
    options.prompt = "hello";
    options.threads = 1;
  }

  int run() {
    out.str("");
    err.str("");
    return runCommand(options, out, err);
  }

  TestBundle bundle;
  RunOptions options;
  std::ostringstream out, err;
};

TEST_F(RunCommandTest, Text) {
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "hello\n");
  EXPECT_EQ(err.str(), "");
}

TEST_F(RunCommandTest, Json) {
  options.json = true;
  options.images = {BLUEC_SOURCE_DIR "/tests/golden/runtime/pictures/one.png"};
  options.dumpLogits = bundle.file("logits");
  ASSERT_EQ(run(), ExitDone) << err.str();
  const nlohmann::json json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["text"], "hello");
  EXPECT_EQ(json["tokens"], nlohmann::json({'h', 'e', 'l', 'l', 'o', FAKE_END}));
  EXPECT_EQ(json["prompt_tokens"].size(), 10u);
  EXPECT_EQ(json["stop"], "end");
  EXPECT_EQ(json["tiles"], 1);
  EXPECT_EQ(json["threads"], 1);
  EXPECT_EQ(json["first_token"]["id"], int('h'));
  EXPECT_GE(json["seconds"]["encode"], 0.0);
  const std::string logits = readWhole(options.dumpLogits);
  ASSERT_EQ(logits.size(), std::size_t(FAKE_VOCABULARY * 4));
  float value = 0;
  std::memcpy(&value, logits.data() + 'h' * 4, 4);
  EXPECT_EQ(value, 8.0f);
}

// The bundle says how answers are made, unless the command line does.
TEST_F(RunCommandTest, TheBundlesAnswers) {
  bundle.manifest["generation"]["max_new_tokens"] = 2;
  bundle.write();
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "he\n");
  options.maxNewTokens = 3;
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "hel\n");
  options.maxNewTokens = 0;
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "hello\n");
  bundle.manifest["generation"]["temperature"] = 50;
  bundle.write();
  EXPECT_EQ(run(), ExitDone);
  EXPECT_NE(out.str(), "hello\n");
  options.temperature = 0;
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "hello\n");
}

// A rename would put a file in the place of what the name is of.
TEST_F(RunCommandTest, TraceOntoWhatIsNoFile) {
  const std::string link = bundle.file("link"), pipe = bundle.file("pipe");
  ASSERT_EQ(symlink("nowhere", link.c_str()), 0);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string &place : {link, pipe}) {
    options.trace = place;
    EXPECT_EQ(run(), ExitInputAtFault);
    EXPECT_NE(err.str().find(place + ": expected a file, found something else"), std::string::npos)
        << err.str();
    EXPECT_FALSE(std::filesystem::is_regular_file(std::filesystem::symlink_status(place)));
  }
}

// Each call and each step says its device.
TEST_F(RunCommandTest, Trace) {
  TestBundle two(BLUEC_FAKE_MODEL_FIRST, BLUEC_FAKE_MODEL_REST);
  options.bundle = two.path();
  options.images = {BLUEC_SOURCE_DIR "/tests/golden/runtime/pictures/one.png"};
  options.trace = two.file("trace.json");
  ASSERT_EQ(run(), ExitDone) << err.str();
  std::map<std::string, std::set<std::string>> devices; // by entry point
  const nlohmann::json trace = nlohmann::json::parse(readWhole(options.trace));
  for (const nlohmann::json &event : trace["traceEvents"])
    if (event["ph"] == "X")
      devices[event[event["cat"] == "call" ? "name" : "cat"]].insert(event["args"]["device"]);
  using Names = std::set<std::string>;
  EXPECT_EQ(devices, (std::map<std::string, Names>{{"encode_patches_1", {"cpu"}},
                                                   {"encode_blocks_1", {"npu"}},
                                                   {"embed", {"npu"}},
                                                   {"prefill", {"npu"}},
                                                   {"decode", {"npu"}}}));
}

TEST_F(RunCommandTest, ContextFullIsSaid) {
  options.prompt = std::string(FAKE_CONTEXT - 3, 'x');
  EXPECT_EQ(run(), ExitDone);
  EXPECT_EQ(out.str(), "x\n");
  EXPECT_EQ(err.str(), "warning: the context of 96 tokens is full; the answer is cut short\n");
}

// One line each, nothing on the other stream, exit code 1.
TEST_F(RunCommandTest, InputAtFault) {
  const auto expectLine = [&](const std::string &line) {
    EXPECT_EQ(run(), ExitInputAtFault);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(err.str(), "error: " + line + "\n");
  };
  options.images = {bundle.file("none.png")};
  expectLine(bundle.file("none.png") + ": no such file or directory");
  options.images = {bundle.file("manifest.json")};
  expectLine(bundle.file("manifest.json") +
             ": picture: expected a png or jpeg file, found something else");
  options.images.clear();
  options.prompt = "<image>";
  expectLine("prompt: expected as many '<image>' as pictures (0), found 1");
  options.prompt = std::string(1000, 'x');
  expectLine("prompt: it takes 1003 tokens, and 96 of the context's 96 are left");
  options.prompt = "\xff";
  expectLine("prompt: expected utf-8, found something else at byte 0");
  options.prompt = "x";
  options.temperature = -1;
  expectLine("temperature: expected a number of at least 0, found -1.000000");
  options.temperature = 0;
  options.bundle = "/nowhere";
  expectLine("/nowhere: no such file or directory");
}

} // namespace
