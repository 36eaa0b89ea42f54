#include "cli/LineReader.h"

#include <gtest/gtest.h>
#include <string_view>
#include <thread>
#include <unistd.h>

using namespace bluec::runtime;

namespace {

using Event = LineReader::Event;
constexpr std::chrono::milliseconds soon(20), late(60'000);

class LineReaderTest : public ::testing::Test {
protected:
  LineReaderTest() { EXPECT_EQ(::pipe(ends), 0); }
  ~LineReaderTest() override {
    ::close(ends[0]);
    close();
  }
  void write(std::string_view text) {
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), ssize_t(text.size()));
  }
  void close() {
    if (ends[1] >= 0)
      ::close(ends[1]);
    ends[1] = -1;
  }

  int ends[2] = {-1, -1};
  std::string line;
};

TEST_F(LineReaderTest, Lines) {
  LineReader reader(ends[0]);
  EXPECT_EQ(reader.next(line, soon), Event::Timeout);
  write("one\r\n\ntw");
  EXPECT_EQ(reader.next(line, late), Event::Line);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.next(line, late), Event::Line);
  EXPECT_EQ(line, "");
  EXPECT_EQ(reader.next(line, soon), Event::Timeout);
  write("o\nend");
  close();
  EXPECT_EQ(reader.next(line, late), Event::Line);
  EXPECT_EQ(line, "two");
  EXPECT_EQ(reader.next(line, late), Event::Line);
  EXPECT_EQ(line, "end");
  EXPECT_EQ(reader.next(line, late), Event::End);
  EXPECT_EQ(reader.next(line, late), Event::End);
}

TEST_F(LineReaderTest, Interrupted) {
  LineReader reader(ends[0]);
  reader.interrupt();
  reader.interrupt();
  EXPECT_EQ(reader.next(line, late), Event::Interrupted);
  std::thread other([&] { reader.interrupt(); });
  EXPECT_EQ(reader.next(line, late), Event::Interrupted);
  other.join();
  write("a\n");
  EXPECT_EQ(reader.next(line, late), Event::Line);
}

TEST(Interrupts, EachIsSeenOnItsOwnThread) {
  std::atomic<int> seen{0};
  {
    const Interrupts interrupts([&] { ++seen; });
    ::kill(::getpid(), SIGINT);
    while (seen == 0)
      std::this_thread::yield();
  }
  EXPECT_EQ(seen, 1);
}

} // namespace
