#include "measure/MachineLimits.h"

#include "base/Stopwatch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace bluec::runtime {

const char *dotTypeName(DotType type) {
  return type == DotType::I8 ? "i8" : type == DotType::I16 ? "i16" : "f32";
}

double measureDotPeak(ThreadPool &pool, DotType type, const std::vector<std::string> &features,
                      double seconds) {
  const DotLoop loop = dotLoop(type, features);
  if (!loop.kernel)
    return 0;
  LoopJob job;
  job.count = 50000; // about a millisecond for each thread and task
  const std::int64_t tasks = 16 * pool.threads();
  std::int64_t done = 0;
  const auto start = Clock::now();
  double spent = 0;
  while ((spent = secondsSince(start)) < seconds) {
    pool.parallelFor(loop.kernel, &job.call, tasks);
    done += tasks;
  }
  return double(done * job.count * loop.operations) / spent;
}

double measureReadBandwidth(ThreadPool &pool, std::span<const std::uint8_t> memory) {
  constexpr std::int64_t kTaskBytes = std::int64_t(256) << 10;
  static_assert(kTaskBytes % kReadBlockBytes == 0);
  LoopJob job;
  job.data = memory.data();
  job.count = kTaskBytes;
  const std::int64_t tasks = std::int64_t(memory.size()) / job.count;
  const auto start = Clock::now();
  pool.parallelFor(readLoop(), &job.call, tasks);
  return double(tasks * job.count) / secondsSince(start);
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
      constexpr std::int64_t kKibi = 1024; // "32768K"
      sizes[read(cache.path() / "shared_cpu_list")] =
          kKibi * std::atoll(read(cache.path() / "size").c_str());
    }
  std::int64_t sum = 0;
  for (const auto &[cpus, bytes] : sizes)
    sum += bytes;
  return sum;
}

} // namespace bluec::runtime
