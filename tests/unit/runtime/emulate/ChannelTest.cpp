#include "emulate/Channel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace bluec::runtime;

namespace {

struct Ends {
  Ends() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0); }

  int sockets[2];
};

TEST(Channel, CarriesFramesAndFiles) {
  const Ends ends;
  Channel one(ends.sockets[0]), other(ends.sockets[1]);
  const int file = ::memfd_create("test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(file, 7), 0);
  Writer words;
  words.u32(7);
  words.u64(std::uint64_t(1) << 40);
  words.i32(-3);
  words.i64(-4);
  words.text("five");
  words.status({Code::BadBundle, "six"});
  // Two frames at once, the second with a file.
  ASSERT_TRUE(one.send(Message::Step, {}));
  ASSERT_TRUE(one.send(Message::Map, words.get(), file));
  Frame frame;
  ASSERT_TRUE(other.receive(frame));
  EXPECT_EQ(frame.kind, Message::Step);
  EXPECT_TRUE(frame.payload.empty());
  EXPECT_EQ(frame.file, -1);
  ASSERT_TRUE(other.receive(frame));
  EXPECT_EQ(frame.kind, Message::Map);
  EXPECT_EQ(::lseek(frame.file, 0, SEEK_END), 7);
  Reader reader(frame.payload);
  EXPECT_EQ(reader.u32(), 7u);
  EXPECT_EQ(reader.u64(), std::uint64_t(1) << 40);
  EXPECT_EQ(reader.i32(), -3);
  EXPECT_EQ(reader.i64(), -4);
  EXPECT_EQ(reader.text(), "five");
  const Status status = reader.status();
  EXPECT_EQ(status.getCode(), Code::BadBundle);
  EXPECT_EQ(status.message(), "six");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  ::close(frame.file);
  ::close(file);
}

// More than a socket holds.
TEST(Channel, CarriesLargeFrames) {
  const Ends ends;
  Channel one(ends.sockets[0]), other(ends.sockets[1]);
  const std::vector<std::uint8_t> bytes(std::size_t(5) << 20, 42);
  std::thread sender([&] { EXPECT_TRUE(one.send(Message::Answer, bytes)); });
  Frame frame;
  EXPECT_TRUE(other.receive(frame));
  sender.join();
  EXPECT_EQ(frame.payload, bytes);
}

TEST(Channel, SaysWhenTheOtherEndIsGone) {
  const Ends ends;
  Channel one(ends.sockets[0]);
  // Half of a frame's head, then nothing.
  ASSERT_EQ(::write(ends.sockets[1], "abcd", 4), 4);
  ::close(ends.sockets[1]);
  Frame frame;
  EXPECT_FALSE(one.receive(frame));
  EXPECT_FALSE(one.send(Message::Step, {}));
}

TEST(Channel, RefusesAbsurdSizes) {
  const Ends ends;
  Channel one(ends.sockets[0]);
  const std::uint8_t head[] = {1, 0, 0, 0, 255, 255, 255, 255};
  ASSERT_EQ(::write(ends.sockets[1], head, sizeof head), ssize_t(sizeof head));
  Frame frame;
  EXPECT_FALSE(one.receive(frame));
  ::close(ends.sockets[1]);
}

TEST(Reader, TextLongerThanWhatIsThere) {
  const std::uint8_t bytes[] = {255, 255, 255, 255, 'a'};
  Reader reader(bytes);
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
}

} // namespace
