#include "cli/ChatCommand.h"

#include "cli/RunCommand.h"
#include "support/FakeGeometry.h"
#include "support/TestBundle.h"

#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

class ChatCommandTest : public ::testing::Test {
protected:
  ChatCommandTest() {
    options.bundle = bundle.path();
    options.threads = 1;
  }

  // What chatting about these lines, from a pipe, ends with.
  int chat(const std::string &lines) {
    out.str("");
    err.str("");
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    EXPECT_EQ(::write(ends[1], lines.data(), lines.size()), ssize_t(lines.size()));
    ::close(ends[1]);
    const int code = chatCommand(options, ends[0], out, err);
    ::close(ends[0]);
    return code;
  }
  // The events of one name.
  std::vector<nlohmann::json> events(const std::string &name) {
    std::vector<nlohmann::json> found;
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);)
      if (nlohmann::json json = nlohmann::json::parse(line); json["event"] == name)
        found.push_back(std::move(json));
    return found;
  }

  static constexpr const char *kSign = BLUEC_SOURCE_DIR "/tests/golden/runtime/pictures/one.png";
  TestBundle bundle;
  ChatOptions options;
  std::ostringstream out, err;
};

// Only answers on the one stream, nothing on the other: it can be a part of a pipe.
TEST_F(ChatCommandTest, AnswersLineByLine) {
  EXPECT_EQ(chat("hello\n\n//slash\nlast, without an end"), ExitDone);
  EXPECT_EQ(out.str(), "hello\n/slash\nlast, without an end\n");
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(chat("one\r\n/quit\ntwo\n"), ExitDone);
  EXPECT_EQ(out.str(), "one\n");
  EXPECT_EQ(chat(""), ExitDone);
}

TEST_F(ChatCommandTest, PicturesOfSeveralTurns) {
  const std::string image = std::string("/image ") + kSign + "\n";
  for (const bool decoupled : {true, false})
    for (const bool ahead : {true, false}) {
      options.decoupled = decoupled;
      options.prefillAhead = ahead;
      EXPECT_EQ(chat(image + image + "a<image>b<image>\n" + image + "c\n" + image + image +
                     "/drop 1\n/drop\nd\n"),
                ExitDone)
          << err.str();
      EXPECT_EQ(out.str(), "ab\nc\nd\n");
    }
}

TEST_F(ChatCommandTest, Events) {
  options.json = true;
  options.typingRate = 500;
  ASSERT_EQ(chat(std::string("/image ") + kSign + "\nhow\n/stats\n/help\n/reset\n"), ExitDone);
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(events("ready").at(0)["context"], FAKE_CONTEXT);
  EXPECT_EQ(events("picture").at(0)["file"], kSign);
  EXPECT_EQ(events("text").size(), 3u);
  const nlohmann::json answer = events("answer").at(0);
  EXPECT_EQ(answer["text"], "how");
  EXPECT_EQ(answer["stop"], "end");
  EXPECT_GE(answer["seconds"]["picture_to_first_token"], 3 / 500.0) << "it took time to type";
  EXPECT_GE(answer["seconds"]["question_to_first_token"], 0.0);
  const nlohmann::json stats = events("stats").at(0);
  EXPECT_EQ(stats["tiles"], 1);
  EXPECT_EQ(stats["position"], 2 + FAKE_TOKENS_PER_TILE + 3 + 1 + 3);
  EXPECT_EQ(events("help").at(0)["commands"].size(), 9u);
  EXPECT_EQ(events("reset").size(), 1u);
}

// What is wrong with a line is said, and the next one is answered.
TEST_F(ChatCommandTest, FaultsEndNothing) {
  const std::string bad = bundle.file("manifest.json");
  EXPECT_EQ(chat("/image /nowhere.png\n/image " + bad +
                 "\nnot asked\nhi\n/fly\n/drop 7\n<image>\n" + "\xff\n/forget 5\n/continue\nbye\n"),
            ExitInputAtFault);
  EXPECT_EQ(out.str(), "hi\nbye\n");
  EXPECT_EQ(err.str(),
            "error: /nowhere.png: no such file or directory\n"
            "error: " +
                bad +
                ": picture: expected a png or jpeg file, found something else; it was taken back, "
                "and nothing was asked\n"
                "error: there is no command '/fly'; see /help\n"
                "error: /drop: expected a picture from 1 to 0, found '7'\n"
                "error: prompt: expected as many '<image>' as pictures (0), found 1\n"
                "error: prompt: expected utf-8, found something else at byte 0\n"
                "error: turns: expected 0 to 1, found 5\n"
                "error: generate: expected a turn to answer, found none\n");
}

// The question that did not fit is asked again when there is room.
TEST_F(ChatCommandTest, FullContext) {
  const std::string first(20, 'a'), second(20, 'b'), third(30, 'c');
  options.maxNewTokens = 30;
  EXPECT_EQ(chat(first + "\n" + second + "\n" + third + "\n/forget\nmore\n"), ExitInputAtFault);
  EXPECT_EQ(out.str(), first + "\n" + second + "\n" + third + "\nmore\n");
  EXPECT_EQ(err.str(), "error: prompt: it takes 33 tokens, and 10 of the context's 96 are left: "
                       "/forget drops the oldest turns (at least 1 of 2) and asks again, /reset "
                       "begins anew, /quit ends\n"
                       "forgot 2 of 2 turns\n");
  EXPECT_EQ(chat(first + "\n" + std::string(100, 'x') + "\n/forget\n/reset\nmore\n"),
            ExitInputAtFault);
  EXPECT_EQ(out.str(), first + "\nmore\n");
  EXPECT_EQ(err.str(),
            "error: prompt: it takes 103 tokens, and 53 of the context's 96 are left; it "
            "cannot fit: ask less, or take pictures back with /drop\n"
            "error: /forget: the question takes 103 tokens, and the context holds 96\n");
}

TEST_F(ChatCommandTest, AnswerThatFillsTheContext) {
  const std::string first(10, 'a'), second(40, 'b');
  EXPECT_EQ(chat(first + "\n" + second + "\n/forget\n/continue\n"), ExitDone) << err.str();
  std::string answer = out.str().substr(first.size() + 1);
  std::erase(answer, '\n');
  EXPECT_EQ(answer, second);
  EXPECT_EQ(err.str(),
            "the context of 96 tokens is full, and the answer is cut short: /forget drops "
            "the oldest turns, /continue goes on then, /reset begins anew\n"
            "forgot 1 of 2 turns\n");
}

TEST_F(ChatCommandTest, MemoryLog) {
  options.memoryLog = bundle.file("memory.csv");
  options.typingRate = 200;
  ASSERT_EQ(chat("some question\n"), ExitDone);
  const std::string log = readWhole(options.memoryLog);
  EXPECT_TRUE(log.starts_with("seconds,resident,anonymous,file,phase\n"));
  EXPECT_NE(log.find(",typing\n"), log.npos) << log;
  options.memoryLog = "/nowhere/memory.csv";
  EXPECT_EQ(chat("x\n"), ExitInputAtFault);
  EXPECT_EQ(err.str(), "error: /nowhere/memory.csv: cannot be written\n");
}

TEST_F(ChatCommandTest, InputAtFault) {
  options.temperature = -1;
  EXPECT_EQ(chat("x\n"), ExitInputAtFault);
  options.temperature = 0;
  options.bundle = "/nowhere";
  EXPECT_EQ(chat("x\n"), ExitInputAtFault);
  EXPECT_EQ(err.str(), "error: /nowhere: no such file or directory\n");
}

} // namespace
