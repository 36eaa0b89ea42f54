#include "platform/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace bluec::runtime;

namespace {

// Counts how often each task ran; the arena is the array of counters.
void countTasks(const bluec_call *call, std::int64_t begin, std::int64_t end) {
  auto *counters = reinterpret_cast<std::atomic<int> *>(call->arena);
  for (std::int64_t i = begin; i < end; ++i)
    counters[i].fetch_add(1, std::memory_order_relaxed);
}

void runAndCheck(ThreadPool &pool, std::int64_t tasks) {
  const auto counters = std::make_unique<std::atomic<int>[]>(std::size_t(tasks));
  bluec_call call{};
  call.arena = reinterpret_cast<std::uint8_t *>(counters.get());
  ThreadPool::run(&pool, countTasks, &call, tasks);
  EXPECT_TRUE(std::all_of(counters.get(), counters.get() + tasks,
                          [](const std::atomic<int> &counter) { return counter == 1; }))
      << tasks;
}

TEST(ThreadPool, EveryTaskOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (std::int64_t tasks : {1, 2, 3, 7, 8, 15, 16, 17, 100, 1000, 12345})
      runAndCheck(pool, tasks);
  }
}

TEST(ThreadPool, NoTasks) {
  ThreadPool pool(2);
  bluec_call call{};
  pool.parallelFor(countTasks, &call, 0);
  pool.parallelFor(countTasks, &call, -5);
}

// Many short jobs in a row, with pauses in which the threads fall asleep: a thread that wakes up
// late must not take tasks of a later job.
TEST(ThreadPool, ManyJobs) {
  ThreadPool pool(4);
  for (int job = 0; job < 20000; ++job) {
    runAndCheck(pool, 1 + job % 9);
    if (job % 2000 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// A late thread must not take a chunk of a job that is over while a larger one is being written:
// tasks would run twice, and the caller would wait for ever. It takes a thread that is stopped at
// the wrong moment, hence many rounds on more threads than CPUs.
TEST(ThreadPool, SmallAndLargeJobsInTurn) {
  ThreadPool pool(16);
  std::atomic<int> counters[64] = {};
  bluec_call call{};
  call.arena = reinterpret_cast<std::uint8_t *>(counters);
  constexpr int kRounds = 30000;
  for (int round = 0; round < kRounds; ++round) {
    ThreadPool::run(&pool, countTasks, &call, 2);
    ThreadPool::run(&pool, countTasks, &call, 64);
  }
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(counters[i], i < 2 ? 2 * kRounds : kRounds) << i;
}

TEST(ThreadPool, SeveralCallers) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&pool] {
      for (int job = 0; job < 500; ++job)
        runAndCheck(pool, 50);
    });
  for (std::thread &caller : callers)
    caller.join();
}

// What one job wrote, the next one's threads see.
TEST(ThreadPool, JobsSeeEachOther) {
  ThreadPool pool(4);
  std::vector<std::int64_t> values(64, 0);
  bluec_call call{};
  call.arena = reinterpret_cast<std::uint8_t *>(values.data());
  const auto rotate = [](const bluec_call *c, std::int64_t begin, std::int64_t end) {
    auto *data = reinterpret_cast<std::int64_t *>(c->arena);
    for (std::int64_t i = begin; i < end; ++i)
      data[32 + i] = data[31 - i] + 1;
  };
  const auto back = [](const bluec_call *c, std::int64_t begin, std::int64_t end) {
    auto *data = reinterpret_cast<std::int64_t *>(c->arena);
    for (std::int64_t i = begin; i < end; ++i)
      data[i] = data[63 - i];
  };
  for (int job = 0; job < 2000; ++job) {
    pool.parallelFor(rotate, &call, 32);
    pool.parallelFor(back, &call, 32);
  }
  EXPECT_EQ(values, std::vector<std::int64_t>(64, 2000));
}

// More tasks than units, in ranges that cover all of them once, in order.
TEST(ThreadPool, RangesOfManyTasks) {
  ThreadPool pool(3);
  constexpr std::int64_t kTasks = (std::int64_t(1) << 40) + 12345;
  std::mutex guard;
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  pool.forEach(kTasks, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard<std::mutex> lock(guard);
    ranges.emplace_back(begin, end);
  });
  std::sort(ranges.begin(), ranges.end());
  std::int64_t next = 0;
  for (const auto &[begin, end] : ranges) {
    EXPECT_EQ(begin, next);
    EXPECT_LT(begin, end);
    next = end;
  }
  EXPECT_EQ(next, kTasks);
}

// One thread that is stuck leaves the others its share: all but what it holds gets done.
TEST(ThreadPool, ASlowThreadKeepsItsRangeOnly) {
  ThreadPool pool(2);
  if (pool.threads() < 2)
    GTEST_SKIP() << "the system gives no second thread";
  constexpr std::int64_t kTasks = 1280;
  std::atomic<std::int64_t> others{0}, stuck{0};
  std::atomic<bool> first{true};
  pool.forEach(kTasks, [&](std::int64_t begin, std::int64_t end) {
    if (!first.exchange(false)) {
      others += end - begin;
      return;
    }
    stuck = end - begin;
    while (others < kTasks - stuck)
      std::this_thread::yield();
  });
  EXPECT_EQ(others + stuck, kTasks);
  EXPECT_LE(stuck, kTasks / 2);
}

TEST(ThreadPool, DefaultUsesTheCpusWeHave) {
  ThreadPool pool;
  EXPECT_GE(pool.threads(), 1);
}

} // namespace
