#include "platform/MachineLimits.h"

#include "platform/CpuFeatures.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>

namespace bluec::runtime {
namespace {

// A job for a ThreadPool: the pool hands back the call, of which only the fields below are ours.
struct Job {
  bluec_call call = {}; // first, so that the call's address is the job's
  const std::uint8_t *data = nullptr;
  std::int64_t count = 0; // of a task: bytes to read, or rounds of multiply-adds
};

const Job &jobOf(const bluec_call *call) { return *reinterpret_cast<const Job *>(call); }

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr std::int64_t bytesAtOnce = 512; // by the loops that read

// Independent chains of multiply-adds, more than the latency of any core hides.
constexpr std::int64_t chains = 12;

struct DotLoop {
  bluec_kernel_fn kernel;
  std::int64_t multiplyAdds; // of one instruction
};

#if defined(__x86_64__)

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

// Reads a task's bytes, many loads in flight.
#define BLUEC_READ_LOOP(NAME, TARGET, VECTOR, LOAD, CLASS)                                         \
  TARGET void NAME(const bluec_call *call, std::int64_t begin, std::int64_t end) {                 \
    const Job &job = jobOf(call);                                                                  \
    for (const std::uint8_t *at = job.data + begin * job.count,                                    \
                            *last = job.data + end * job.count;                                    \
         at < last; at += bytesAtOnce) {                                                           \
      _Pragma("GCC unroll 32") for (std::size_t i = 0; i < bytesAtOnce; i += sizeof(VECTOR)) {     \
        VECTOR value;                                                                              \
        __asm__ volatile(LOAD " %1, %0"                                                            \
                         : "=" CLASS(value)                                                        \
                         : "m"(*reinterpret_cast<const VECTOR *>(at + i)));                        \
      }                                                                                            \
    }                                                                                              \
  }
BLUEC_READ_LOOP(read512, __attribute__((target("avx512f"))), Vector16, "vmovups", "v")
BLUEC_READ_LOOP(read256, __attribute__((target("avx2"))), Vector8, "vmovups", "x")
BLUEC_READ_LOOP(read128, , Vector4, "movups", "x")
#undef BLUEC_READ_LOOP

#define BLUEC_DOT_LOOP(NAME, TARGET, VECTOR, CLASS, STEP)                                          \
  __attribute__((target(TARGET))) void NAME(const bluec_call *call, std::int64_t begin,            \
                                            std::int64_t end) {                                    \
    VECTOR sums[chains] = {};                                                                      \
    VECTOR x = {}, y = {}, product = {};                                                           \
    for (std::int64_t round = begin * jobOf(call).count; round < end * jobOf(call).count; ++round) \
      _Pragma("GCC unroll 12") for (std::int64_t i = 0; i < chains; ++i) __asm__ volatile(         \
          STEP : "+" CLASS(sums[i]), "=&" CLASS(product) : CLASS(x), CLASS(y));                    \
  }
BLUEC_DOT_LOOP(fma512, "avx512f", Vector16, "v", "vfmadd231ps %2, %3, %0")
BLUEC_DOT_LOOP(fma256, "avx2,fma", Vector8, "x", "vfmadd231ps %2, %3, %0")
BLUEC_DOT_LOOP(bytes512, "avx512vnni", Vector16, "v", "vpdpbusd %2, %3, %0")
BLUEC_DOT_LOOP(words512, "avx512vnni", Vector16, "v", "vpdpwssd %2, %3, %0")
BLUEC_DOT_LOOP(vnniBytes256, "avx2,avxvnni", Vector8, "x", "%{vex%} vpdpbusd %2, %3, %0")
BLUEC_DOT_LOOP(vnniWords256, "avx2,avxvnni", Vector8, "x", "%{vex%} vpdpwssd %2, %3, %0")
// Without dot instructions: products, sums of neighbours, and an addition.
BLUEC_DOT_LOOP(bytes256, "avx2", Vector8, "x",
               "vpmaddubsw %2, %3, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0")
BLUEC_DOT_LOOP(words256, "avx2", Vector8, "x", "vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0")
#undef BLUEC_DOT_LOOP

DotLoop dotLoop(DotType type, const std::vector<std::string> &features) {
  const auto usable = [&](std::string_view feature) {
    return std::find(features.begin(), features.end(), feature) != features.end() &&
           hostHasFeature(feature);
  };
  if (type == DotType::F32) {
    if (usable("avx512f"))
      return {fma512, 16};
    return usable("fma") ? DotLoop{fma256, 8} : DotLoop{nullptr, 0};
  }
  const bool bytes = type == DotType::I8;
  if (usable("avx512vnni"))
    return {bytes ? bytes512 : words512, bytes ? 64 : 32};
  if (usable("avxvnni"))
    return {bytes ? vnniBytes256 : vnniWords256, bytes ? 32 : 16};
  if (usable("avx2"))
    return {bytes ? bytes256 : words256, bytes ? 32 : 16};
  return {nullptr, 0};
}

bluec_kernel_fn readLoop() {
  return hostHasFeature("avx512f") ? read512 : hostHasFeature("avx2") ? read256 : read128;
}

#else

typedef std::uint64_t Vector __attribute__((vector_size(16)));

void readAll(const bluec_call *call, std::int64_t begin, std::int64_t end) {
  const Job &job = jobOf(call);
  Vector sums[8] = {};
  for (const std::uint8_t *at = job.data + begin * job.count, *last = job.data + end * job.count;
       at < last; at += sizeof sums)
    for (std::size_t i = 0; i < std::size(sums); ++i)
      sums[i] ^= reinterpret_cast<const Vector *>(at)[i];
  for (Vector &sum : sums)
    __asm__ volatile("" : : "m"(sum)); // so that the loads are not left out
}

DotLoop dotLoop(DotType, const std::vector<std::string> &) { return {nullptr, 0}; }
bluec_kernel_fn readLoop() { return readAll; }

#endif

// The number behind "NAME:" in /proc/self/status, in bytes.
std::uint64_t statusField(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == status.npos)
    return 0;
  return std::strtoull(status.data() + at + name.size(), nullptr, 10) << 10;
}

} // namespace

