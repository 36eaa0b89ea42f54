// Calibration sets, which may be hostile.
#include "compiler/driver/calibrate/Calibration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace bluec;

namespace {

struct CalibrationSetTest : testing::Test {
  CalibrationSetTest() {
    folder = std::filesystem::path(testing::TempDir()) / "bluec_calibration_set";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "a.png") << "picture";
    std::ofstream(folder / "b.png") << "picture";
  }
  ~CalibrationSetTest() override { std::filesystem::remove_all(folder); }

  llvm::Expected<std::vector<CalibrationQuestion>> read(const std::string &prompts) {
    std::ofstream(folder / "prompts.txt") << prompts;
    return readCalibrationSet(folder.string());
  }
  std::string errorOf(const std::string &prompts) {
    auto questions = read(prompts);
    std::string text = questions ? "" : llvm::toString(questions.takeError());
    std::string where = folder.string() + "/prompts.txt: ";
    return text.rfind(where, 0) == 0 ? text.substr(where.size()) : text;
  }

  std::filesystem::path folder;
};

TEST_F(CalibrationSetTest, ReadsQuestionsAndPictures) {
  auto questions = read("# about\n\nWhy?\r\na.png\tb.png\tWhat is\\nthis?\n");
  ASSERT_TRUE(bool(questions)) << llvm::toString(questions.takeError());
  ASSERT_EQ(questions->size(), 2u);
  EXPECT_EQ((*questions)[0].text, "Why?");
  EXPECT_TRUE((*questions)[0].pictures.empty());
  EXPECT_EQ((*questions)[1].text, "What is\nthis?");
  ASSERT_EQ((*questions)[1].pictures.size(), 2u);
  EXPECT_EQ(std::filesystem::path((*questions)[1].pictures[1]).filename(), "b.png");
}

TEST_F(CalibrationSetTest, RefusesWhatIsNoSet) {
  auto questions = readCalibrationSet((folder / "nowhere").string());
  EXPECT_FALSE(bool(questions));
  llvm::consumeError(questions.takeError());
  EXPECT_EQ(errorOf(""), "expected a question, found none");
  EXPECT_EQ(errorOf("# only this\n"), "expected a question, found none");
  EXPECT_EQ(errorOf("a.png\t \n"), "line 1: expected a question behind the pictures, found none");
  EXPECT_EQ(errorOf("Why?\n\xff\xfe\n"), "line 2: expected UTF-8");
  EXPECT_EQ(errorOf("none.png\tWhy?\n").rfind("line 1: picture: ", 0), 0u);
  EXPECT_EQ(errorOf("../a.png\tWhy?\n").rfind("line 1: picture: ", 0), 0u);
  EXPECT_EQ(errorOf("/etc/passwd\tWhy?\n").rfind("line 1: picture: ", 0), 0u);
  std::string many;
  for (int i = 0; i < 10001; ++i)
    many += "Why?\n";
  EXPECT_EQ(errorOf(many), "line 10001: expected at most 10000 questions, found more");
}

TEST_F(CalibrationSetTest, FollowsNoLinkOutOfTheSet) {
  std::filesystem::create_symlink("/etc/hostname", folder / "link.png");
  EXPECT_EQ(errorOf("link.png\tWhy?\n").rfind("line 1: picture: ", 0), 0u);
}

} // namespace
