#include "compiler/driver/compile/ProgressLine.h"

#include <gtest/gtest.h>

using namespace bluec;

namespace {

TEST(ProgressLine, SaysHowFarAndHowFast) {
  std::string text;
  llvm::raw_string_ostream out(text);
  ProgressLine line(out, "weights", /*shown=*/true);
  auto start = ProgressLine::Clock::now();
  line.update(0, 2000000000, start);
  EXPECT_EQ(text, "") << "too early to say anything";
  line.update(500000000, 2000000000, start + std::chrono::seconds(10));
  EXPECT_EQ(text.find("\rweights     25%  500 of 2000 MB, "), 0u) << text;
  EXPECT_NE(text.find(" MB/s, "), std::string::npos);
  size_t length = text.size();
  line.update(600000000, 2000000000, start + std::chrono::milliseconds(10050));
  EXPECT_EQ(text.size(), length) << "not more often than a few times a second";
  line.clear();
  EXPECT_EQ(text.back(), '\r');
  EXPECT_GT(text.size(), length);
}

TEST(ProgressLine, IsQuietWithoutATerminal) {
  std::string text;
  llvm::raw_string_ostream out(text);
  ProgressLine line(out, "weights", /*shown=*/false);
  line.update(1, 2, ProgressLine::Clock::now() + std::chrono::seconds(10));
  line.clear();
  EXPECT_EQ(text, "");
}

} // namespace
