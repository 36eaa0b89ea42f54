// Lines from a terminal or a pipe, where waiting for one can be interrupted.
#ifndef BLUEC_RUNTIME_CLI_LINEREADER_H
#define BLUEC_RUNTIME_CLI_LINEREADER_H

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace bluec::runtime {

// Calls a function of its own thread for each SIGINT of the process. No other thread gets one as
// long as this lives, if it is made before them.
class Interrupts {
public:
  explicit Interrupts(std::function<void()> onInterrupt);
  Interrupts(const Interrupts &) = delete;
  Interrupts &operator=(const Interrupts &) = delete;
  ~Interrupts();

private:
  std::function<void()> onInterrupt;
  sigset_t before{};
  std::atomic<bool> stopping{false};
  std::thread thread;
};

class LineReader {
public:
  // `file`: a descriptor to read from.
  explicit LineReader(int file);
  LineReader(const LineReader &) = delete;
  LineReader &operator=(const LineReader &) = delete;
  ~LineReader();

  enum class Event { Line, End, Interrupted, Timeout };

  // The next line without its end; the last one may lack it. Timeout when none has come for so
  // long.
  Event next(std::string &line, std::chrono::milliseconds timeout);
  // Makes the next() that another thread is in, or else the next one, answer Interrupted.
  void interrupt();

private:
  bool takeLine(std::string &line);

  int file;
  int wakeup[2] = {-1, -1}; // a pipe: ends to read and to write
  std::string buffer;
  bool ended = false;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_LINEREADER_H
