// bluec-bench-pool: what it costs to hand a job to the thread pool and to get it back.
//
// A token takes several hundred steps, some of them microseconds long, so this cost counts. Jobs
// follow each other at once ("hot", the threads spin), or after a pause in which the threads fall
// asleep. Scaling is the rate of jobs of a given length on all threads over that on one.
#include "runtime/platform/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace bluec;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

void nothing(const bluec_call *, int64_t, int64_t) {}

/// A chain of multiply-adds for each task; call->count is its length.
void compute(const bluec_call *call, int64_t begin, int64_t end) {
  float sum = 1;
  for (int64_t task = begin; task < end; ++task)
    for (int64_t i = 0; i < call->count; ++i)
      __asm__ volatile("" : "+r"(sum) : "r"(sum * 0.5f + 1));
}

void printTimes(const char *what, int64_t tasks, const std::vector<double> &seconds) {
  constexpr double kMicro = 1e6;
  std::printf("%-28s %5lld tasks  median %7.2f us   10%% %7.2f   90%% %7.2f\n", what,
              static_cast<long long>(tasks), kMicro * quantile(seconds, 0.5),
              kMicro * quantile(seconds, 0.1), kMicro * quantile(seconds, 0.9));
}

void measureHandOver(runtime::ThreadPool &pool) {
  bluec_call call{};
  for (int64_t tasks : {1, 2, 16, 64, 1000}) {
    constexpr int kJobs = 100, kSamples = 400;
    std::vector<double> seconds;
    for (int sample = 0; sample < kSamples; ++sample) {
      double start = now();
      for (int job = 0; job < kJobs; ++job)
        pool.parallelFor(nothing, &call, tasks);
      seconds.push_back((now() - start) / kJobs);
    }
    printTimes("empty job, hot", tasks, seconds);
  }
  std::vector<double> seconds;
  for (int sample = 0; sample < 200; ++sample) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    double start = now();
    pool.parallelFor(nothing, &call, 64);
    seconds.push_back(now() - start);
  }
  printTimes("empty job, threads asleep", 64, seconds);
}

void measureScaling(runtime::ThreadPool &pool) {
  runtime::ThreadPool one(1);
  for (int64_t length : {20, 100, 1000, 10000}) {
    bluec_call call{};
    call.count = length;
    constexpr int64_t kTasks = 96;
    auto jobs = static_cast<int>(std::max<int64_t>(20, 1000000 / (length * kTasks)));
    auto time = [&](runtime::ThreadPool &which) {
      double start = now();
      for (int job = 0; job < jobs; ++job)
        which.parallelFor(compute, &call, kTasks);
      return (now() - start) / jobs;
    };
    std::vector<double> alone, scaling;
    for (int sample = 0; sample < 30; ++sample) {
      double single = time(one), all = time(pool);
      alone.push_back(single);
      scaling.push_back(single / all);
    }
    std::printf("job of %8.1f us on one thread: %.2f times as fast on %d (10%% %.2f, 90%% %.2f)\n",
                1e6 * quantile(alone, 0.5), quantile(scaling, 0.5), pool.threads(),
                quantile(scaling, 0.1), quantile(scaling, 0.9));
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 2 || (argc == 2 && std::string(argv[1]).find_first_not_of("0123456789") == 0)) {
    std::fprintf(stderr, "usage: bluec-bench-pool [THREADS]\n");
    return 2;
  }
  runtime::ThreadPool pool(argc == 2 ? std::atoi(argv[1]) : 0);
  std::printf("%d threads\n", pool.threads());
  measureHandOver(pool);
  measureScaling(pool);
  return 0;
}
