#include "platform/ThreadPool.h"

#include <algorithm>
#include <sched.h>
#include <system_error>

namespace bluec::runtime {
namespace {

constexpr int spinsBeforeSleep = 2000; // some 20 to 40 microseconds
constexpr int spinsBeforeYield = 2000;
constexpr std::int64_t chunksPerThread = 8;

void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int usableCpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

// First task of chunk `index` when `tasks` are cut into `chunks` nearly equal parts. Written
// without a product of the two, which could overflow.
std::int64_t chunkBegin(std::int64_t tasks, std::int64_t chunks, std::int64_t index) {
  return tasks / chunks * index + std::min(tasks % chunks, index);
}

} // namespace

ThreadPool::ThreadPool(int threads) {
  const int wanted = threads > 0 ? threads : usableCpus();
  for (int i = 1; i < wanted; ++i) {
    try {
      workers.emplace_back([this] { work(); });
    } catch (const std::system_error &) {
      break; // fewer threads, same results
    }
  }
}

ThreadPool::~ThreadPool() {
  stopping.store(true);
  wakeups.fetch_add(1);
  wakeups.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::run(void *pool, bluec_kernel_fn kernel, const bluec_call *call,
                     std::int64_t tasks) {
  static_cast<ThreadPool *>(pool)->parallelFor(kernel, call, tasks);
}

void ThreadPool::parallelFor(bluec_kernel_fn jobKernel, const bluec_call *jobCall,
                             std::int64_t jobTasks) {
  if (jobTasks <= 0)
    return;
  std::unique_lock<std::mutex> lock(owner, std::defer_lock);
  if (jobTasks == 1 || workers.empty() || !lock.try_lock()) {
    jobKernel(jobCall, 0, jobTasks);
    return;
  }
  const auto jobChunks =
      std::uint32_t(std::min<std::int64_t>(jobTasks, chunksPerThread * threads()));
  kernel.store(jobKernel, std::memory_order_relaxed);
  call.store(jobCall, std::memory_order_relaxed);
  tasks.store(jobTasks, std::memory_order_relaxed);
  chunks.store(jobChunks, std::memory_order_relaxed);
  finished.store(0, std::memory_order_relaxed);
  const std::uint64_t job = ((ticket.load(std::memory_order_relaxed) >> jobShift) + 1) & chunkMask;
  ticket.store(job << jobShift | jobChunks, std::memory_order_release);

  wakeups.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) != 0)
    wakeups.notify_all();

  takeChunks(job);
  for (int spins = 0; finished.load(std::memory_order_acquire) != jobChunks; ++spins) {
    if (spins < spinsBeforeYield)
      pauseCpu();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::forEach(std::int64_t tasks,
                         const std::function<void(std::int64_t, std::int64_t)> &body) {
  bluec_call call{};
  call.observer = const_cast<void *>(static_cast<const void *>(&body));
  const auto runBody = [](const bluec_call *call, std::int64_t begin, std::int64_t end) {
    using Body = std::function<void(std::int64_t, std::int64_t)>;
    (*static_cast<const Body *>(call->observer))(begin, end);
  };
  parallelFor(runBody, &call, tasks);
}

void ThreadPool::takeChunks(std::uint64_t job) {
  std::uint64_t seen = ticket.load(std::memory_order_acquire);
  while (seen >> jobShift == job && (seen & chunkMask) != 0) {
    // A chunk of this job is left, so these are its own; if not any more, the exchange fails.
    const auto jobKernel = kernel.load(std::memory_order_relaxed);
    const auto *jobCall = call.load(std::memory_order_relaxed);
    const std::int64_t jobTasks = tasks.load(std::memory_order_relaxed);
    const std::uint32_t jobChunks = chunks.load(std::memory_order_relaxed);
    if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      continue;
    const std::int64_t index = jobChunks - std::int64_t(seen & chunkMask);
    jobKernel(jobCall, chunkBegin(jobTasks, jobChunks, index),
              chunkBegin(jobTasks, jobChunks, index + 1));
    finished.fetch_add(1, std::memory_order_release);
    --seen;
  }
}

void ThreadPool::work() {
  std::uint32_t seen = 0;
  while (true) {
    std::uint32_t now = wakeups.load(std::memory_order_acquire);
    for (int spins = 0; now == seen && spins < spinsBeforeSleep; ++spins) {
      pauseCpu();
      now = wakeups.load(std::memory_order_acquire);
    }
    if (now == seen) {
      sleepers.fetch_add(1, std::memory_order_seq_cst);
      wakeups.wait(seen, std::memory_order_seq_cst);
      sleepers.fetch_sub(1, std::memory_order_seq_cst);
      continue;
    }
    seen = now;
    if (stopping.load(std::memory_order_acquire))
      return;
    takeChunks(ticket.load(std::memory_order_acquire) >> jobShift);
  }
}

} // namespace bluec::runtime
