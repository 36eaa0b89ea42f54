// Locks whose rules the compiler checks: clang's -Wthread-safety reads the annotations, other
// compilers see none. Data names its lock (BLUEC_GUARDED_BY), a function the lock that its caller
// holds (BLUEC_REQUIRES).
#ifndef BLUEC_RUNTIME_BASE_MUTEX_H
#define BLUEC_RUNTIME_BASE_MUTEX_H

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BLUEC_ANNOTATE(...) __attribute__((__VA_ARGS__))
#else
#define BLUEC_ANNOTATE(...)
#endif

// Of classes: something that is held, and an object that holds it as long as it lives.
#define BLUEC_CAPABILITY(name) BLUEC_ANNOTATE(capability(name))
#define BLUEC_SCOPED_CAPABILITY BLUEC_ANNOTATE(scoped_lockable)
// Of data: only with the lock. The second one: of what a pointer points to.
#define BLUEC_GUARDED_BY(lock) BLUEC_ANNOTATE(guarded_by(lock))
#define BLUEC_PT_GUARDED_BY(lock) BLUEC_ANNOTATE(pt_guarded_by(lock))
// Of functions and lambdas: their caller holds the lock, or must not hold it.
#define BLUEC_REQUIRES(lock) BLUEC_ANNOTATE(requires_capability(lock))
#define BLUEC_EXCLUDES(lock) BLUEC_ANNOTATE(locks_excluded(lock))
// Of functions that take a lock or give it back.
#define BLUEC_ACQUIRE(...) BLUEC_ANNOTATE(acquire_capability(__VA_ARGS__))
#define BLUEC_RELEASE(...) BLUEC_ANNOTATE(release_capability(__VA_ARGS__))
// Of functions that implement a lock: their body is not looked at.
#define BLUEC_NO_ANALYSIS BLUEC_ANNOTATE(no_thread_safety_analysis)

namespace bluec::runtime {

class BLUEC_CAPABILITY("mutex") Mutex {
public:
  void lock() BLUEC_ACQUIRE() BLUEC_NO_ANALYSIS { mutex.lock(); }
  void unlock() BLUEC_RELEASE() BLUEC_NO_ANALYSIS { mutex.unlock(); }

private:
  friend class Condition;
  std::mutex mutex;
};

class BLUEC_SCOPED_CAPABILITY MutexLock {
public:
  explicit MutexLock(Mutex &mutex) BLUEC_ACQUIRE(mutex) : mutex(mutex) { mutex.lock(); }
  MutexLock(const MutexLock &) = delete;
  MutexLock &operator=(const MutexLock &) = delete;
  ~MutexLock() BLUEC_RELEASE() { mutex.unlock(); }

private:
  Mutex &mutex;
};

// A signal that something which a mutex guards has changed.
class Condition {
public:
  void notifyAll() { changed.notify_all(); }

  // Gives the mutex back until `ready()`, which is called with it; it must not throw.
  template <typename Ready>
  void wait(Mutex &mutex, Ready ready) BLUEC_REQUIRES(mutex) BLUEC_NO_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex, std::adopt_lock);
    changed.wait(lock, ready);
    lock.release(); // the caller's to unlock
  }
  // The same for a while; false when it has passed.
  template <typename Ready>
  bool waitFor(Mutex &mutex, std::chrono::milliseconds time, Ready ready)
      BLUEC_REQUIRES(mutex) BLUEC_NO_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex, std::adopt_lock);
    const bool found = changed.wait_for(lock, time, ready);
    lock.release();
    return found;
  }

private:
  std::condition_variable changed;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_BASE_MUTEX_H
