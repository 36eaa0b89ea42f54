// Wall clock, in seconds.
#ifndef BLUEC_RUNTIME_BASE_STOPWATCH_H
#define BLUEC_RUNTIME_BASE_STOPWATCH_H

#include <chrono>

namespace bluec::runtime {

using Clock = std::chrono::steady_clock;

inline double secondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

inline double secondsSince(Clock::time_point start) { return secondsBetween(start, Clock::now()); }

// Adds the time until it goes out of scope to `total`.
class Stopwatch {
public:
  explicit Stopwatch(double &total) : total(total) {}
  Stopwatch(const Stopwatch &) = delete;
  Stopwatch &operator=(const Stopwatch &) = delete;
  ~Stopwatch() { total += secondsSince(start); }

private:
  double &total;
  Clock::time_point start = Clock::now();
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_BASE_STOPWATCH_H
