#include "cli/LineReader.h"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace bluec::runtime {
namespace {

constexpr long kLookPeriod = 50'000'000; // nanoseconds

sigset_t interruptSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

} // namespace

Interrupts::Interrupts(std::function<void()> function) : onInterrupt(std::move(function)) {
  const sigset_t set = interruptSet();
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  thread = std::thread([this, set] {
    const timespec wait{0, kLookPeriod};
    while (!stopping.load(std::memory_order_relaxed))
      if (::sigtimedwait(&set, nullptr, &wait) == SIGINT)
        onInterrupt();
  });
}

Interrupts::~Interrupts() {
  stopping.store(true, std::memory_order_relaxed);
  thread.join();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineReader::LineReader(int file) : file(file) {
  if (::pipe2(wakeup, O_CLOEXEC | O_NONBLOCK) != 0)
    wakeup[0] = wakeup[1] = -1; // then interrupts are seen with the next line
}

LineReader::~LineReader() {
  for (const int end : wakeup)
    if (end >= 0)
      ::close(end);
}

void LineReader::interrupt() {
  const char byte = 0;
  (void)!::write(wakeup[1], &byte, 1);
}

bool LineReader::takeLine(std::string &line) {
  const std::size_t end = buffer.find('\n');
  if (end == buffer.npos && !(ended && !buffer.empty()))
    return false;
  line = buffer.substr(0, end);
  buffer.erase(0, end == buffer.npos ? end : end + 1);
  if (line.ends_with('\r'))
    line.pop_back();
  return true;
}

LineReader::Event LineReader::next(std::string &line, std::chrono::milliseconds timeout) {
  while (true) {
    if (takeLine(line))
      return Event::Line;
    if (ended)
      return Event::End;
    pollfd files[2] = {{file, POLLIN, 0}, {wakeup[0], POLLIN, 0}};
    const int ready = ::poll(files, 2, int(timeout.count()));
    if (ready == 0)
      return Event::Timeout;
    if (ready < 0) {
      if (errno == EINTR)
        continue;
      ended = true;
      continue;
    }
    char bytes[4096];
    if (files[1].revents != 0) {
      while (::read(wakeup[0], bytes, sizeof bytes) > 0) {
      }
      return Event::Interrupted;
    }
    const ssize_t count = ::read(file, bytes, sizeof bytes);
    if (count > 0)
      buffer.append(bytes, std::size_t(count));
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
      ended = true;
  }
}

} // namespace bluec::runtime
