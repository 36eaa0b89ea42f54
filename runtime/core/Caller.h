// The thread that calls a session: what it waits for, and what ends that early.
#ifndef BLUEC_RUNTIME_CORE_CALLER_H
#define BLUEC_RUNTIME_CORE_CALLER_H

#include "base/Status.h"
#include "core/Monitor.h"

#include <atomic>
#include <functional>

namespace bluec::runtime {

class Caller {
public:
  explicit Caller(Monitor &monitor) : monitor(monitor) {}

  // Ends the call that the thread is in, or else the next one that waits or computes. From any
  // thread, and from a signal's handler.
  void cancel() { cancelled.store(true, std::memory_order_relaxed); }
  void forgetCancel() { cancelled.store(false, std::memory_order_relaxed); }
  // For callEntry, which sets it to false when it ends a call.
  std::atomic<bool> &cancelFlag() { return cancelled; }

  // Waits for `ready`, which is called with the lock. Cancelled when cancel() comes first.
  Status await(const std::function<bool()> &ready) BLUEC_REQUIRES(sessionLock);

  // That it has waited.
  double waitSeconds() const BLUEC_REQUIRES(sessionLock) { return seconds; }
  void reset() BLUEC_REQUIRES(sessionLock);

private:
  Monitor &monitor;
  std::atomic<bool> cancelled{false};
  double seconds BLUEC_GUARDED_BY(sessionLock) = 0;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_CALLER_H
