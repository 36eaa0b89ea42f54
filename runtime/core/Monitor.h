// What the threads of a session share: one lock for all of its state, and a signal that some of it
// has changed.
#ifndef BLUEC_RUNTIME_CORE_MONITOR_H
#define BLUEC_RUNTIME_CORE_MONITOR_H

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace bluec::runtime {

struct Monitor {
  using Lock = std::unique_lock<std::mutex>;

  std::mutex guard;
  std::condition_variable changed;
};

// Adds the time until it goes out of scope to `total`.
class Stopwatch {
public:
  explicit Stopwatch(double &total) : total(total) {}
  Stopwatch(const Stopwatch &) = delete;
  Stopwatch &operator=(const Stopwatch &) = delete;
  ~Stopwatch() {
    total += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  double &total;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MONITOR_H
