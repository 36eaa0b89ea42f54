// What the threads of a session share: one lock for all of its state, and a signal that some of it
// has changed.
#ifndef BLUEC_RUNTIME_CORE_MONITOR_H
#define BLUEC_RUNTIME_CORE_MONITOR_H

#include <condition_variable>
#include <mutex>

namespace bluec::runtime {

struct Monitor {
  using Lock = std::unique_lock<std::mutex>;

  std::mutex guard;
  std::condition_variable changed;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MONITOR_H