const char *dotTypeName(DotType type) {
  return type == DotType::I8 ? "i8" : type == DotType::I16 ? "i16" : "f32";
}

double measureDotPeak(ThreadPool &pool, DotType type, const std::vector<std::string> &features,
                      double seconds) {
  const DotLoop loop = dotLoop(type, features);
  if (!loop.kernel)
    return 0;
  Job job;
  job.count = 50000; // about a millisecond for each thread and task
  const std::int64_t tasks = 16 * pool.threads();
  std::int64_t done = 0;
  const double start = now();
  double end = start;
  while ((end = now()) - start < seconds) {
    pool.parallelFor(loop.kernel, &job.call, tasks);
    done += tasks;
  }
  return 2.0 * double(done * job.count * chains * loop.multiplyAdds) / (end - start);
}

double measureReadBandwidth(ThreadPool &pool, std::span<const std::uint8_t> memory) {
  Job job;
  job.data = memory.data();
  job.count = std::int64_t(256) << 10;
  static_assert((std::int64_t(256) << 10) % bytesAtOnce == 0);
  const std::int64_t tasks = std::int64_t(memory.size()) / job.count;
  const double start = now();
  pool.parallelFor(readLoop(), &job.call, tasks);
  return double(tasks * job.count) / (now() - start);
}

std::int64_t lastLevelCacheBytes() {
  namespace fs = std::filesystem;
  const auto read = [](const fs::path &path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
  };
  int last = 0;
  std::map<std::string, std::int64_t> sizes; // of that level, by the CPUs that share a cache
  std::error_code none;
  for (const auto &cpu : fs::directory_iterator("/sys/devices/system/cpu", none))
    for (const auto &cache : fs::directory_iterator(cpu.path() / "cache", none)) {
      const int level = std::atoi(read(cache.path() / "level").c_str());
      if (level < last || level == 0 || read(cache.path() / "type") == "Instruction")
        continue;
      if (level > last)
        sizes.clear();
      last = level;
      constexpr std::int64_t kibi = 1024; // "32768K"
      sizes[read(cache.path() / "shared_cpu_list")] =
          kibi * std::atoll(read(cache.path() / "size").c_str());
    }
  std::int64_t sum = 0;
  for (const auto &[cpus, bytes] : sizes)
    sum += bytes;
  return sum;
}

ResidentMemory residentMemory() {
  std::ifstream file("/proc/self/status");
  const std::string status((std::istreambuf_iterator<char>(file)), {});
  return {statusField(status, "VmRSS:"), statusField(status, "RssAnon:"),
          statusField(status, "RssFile:"), statusField(status, "VmHWM:")};
}

bool resetPeakMemory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5\n";
  return bool(file.flush());
}

} // namespace bluec::runtime
