// What the threads of a session share: one lock for all of its state, and a signal that some of it
// has changed. Nobody computes while holding it.
#ifndef BLUEC_RUNTIME_CORE_MONITOR_H
#define BLUEC_RUNTIME_CORE_MONITOR_H

#include "base/Mutex.h"

#include <chrono>

namespace bluec::runtime {

// What the annotations call the lock of a session. The parts of a session know its monitor under
// names of their own, which the compiler cannot tell to be one: so to it there is one lock, and
// this object, which does nothing, stands for it.
struct BLUEC_CAPABILITY("session's lock") SessionLock {};
inline SessionLock sessionLock;

class Monitor {
public:
  // The lock, for a scope.
  class BLUEC_SCOPED_CAPABILITY Lock {
  public:
    explicit Lock(Monitor &monitor) BLUEC_ACQUIRE(sessionLock) : monitor(monitor) {
      monitor.mutex.lock();
    }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;
    ~Lock() BLUEC_RELEASE() { monitor.mutex.unlock(); }

  private:
    Monitor &monitor;
  };

  // Gives the lock back for a scope, to compute.
  class BLUEC_SCOPED_CAPABILITY Unlocked {
  public:
    explicit Unlocked(Monitor &monitor) BLUEC_RELEASE(sessionLock) : monitor(monitor) {
      monitor.mutex.unlock();
    }
    Unlocked(const Unlocked &) = delete;
    Unlocked &operator=(const Unlocked &) = delete;
    ~Unlocked() BLUEC_RELEASE() { monitor.mutex.lock(); }

  private:
    Monitor &monitor;
  };

  void notifyAll() { changed.notifyAll(); }

  // As Condition's.
  template <typename Ready> void wait(Ready ready) BLUEC_REQUIRES(sessionLock) BLUEC_NO_ANALYSIS {
    changed.wait(mutex, ready);
  }
  template <typename Ready>
  bool waitFor(std::chrono::milliseconds time, Ready ready)
      BLUEC_REQUIRES(sessionLock) BLUEC_NO_ANALYSIS {
    return changed.waitFor(mutex, time, ready);
  }

private:
  Mutex mutex;
  Condition changed;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_MONITOR_H
