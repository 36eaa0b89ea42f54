// bluec-bench-kernels: f32 linears at the shapes of bluelm-v-3b beside what the machine can do.
//
// Many rows are compared with the peak of multiply-adds, one row with the bandwidth of reads, each
// measured right before and after the kernel, because machines are noisy: what counts is the
// median share. Weights rotate over copies so that none is in a cache. Every answer is checked
// before it is timed.
#include "runtime/platform/ThreadPool.h"
#include "tests/bench/Machine.h"
#include "tests/conformance/StepModule.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

using namespace bluec;
using namespace bluec::bench;
using namespace bluec::conformance;

namespace {

struct Shape2 {
  const char *what;
  int64_t rows, depth, width; // M, K, N
};

constexpr Shape2 kShapes[] = {
    {"ViT fc1", 729, 1152, 4304}, {"ViT fc2", 729, 4304, 1152}, {"ViT qkv", 729, 1152, 1152},
    {"gate/up", 128, 2304, 5760}, {"down", 128, 5760, 2304},    {"qkv/out", 128, 2304, 2304},
    {"gate/up", 1, 2304, 5760},   {"down", 1, 5760, 2304},      {"qkv/out", 1, 2304, 2304},
    {"head", 1, 2304, 122753},
};
constexpr size_t kStreamBytes = size_t{512} << 20; // far more than any cache

struct Options {
  std::string target = "host";
  std::string only;
  int threads = 0;
  int repeats = 7;
};

struct Freed {
  void operator()(void *memory) const { std::free(memory); }
};
using Bytes = std::unique_ptr<uint8_t, Freed>;
Bytes allocate(size_t bytes) {
  return Bytes(static_cast<uint8_t *>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

float element(int64_t i) { return static_cast<float>((i * 2654435761u >> 8) % 2001) / 1000 - 1; }

/// One shape, compiled, with its memory.
class LinearBench {
public:
  LinearBench(const Options &options, const Shape2 &shape, runtime::ThreadPool &pool);
  bool ok() const { return module.model != nullptr; }
  bool check() const;
  /// Seconds of one run, each with the next copy of the weights.
  double run();

private:
  Shape2 shape;
  StepModule module;
  Bytes weights, arena;
  size_t stride = 0;
  int64_t copies = 1, next = 0;
  bluec_call call = {};
  const bluec_entry *entry = nullptr;
};

LinearBench::LinearBench(const Options &options, const Shape2 &shape, runtime::ThreadPool &pool)
    : shape(shape) {
  int64_t cols = 2 * lanesOf(options.target);
  conformance::Shape x = {shape.rows, shape.depth}, y = {shape.rows, shape.width};
  conformance::Shape panels = {(shape.width + cols - 1) / cols, shape.depth, cols};
  StepText step{"linear",
                shape.rows,
                {{Place::Input, "x", x}, {Place::Weight, "w", panels}},
                "%y = plan.linear %a0, %a1 : (" + tensorText(x) + ", " + tensorText(panels) +
                    ") -> " + tensorText(y) + "\nplan.yield %y : " + tensorText(y),
                y};
  std::string error;
  if (!module.compile(options.target, {step}, error)) {
    std::fprintf(stderr, "bluec-bench-kernels: %s\n", error.c_str());
    return;
  }
  entry = &module.model->entries[0];
  stride = static_cast<size_t>(module.weightsBytes + 4095) / 4096 * 4096;
  copies = shape.rows > 1 ? 2 : static_cast<int64_t>(kStreamBytes / stride) + 1;
  weights = allocate(stride * static_cast<size_t>(copies));
  arena = allocate(static_cast<size_t>(entry->arena_bytes));
  for (int64_t copy = 0; copy < copies; ++copy) {
    uint8_t *to = weights.get() + static_cast<size_t>(copy) * stride;
    if (copy > 0) {
      std::memcpy(to, weights.get(), stride);
      continue;
    }
    auto *panel = reinterpret_cast<float *>(to + module.weights.at("w").offset);
    for (int64_t n = 0; n < panels[0] * cols; ++n)
      for (int64_t k = 0; k < shape.depth; ++k)
        panel[(n / cols * shape.depth + k) * cols + n % cols] =
            n < shape.width ? element(n * shape.depth + k) : 0;
  }
  auto *input = reinterpret_cast<float *>(arena.get() + entry->inputs[0].offset);
  for (int64_t i = 0; i < shape.rows * shape.depth; ++i)
    input[i] = element(3 * i + 1);
  call.arena = arena.get();
  call.count = shape.rows;
  call.pool = &pool;
  call.parallel_for = runtime::ThreadPool::run;
}

double LinearBench::run() {
  call.weights = weights.get() + static_cast<size_t>(next++ % copies) * stride;
  double start = now();
  entry->run(&call);
  return now() - start;
}

/// Compares some elements, the corners among them, with sums in double.
bool LinearBench::check() const {
  const auto *output = reinterpret_cast<const float *>(arena.get() + entry->outputs[0].offset);
  for (int64_t sample = 0; sample < 200; ++sample) {
    int64_t m = sample == 0 ? shape.rows - 1 : sample * 7919 % shape.rows;
    int64_t n = sample < 2 ? shape.width - 1 : sample * 104729 % shape.width;
    double sum = 0;
    for (int64_t k = 0; k < shape.depth; ++k)
      sum += static_cast<double>(element(3 * (m * shape.depth + k) + 1)) *
             element(n * shape.depth + k);
    double found = output[m * shape.width + n];
    if (!(std::fabs(found - sum) <= 1e-6 * static_cast<double>(shape.depth))) {
      std::fprintf(stderr, "bluec-bench-kernels: %s [%lld, %lld]: expected %g, found %g\n",
                   shape.what, static_cast<long long>(m), static_cast<long long>(n), sum, found);
      return false;
    }
  }
  return true;
}

bool benchmark(const Options &options, const Shape2 &shape, runtime::ThreadPool &pool,
               const float *stream) {
  LinearBench linear(options, shape, pool);
  if (!linear.ok())
    return false;
  linear.run();
  if (!linear.check())
    return false;
  double operations = 2.0 * static_cast<double>(shape.rows * shape.depth * shape.width);
  double bytes = 4.0 * static_cast<double>(shape.depth * shape.width);
  int lanes = static_cast<int>(lanesOf(options.target));
  bool oneRow = shape.rows == 1;
  auto most = [&] {
    return oneRow ? measureReadBandwidth(pool, stream, kStreamBytes / 2)
                  : measureFmaPeak(pool, lanes, 0.03);
  };
  int64_t runs =
      std::max<int64_t>(1, static_cast<int64_t>(oneRow ? 256e6 / bytes : 8e9 / operations));
  std::vector<double> rates, peaks, shares;
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    double before = most();
    double seconds = 0;
    for (int64_t i = 0; i < runs; ++i)
      seconds += linear.run();
    double rate = (oneRow ? bytes : operations) * static_cast<double>(runs) / seconds;
    double peak = (before + most()) / 2;
    rates.push_back(rate / 1e9);
    peaks.push_back(peak / 1e9);
    shares.push_back(rate / peak);
  }
  std::printf("%-8s %4lld x %5lld -> %6lld  %8.1f %s of %8.1f  %5.1f%%\n", shape.what,
              static_cast<long long>(shape.rows), static_cast<long long>(shape.depth),
              static_cast<long long>(shape.width), median(rates), oneRow ? "GB/s   " : "GFLOP/s",
              median(peaks), 100 * median(shares));
  std::fflush(stdout);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    auto value = [&](const char *name) {
      return i + 1 < argc && argument == name ? argv[++i] : nullptr;
    };
    if (const char *target = value("--target")) {
      options.target = target;
    } else if (const char *threads = value("--threads")) {
      options.threads = std::atoi(threads);
    } else if (const char *repeats = value("--repeats")) {
      options.repeats = std::max(1, std::atoi(repeats));
    } else if (const char *only = value("--only")) {
      options.only = only;
    } else if (argument == "--processor-time") {
      options.threads = 1;
      countProcessorTime();
    } else {
      std::fprintf(stderr, "usage: bluec-bench-kernels [--target T] [--threads N] [--repeats N] "
                           "[--only WORD-OR-ROWS] [--processor-time]\n");
      return 2;
    }
  }
  runtime::ThreadPool pool(options.threads);
  Bytes stream = allocate(kStreamBytes / 2);
  std::memset(stream.get(), 1, kStreamBytes / 2);
  std::printf("target %s, %d threads; rate of the kernel, of the machine, and the median share\n",
              options.target.c_str(), pool.threads());
  for (const Shape2 &shape : kShapes) {
    if (!options.only.empty() && options.only != shape.what &&
        options.only != std::to_string(shape.rows))
      continue;
    if (!benchmark(options, shape, pool, reinterpret_cast<const float *>(stream.get())))
      return 3;
  }
  return 0;
}
