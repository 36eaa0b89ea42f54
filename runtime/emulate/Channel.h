// What the two halves of an emulated device say to each other: frames over a pair of sockets.
//
// A frame is its kind and the number of bytes that follow, each 32 bits; numbers are little-endian,
// a text is its length (32 bits) and its bytes. A frame may bring a file descriptor with it.
//
// The host asks, the server answers each question with one Answer, which begins with a code and
// a text as in Status. While an entry point runs, the server tells of each step, and waits for the
// host's word.
#ifndef BLUEC_RUNTIME_EMULATE_CHANNEL_H
#define BLUEC_RUNTIME_EMULATE_CHANNEL_H

#include "base/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// Changes with what is said here. Both halves are to come from one build: what the server checks
// and loads is its own build's matter.
inline constexpr std::uint32_t kProtocolVersion = 1;

enum class Message : std::uint32_t {
  Hello = 1, // server, first of all: u32 version
  Accepts,   // host: target, where it stands
  Check,     // host: loader, file
  Load,      // host: loader, file; the answer has: u32 code, descriptor
  Unload,    // host: u32 code
  Map,       // host: u32 memory, u64 bytes, u32 writable; a file descriptor
  Unmap,     // host: u32 memory
  Run,    // host: u64 entry's address, i64 count, i64 position, u32 whether steps are told, three
          //   places (arena, weights, kv): u32 memory (0: null), u64 offset; the answer has: i32
  Step,   // server: i64 index
  GoOn,   // host: i32, 0 or what ends the call
  Answer, // server
};

class Writer {
public:
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void i32(std::int32_t value) { number(std::uint32_t(value)); }
  void i64(std::int64_t value) { number(std::uint64_t(value)); }
  void text(std::string_view value);
  void bytes(std::span<const std::uint8_t> value) {
    data.insert(data.end(), value.begin(), value.end());
  }
  void status(const Status &value);

  std::span<const std::uint8_t> get() const { return data; }

private:
  template <typename T> void number(T value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
      data.push_back(std::uint8_t(value >> 8 * i));
  }

  std::vector<std::uint8_t> data;
};

// What is not there reads as zero or as nothing, and ok() says so.
class Reader {
public:
  explicit Reader(std::span<const std::uint8_t> data) : data(data) {}

  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int32_t i32() { return std::int32_t(u32()); }
  std::int64_t i64() { return std::int64_t(u64()); }
  std::string text();
  std::span<const std::uint8_t> bytes(std::size_t count);
  Status status();

  // Whether all that was read was there.
  bool ok() const { return isWhole; }
  std::size_t left() const { return data.size(); }

private:
  template <typename T> T number() {
    T value = 0;
    const std::span<const std::uint8_t> from = bytes(sizeof value);
    for (std::size_t i = 0; i < from.size(); ++i)
      value |= T(from[i]) << 8 * i;
    return value;
  }

  std::span<const std::uint8_t> data;
  bool isWhole = true;
};

struct Frame {
  Message kind{};
  std::vector<std::uint8_t> payload;
  int file = -1; // the receiver's to close
};

// One end of a pair of sockets.
class Channel {
public:
  explicit Channel(int socket) : socket(socket) {}
  Channel(const Channel &) = delete;
  Channel &operator=(const Channel &) = delete;
  ~Channel();

  int descriptor() const { return socket; }

  // False when the other end is gone, or does not speak like this.
  bool send(Message kind, std::span<const std::uint8_t> payload, int file = -1);
  bool receive(Frame &frame);

private:
  int socket;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_EMULATE_CHANNEL_H
