#include "platform/ThreadPool.h"

#include "base/Stopwatch.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <sched.h>
#include <system_error>

namespace bluec::runtime {
namespace {

// Longer than what passes between the steps of a token, and between tokens.
constexpr std::chrono::microseconds spinTime(200);
constexpr int kSpinsBetweenLooks = 64; // at the clock
constexpr int kSpinsBeforeYield = 2000;
// The smallest range is a unit: so many for each thread, if there are as many tasks.
constexpr std::int64_t kUnitsPerThread = 64;

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

// First task of unit `index` when `tasks` are cut into `units` nearly equal parts. Written without
// a product of the two, which could overflow.
std::int64_t unitBegin(std::int64_t tasks, std::int64_t units, std::int64_t index) {
  return tasks / units * index + std::min(tasks % units, index);
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
  ticket.fetch_add(std::uint64_t(1) << kJobShift); // a job without units
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
  const auto jobUnits =
      std::uint32_t(std::min<std::int64_t>(jobTasks, kUnitsPerThread * threads()));
  kernel.store(jobKernel, std::memory_order_relaxed);
  call.store(jobCall, std::memory_order_relaxed);
  tasks.store(jobTasks, std::memory_order_relaxed);
  units.store(jobUnits, std::memory_order_relaxed);
  finished.store(0, std::memory_order_relaxed);
  const std::uint64_t job = ((ticket.load(std::memory_order_relaxed) >> kJobShift) + 1) & kUnitMask;
  // Either a thread that is about to sleep sees this ticket, or it is seen among the sleepers.
  ticket.store(job << kJobShift | jobUnits, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) != 0) {
    wakeups.fetch_add(1, std::memory_order_release);
    wakeups.notify_all();
  }

  takeUnits(job);
  for (int spins = 0; finished.load(std::memory_order_acquire) != jobUnits; ++spins) {
    if (spins < kSpinsBeforeYield)
      pauseCpu();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::forEach(std::int64_t tasks,
                         const std::function<void(std::int64_t, std::int64_t)> &body) {
  struct Job {
    const std::function<void(std::int64_t, std::int64_t)> &body;
    std::atomic<bool> failed{false};
    std::exception_ptr fault = nullptr;
  };
  Job job{body};
  bluec_call call{};
  call.observer = &job;
  const auto runBody = [](const bluec_call *call, std::int64_t begin, std::int64_t end) {
    Job &job = *static_cast<Job *>(call->observer);
    try {
      job.body(begin, end);
    } catch (...) {
      if (!job.failed.exchange(true))
        job.fault = std::current_exception();
    }
  };
  parallelFor(runBody, &call, tasks);
  if (job.fault)
    std::rethrow_exception(job.fault);
}

void ThreadPool::takeUnits(std::uint64_t job) {
  const auto sharers = std::uint32_t(threads());
  std::uint32_t done = 0;
  std::uint64_t seen = ticket.load(std::memory_order_acquire);
  while (seen >> kJobShift == job && (seen & kUnitMask) != 0) {
    // A unit of this job is left, so these are its own; if not any more, the exchange fails.
    const auto jobKernel = kernel.load(std::memory_order_relaxed);
    const auto *jobCall = call.load(std::memory_order_relaxed);
    const std::int64_t jobTasks = tasks.load(std::memory_order_relaxed);
    const std::uint32_t jobUnits = units.load(std::memory_order_relaxed);
    const auto left = std::uint32_t(seen & kUnitMask);
    // A fair share of what is left: the first thread has one long range to read through, the last
    // ones even out the end.
    const std::uint32_t taken = std::max(left / sharers, 1u);
    if (!ticket.compare_exchange_weak(seen, seen - taken, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      continue;
    const std::int64_t first = std::int64_t(jobUnits) - left;
    jobKernel(jobCall, unitBegin(jobTasks, jobUnits, first),
              unitBegin(jobTasks, jobUnits, first + taken));
    done += taken;
    seen = ticket.load(std::memory_order_acquire);
  }
  if (done != 0)
    finished.fetch_add(done, std::memory_order_release);
}

std::uint64_t ThreadPool::awaitJob(std::uint64_t seen) {
  const auto jobNow = [this](std::memory_order order) { return ticket.load(order) >> kJobShift; };
  const auto start = Clock::now();
  while (true) {
    for (int spin = 0; spin < kSpinsBetweenLooks; ++spin) {
      if (const std::uint64_t job = jobNow(std::memory_order_acquire); job != seen)
        return job;
      pauseCpu();
    }
    if (Clock::now() - start < spinTime)
      continue;
    const std::uint32_t before = wakeups.load(std::memory_order_acquire);
    sleepers.fetch_add(1, std::memory_order_seq_cst);
    if (jobNow(std::memory_order_seq_cst) == seen)
      wakeups.wait(before, std::memory_order_acquire);
    sleepers.fetch_sub(1, std::memory_order_seq_cst);
  }
}

void ThreadPool::work() {
  std::uint64_t job = 0;
  while (true) {
    job = awaitJob(job);
    if (stopping.load(std::memory_order_acquire))
      return;
    takeUnits(job);
  }
}

} // namespace bluec::runtime
