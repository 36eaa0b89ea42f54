// Threads that stay, behind the contract's parallel_for.
//
// Threads take ranges of neighbouring tasks one after the other: large ones first, smaller ones
// towards the end, so that there is little to coordinate and all of them end at about the same
// time, also when one is slower or comes late. Who takes what differs from run to run; tasks are
// independent, so the results do not. The caller works too, and returns as soon as all tasks are
// done: it never waits for a thread that had nothing to do. Idle threads spin for a fraction of a
// millisecond (steps follow each other closely, tokens nearly so), then sleep.
//
// Several callers may come at once: the first gets the threads, the others do their own tasks
// alone.
#ifndef BLUEC_RUNTIME_PLATFORM_THREADPOOL_H
#define BLUEC_RUNTIME_PLATFORM_THREADPOOL_H

#include "abi/bluec_abi.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bluec::runtime {

class ThreadPool {
public:
  // `threads` counts the caller; 0 means one for each CPU that this process may use. If the system
  // gives fewer, the pool is smaller.
  explicit ThreadPool(int threads = 0);
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;
  ~ThreadPool();

  int threads() const { return int(workers.size()) + 1; }

  void parallelFor(bluec_kernel_fn kernel, const bluec_call *call, std::int64_t tasks);

  // The same for work that is not compiled code. `body` gets ranges of tasks. Of what it throws, on
  // whatever thread, the first is thrown here, once all threads are done with it.
  void forEach(std::int64_t tasks, const std::function<void(std::int64_t, std::int64_t)> &body);

  // bluec_parallel_for_fn; `pool` is a ThreadPool.
  static void run(void *pool, bluec_kernel_fn kernel, const bluec_call *call, std::int64_t tasks);

private:
  // Number of the job in the upper half, units that are left to take in the lower. A unit is one or
  // more tasks. Whether one is left is said by the ticket alone: a thread that comes late would
  // compare an old index with the units of the next job, which is being written, and take one of a
  // job that is over.
  static constexpr std::uint64_t kJobShift = 32;
  static constexpr std::uint64_t kUnitMask = (std::uint64_t(1) << kJobShift) - 1;

  void work();
  // Spins, then sleeps, until there is another job than `seen`, which is the answer.
  std::uint64_t awaitJob(std::uint64_t seen);
  void takeUnits(std::uint64_t job);

  std::vector<std::thread> workers;
  std::mutex owner;

  alignas(64) std::atomic<std::uint64_t> ticket{0};
  // The job. Written before its ticket is published, and not again before all its units are done;
  // atomic because a late thread may read while the next job is being written.
  std::atomic<bluec_kernel_fn> kernel{nullptr};
  std::atomic<const bluec_call *> call{nullptr};
  std::atomic<std::int64_t> tasks{0};
  std::atomic<std::uint32_t> units{0};

  alignas(64) std::atomic<std::uint32_t> finished{0}; // units of the current job that are done
  alignas(64) std::atomic<std::uint32_t> sleepers{0};
  std::atomic<std::uint32_t> wakeups{0}; // sleepers wait for it to change
  std::atomic<bool> stopping{false};
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_THREADPOOL_H
