#include "tests/bench/Machine.h"

#include <chrono>
#include <cstdint>
#include <ctime>

using namespace bluec;
using namespace bluec::bench;

namespace {

typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

/// A job for a ThreadPool: the pool hands back the call, of which only these fields are ours.
struct Job {
  bluec_call call = {}; // first, so that the call's address is the job's
  int64_t rounds = 0;
  const float *data = nullptr;
  int64_t elements = 0; // of a task
  float sink = 0;
};

constexpr int64_t kChains = 12; // independent multiply-adds, more than any core's latency hides

__attribute__((target("avx512f"))) void fma512(const bluec_call *call, int64_t begin, int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector16 sums[kChains] = {};
  Vector16 x = {}, y = {};
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vfmadd231ps %1, %2, %0" : "+v"(sums[i]) : "v"(x), "v"(y));
    }
}

__attribute__((target("avx2,fma"))) void fma256(const bluec_call *call, int64_t begin,
                                                int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector8 sums[kChains] = {};
  Vector8 x = {}, y = {};
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vfmadd231ps %1, %2, %0" : "+x"(sums[i]) : "x"(x), "x"(y));
    }
}

__attribute__((target("avx512f,avx512vnni"))) void dot8x512(const bluec_call *call, int64_t begin,
                                                            int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector16 sums[kChains] = {};
  Vector16 x = {}, y = {};
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vpdpbusd %1, %2, %0" : "+v"(sums[i]) : "v"(x), "v"(y));
    }
}

__attribute__((target("avx512f,avx512vnni"))) void dot16x512(const bluec_call *call, int64_t begin,
                                                             int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector16 sums[kChains] = {};
  Vector16 x = {}, y = {};
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vpdpwssd %1, %2, %0" : "+v"(sums[i]) : "v"(x), "v"(y));
    }
}

/// Without an instruction for it: sums of pairs of u7 x i8 fit i16, and are added in pairs.
__attribute__((target("avx2"))) void dot8x256(const bluec_call *call, int64_t begin, int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector8 sums[kChains] = {};
  Vector8 x = {}, y = {}, t;
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vpmaddubsw %2, %3, %1\n vpmaddwd %2, %1, %1\n vpaddd %1, %0, %0"
                         : "+x"(sums[i]), "=&x"(t)
                         : "x"(x), "x"(y));
    }
}

__attribute__((target("avx2"))) void dot16x256(const bluec_call *call, int64_t begin, int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  Vector8 sums[kChains] = {};
  Vector8 x = {}, y = {}, t;
  for (int64_t task = begin; task < end; ++task)
    for (int64_t round = 0; round < job.rounds; ++round) {
#pragma GCC unroll 12
      for (int64_t i = 0; i < kChains; ++i)
        __asm__ volatile("vpmaddwd %2, %3, %1\n vpaddd %1, %0, %0"
                         : "+x"(sums[i]), "=&x"(t)
                         : "x"(x), "x"(y));
    }
}

/// Reads a task's elements with vectors of 32 bytes, eight of them in flight.
__attribute__((target("avx2"))) void readAll(const bluec_call *call, int64_t begin, int64_t end) {
  const Job &job = *reinterpret_cast<const Job *>(call);
  for (int64_t task = begin; task < end; ++task) {
    const float *at = job.data + task * job.elements;
    for (int64_t i = 0; i < job.elements; i += 64) {
#pragma GCC unroll 8
      for (int64_t j = 0; j < 64; j += 8) {
        Vector8 value;
        __asm__ volatile("vmovups %1, %0" : "=x"(value) : "m"(*(const Vector8 *)(at + i + j)));
      }
    }
  }
}

} // namespace

namespace {
bool processorTime = false;
} // namespace

void bench::countProcessorTime() { processorTime = true; }

double bench::now() {
  if (processorTime)
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Operations per second of `kernel`, `each` of them a chain and round.
static double measurePeak(runtime::ThreadPool &pool, bluec_kernel_fn kernel, double each,
                          double seconds) {
  Job job;
  job.rounds = 20000;
  int64_t tasks = 16 * pool.threads(), done = 0;
  double start = now(), end = start;
  while ((end = now()) - start < seconds) {
    pool.parallelFor(kernel, &job.call, tasks);
    done += tasks;
  }
  return static_cast<double>(done) * static_cast<double>(job.rounds * kChains) * each /
         (end - start);
}

double bench::measureFmaPeak(runtime::ThreadPool &pool, int lanes, double seconds) {
  return measurePeak(pool, lanes == 16 ? fma512 : fma256, 2.0 * lanes, seconds);
}

double bench::measureDotPeak(runtime::ThreadPool &pool, int lanes, int bits, double seconds) {
  bluec_kernel_fn kernel =
      lanes == 16 ? (bits == 8 ? dot8x512 : dot16x512) : (bits == 8 ? dot8x256 : dot16x256);
  return measurePeak(pool, kernel, 2.0 * lanes * 32 / bits, seconds);
}

double bench::measureReadBandwidth(runtime::ThreadPool &pool, const float *data, size_t bytes) {
  Job job;
  job.data = data;
  job.elements = 64 * 1024;
  auto tasks = static_cast<int64_t>(bytes / 4) / job.elements;
  double start = now();
  pool.parallelFor(readAll, &job.call, tasks);
  return static_cast<double>(tasks * job.elements * 4) / (now() - start);
}
