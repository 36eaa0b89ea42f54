#include "emulate/Channel.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace bluec::runtime {
namespace {

// More than any descriptor has.
constexpr std::uint32_t kLargestPayload = std::uint32_t(64) << 20;

// How much of `bytes` went through; the rest is the next one's. 0: the other end is gone.
std::size_t sendSome(int socket, std::span<const std::uint8_t> bytes, int file) {
  iovec part{const_cast<std::uint8_t *>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof file)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (file >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof file);
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
  }
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent >= 0)
      return std::size_t(sent);
    if (errno != EINTR)
      return 0;
  }
}

bool sendAll(int socket, std::span<const std::uint8_t> bytes, int file) {
  while (!bytes.empty()) {
    const std::size_t sent = sendSome(socket, bytes, file);
    if (sent == 0)
      return false;
    file = -1; // it went with the first byte
    bytes = bytes.subspan(sent);
  }
  return true;
}

std::size_t receiveSome(int socket, std::span<std::uint8_t> bytes, int &file) {
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof file)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got <= 0)
    return 0;
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
      // Room is rounded up, so there may be more than one: the last one counts.
      for (std::size_t at = 0; CMSG_LEN(at + sizeof file) <= header->cmsg_len; at += sizeof file) {
        if (file >= 0)
          ::close(file);
        std::memcpy(&file, CMSG_DATA(header) + at, sizeof file);
      }
  return std::size_t(got);
}

bool receiveAll(int socket, std::span<std::uint8_t> bytes, int &file) {
  while (!bytes.empty()) {
    const std::size_t got = receiveSome(socket, bytes, file);
    if (got == 0)
      return false;
    bytes = bytes.subspan(got);
  }
  return true;
}

} // namespace

void Writer::text(std::string_view value) {
  u32(std::uint32_t(value.size()));
  bytes({reinterpret_cast<const std::uint8_t *>(value.data()), value.size()});
}

void Writer::status(const Status &value) {
  u32(std::uint32_t(value.getCode()));
  text(value.message());
}

std::span<const std::uint8_t> Reader::bytes(std::size_t count) {
  if (count > data.size()) {
    isWhole = false;
    data = {};
    return {};
  }
  const std::span<const std::uint8_t> taken = data.first(count);
  data = data.subspan(count);
  return taken;
}

std::string Reader::text() {
  const std::uint32_t size = u32();
  const std::span<const std::uint8_t> taken = bytes(size);
  return {taken.begin(), taken.end()};
}

Status Reader::status() {
  const std::uint32_t code = u32();
  std::string message = text();
  return {code <= std::uint32_t(Code::Internal) ? Code(code) : Code::Internal, std::move(message)};
}

Channel::~Channel() {
  if (socket >= 0)
    ::close(socket);
}

bool Channel::send(Message kind, std::span<const std::uint8_t> payload, int file) {
  Writer head;
  head.u32(std::uint32_t(kind));
  head.u32(std::uint32_t(payload.size()));
  return payload.size() <= kLargestPayload && sendAll(socket, head.get(), file) &&
         sendAll(socket, payload, -1);
}

bool Channel::receive(Frame &frame) {
  std::uint8_t head[8];
  int file = -1;
  bool whole = receiveAll(socket, head, file);
  Reader reader(head);
  frame.kind = Message(reader.u32());
  const std::uint32_t size = reader.u32();
  whole = whole && size <= kLargestPayload;
  if (whole) {
    frame.payload.resize(size);
    whole = receiveAll(socket, frame.payload, file);
  }
  frame.file = file;
  if (!whole && file >= 0) {
    ::close(file);
    frame.file = -1;
  }
  return whole;
}

} // namespace bluec::runtime
