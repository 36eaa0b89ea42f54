// bluec-bench-kernels: linears of all precisions and attention at the shapes of bluelm-v-3b beside
// what the machine can do.
//
// Many rows are compared with the peak of multiply-adds or of dot products of the activations'
// type, one row with the bandwidth of reads, each measured right before and after the kernel,
// because machines are noisy: what counts is the median share. Weights rotate over copies so that
// none is in a cache. Every answer is checked before it is timed.
#include "runtime/platform/ThreadPool.h"
#include "tests/bench/Machine.h"
#include "tests/conformance/CacheBytes.h"
#include "tests/conformance/Quantized.h"
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
  /// Not 0: x is a grid of tokens with as many on a side, which plan.linear gathers.
  int64_t side = 0;

  int64_t xRows() const { return side ? side * side : rows; }
  int64_t xDepth() const { return side ? depth / 4 : depth; }
  /// Where element k of row m is in x: its row there, or -1 for padding.
  int64_t xRow(int64_t m, int64_t k) const {
    if (side == 0)
      return m;
    int64_t across = (side + 1) / 2, part = k / xDepth();
    int64_t y = m / across * 2 + part / 2, x = m % across * 2 + part % 2;
    return y < side && x < side ? y * side + x : -1;
  }
};

constexpr Shape2 kShapes[] = {
    {"ViT fc1", 729, 1152, 4304}, {"ViT fc2", 729, 4304, 1152}, {"ViT qkv", 729, 1152, 1152},
    {"gate/up", 128, 2304, 5760}, {"down", 128, 5760, 2304},    {"qkv/out", 128, 2304, 2304},
    {"gate/up", 1, 2304, 5760},   {"down", 1, 5760, 2304},      {"qkv/out", 1, 2304, 2304},
    {"head", 1, 2304, 122753},
};
struct AttentionShape {
  int64_t bits; // of the dot products, 8 or 16, over an INT8 cache; 32: all of f32
  int64_t rows, heads, dims, context; // the rows are the context's last
  int64_t terms = 0;                  // of lifted keys, two a pair of channels
};
constexpr AttentionShape kAttention[] = {
    {32, 128, 36, 64, 2048},   {16, 128, 36, 64, 2048},    {8, 128, 36, 64, 2048},
    {8, 128, 36, 64, 1024},    {16, 128, 36, 64, 1024},    {8, 128, 36, 64, 128},
    {8, 128, 16, 128, 2048},   {8, 128, 16, 80, 2048},     {32, 1, 36, 64, 2048},
    {16, 1, 36, 64, 2048},     {8, 1, 36, 64, 2048},       {16, 128, 36, 64, 2048, 2},
    {8, 128, 36, 64, 2048, 2}, {16, 128, 36, 64, 2048, 8}, {8, 128, 36, 64, 2048, 8},
    {16, 1, 36, 64, 2048, 2},  {8, 1, 36, 64, 2048, 2},    {16, 1, 36, 64, 2048, 8},
    {8, 1, 36, 64, 2048, 8}};
/// Precisions, as recipes have them.
struct Precision {
  const char *name;
  WeightFormat weight;
  int64_t xGroup; // 0: scales by row
};
const Precision kW4A16{"W4A16", {4, 64, true, false, 16}, 0};
const Precision kW4A8{"W4A8", {4, 64, true, false, 8}, 0};
const Precision kW4A32{"W4A32", {4, 64, true, false, 32}, 0};
const Precision kW8A16{"W8A16", {8, 0, true, false, 16}, 0};
const Precision kW8A8{"W8A8", {8, 0, true, false, 8}, 0};
const Precision kProjectorA16{"W8A16", {8, 128, true, false, 16}, 0};
const Precision kProjectorA8{"W8A8", {8, 128, true, false, 8}, 128};
struct QuantizedShape {
  Precision precision;
  Shape2 shape;
};
const QuantizedShape kQuantized[] = {
    {kW8A16, {"ViT fc1", 729, 1152, 4304}},
    {kW8A16, {"ViT fc2", 729, 4304, 1152}},
    {kW8A16, {"ViT qkv", 729, 1152, 1152}},
    {kW8A8, {"ViT fc1", 729, 1152, 4304}},
    {kW8A8, {"ViT fc2", 729, 4304, 1152}},
    {kW8A8, {"ViT qkv", 729, 1152, 1152}},
    {kProjectorA16, {"projector", 196, 4608, 2304}},
    {kProjectorA16, {"gathering", 196, 4608, 2304, 27}},
    {kProjectorA8, {"projector", 196, 4608, 2304}},
    {kProjectorA8, {"gathering", 196, 4608, 2304, 27}},
    {kW4A16, {"gate/up", 128, 2304, 5760}},
    {kW4A16, {"down", 128, 5760, 2304}},
    {kW4A16, {"qkv/out", 128, 2304, 2304}},
    {kW4A8, {"gate/up", 128, 2304, 5760}},
    {kW4A8, {"down", 128, 5760, 2304}},
    {kW4A8, {"qkv/out", 128, 2304, 2304}},
    {kW4A32, {"qkv/out", 128, 2304, 2304}},
    {kW4A16, {"gate/up", 1, 2304, 5760}},
    {kW4A16, {"down", 1, 5760, 2304}},
    {kW4A16, {"qkv/out", 1, 2304, 2304}},
    {kW4A16, {"head", 1, 2304, 122753}},
    {kW4A8, {"gate/up", 1, 2304, 5760}},
    {kW4A8, {"down", 1, 5760, 2304}},
    {kW4A8, {"qkv/out", 1, 2304, 2304}},
    {kW4A8, {"head", 1, 2304, 122753}},
    {kW8A8, {"head", 1, 2304, 122753}},
    {kW4A32, {"gate/up", 1, 2304, 5760}},
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
  if (module.compile(options.target, {step}, error) && !module.model)
    error = options.target + ": expected a target that runs in this process";
  if (!module.model) {
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

/// A quantized linear. Panels hold random integers, under scales that tell groups apart.
class QuantizedBench {
public:
  QuantizedBench(const Options &options, const QuantizedShape &what, runtime::ThreadPool &pool);
  bool ok() const { return module.model != nullptr; }
  bool check() const;
  double run();
  double weightBytes() const { return static_cast<double>(panels.bytes()); }

private:
  int32_t weightAt(int64_t n, int64_t k) const;

  Precision precision;
  Shape2 shape;
  plan::PanelLayout panels;
  QuantizedRows rows;
  Data floats;
  StepModule module;
  Bytes weights, arena;
  size_t stride = 0;
  int64_t copies = 1, next = 0;
  bluec_call call = {};
  const bluec_entry *entry = nullptr;
};

float groupScale(int64_t n, int64_t group) {
  return toHalf(static_cast<float>((n * 7 + group * 13) % 50 + 1) / 64);
}

QuantizedBench::QuantizedBench(const Options &options, const QuantizedShape &what,
                               runtime::ThreadPool &pool)
    : precision(what.precision), shape(what.shape) {
  const WeightFormat &format = precision.weight;
  LayoutFacts facts = layoutFacts(options.target);
  panels = format.layout(shape.width, shape.depth, facts);
  RowFormat rowFormat{format.dot, precision.xGroup, format.group == 0 ? 256 : format.group,
                      facts.alignment};
  Operand x{Place::Input, "x", {shape.xRows(), shape.xDepth()}};
  conformance::Shape y = {shape.rows, shape.width};
  std::string gather;
  if (shape.side) {
    std::string side = std::to_string(shape.side);
    gather = " gather <height = " + side + ", width = " + side + ">";
    x.shape.insert(x.shape.begin(), 1);
    y.insert(y.begin(), 1);
  }
  if (format.dot != 32) {
    x.element = rowFormat.element();
    x.encoding = rowFormat.encoding();
  }
  Operand weight{Place::Weight, "w", {shape.width, shape.depth}};
  weight.element = format.element();
  weight.encoding = format.encoding(facts);
  StepText step{"linear",
                y.front(),
                {x, weight},
                "%y = plan.linear %a0, %a1" + gather + " : (" + typeText(x) + ", " +
                    typeText(weight) + ") -> " + tensorText(y) +
                    "\nplan.yield %y : " + tensorText(y),
                y};
  std::string error;
  if (module.compile(options.target, {step}, error) && !module.model)
    error = options.target + ": expected a target that runs in this process";
  if (!module.model) {
    std::fprintf(stderr, "bluec-bench-kernels: %s\n", error.c_str());
    return;
  }
  entry = &module.model->entries[0];
  stride = static_cast<size_t>(module.weightsBytes + 4095) / 4096 * 4096;
  copies = shape.rows > 1 ? 2 : static_cast<int64_t>(kStreamBytes / stride) + 1;
  weights = allocate(stride * static_cast<size_t>(copies));
  arena = allocate(static_cast<size_t>(entry->arena_bytes));
  uint8_t *bytes = weights.get() + module.weights.at("w").offset;
  uint64_t state = 1;
  for (int64_t at = 0; at + 4 <= panels.bytes(); at += 4) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    auto word = static_cast<uint32_t>(state >> 32);
    std::memcpy(bytes + at, &word, 4);
  }
  for (int64_t n = 0; n < panels.panels() * panels.rows; ++n)
    for (int64_t g = 0; g < panels.groups(); ++g) {
      uint16_t scale = halfBits(n < shape.width ? groupScale(n, g) : 0);
      std::memcpy(bytes + n / panels.rows * panels.panelBytes() + panels.groupOffset(g) +
                      2 * (n % panels.rows),
                  &scale, 2);
    }
  for (int64_t copy = 1; copy < copies; ++copy)
    std::memcpy(weights.get() + static_cast<size_t>(copy) * stride, weights.get(), stride);
  if (format.dot == 32) {
    for (int64_t i = 0; i < shape.xRows() * shape.xDepth(); ++i)
      floats.push_back(element(3 * i + 1));
  } else {
    rows = randomRows(rowFormat, shape.xRows(), shape.xDepth(), 1);
  }
  Data input = format.dot == 32 ? floats : rows.pack();
  std::memcpy(arena.get() + entry->inputs[0].offset, input.data(), 4 * input.size());
  call.arena = arena.get();
  call.count = entry->capacity;
  call.pool = &pool;
  call.parallel_for = runtime::ThreadPool::run;
}

double QuantizedBench::run() {
  call.weights = weights.get() + static_cast<size_t>(next++ % copies) * stride;
  double start = now();
  entry->run(&call);
  return now() - start;
}

int32_t QuantizedBench::weightAt(int64_t n, int64_t k) const {
  int64_t inGroup = k % panels.group, each = panels.word.elements();
  int64_t bit = panels.word.bitOf(inGroup % each), all = int64_t{1} << panels.word.bits;
  const uint8_t *word =
      weights.get() + module.weights.at("w").offset + n / panels.rows * panels.panelBytes() +
      panels.groupOffset(k / panels.group) + panels.headerBytes() +
      inGroup / each * panels.wordBytes() + panels.word.bytes() * (n % panels.rows);
  int64_t stored = word[bit / 8] >> (bit % 8) & (all - 1);
  int64_t value = panels.offset ? stored - panels.offset : stored < all / 2 ? stored : stored - all;
  return static_cast<int32_t>(value);
}

/// Compares some elements, the corners among them, with exact sums.
bool QuantizedBench::check() const {
  const auto *output = reinterpret_cast<const float *>(arena.get() + entry->outputs[0].offset);
  for (int64_t sample = 0; sample < 200; ++sample) {
    int64_t m = sample == 0 ? shape.rows - 1 : sample * 7919 % shape.rows;
    int64_t n = sample < 2 ? shape.width - 1 : sample * 104729 % shape.width;
    double sum = 0, terms = 0;
    for (int64_t k = 0; k < shape.depth; ++k) {
      int64_t row = shape.xRow(m, k), column = k % shape.xDepth();
      if (row < 0)
        continue;
      auto at = static_cast<size_t>(row * shape.xDepth() + column);
      double x = floats.empty() ? static_cast<double>(rows.scaleAt(row, column)) * rows.q[at]
                                : static_cast<double>(floats[at]);
      double term = x * weightAt(n, k) * groupScale(n, k / panels.group);
      sum += term;
      terms += std::fabs(term);
    }
    double found = output[m * shape.width + n];
    if (!(std::fabs(found - sum) <= 1e-6 * terms)) {
      std::fprintf(stderr, "bluec-bench-kernels: %s [%lld, %lld]: expected %g, found %g\n",
                   shape.what, static_cast<long long>(m), static_cast<long long>(n), sum, found);
      return false;
    }
  }
  return true;
}

/// Attention over a full cache, of floats or of INT8. Keys and values rotate over copies as weights
/// do.
class AttentionBench {
public:
  AttentionBench(const Options &options, const AttentionShape &shape, runtime::ThreadPool &pool);
  bool ok() const { return module.model != nullptr; }
  bool check() const;
  double run();

  /// Of keys and values together.
  double cacheBytes = 0;

private:
  StepText floatStep() const;
  void fill(uint8_t *caches);
  float key(int64_t head, int64_t position, int64_t dim) const;
  float value(int64_t head, int64_t position, int64_t dim) const;
  float cached(const CacheBytes &cache, const char *name, int64_t head, int64_t position,
               int64_t dim) const;

  AttentionShape shape;
  int64_t lanes;
  CacheBytes quantizedKeys, quantizedValues;
  StepModule module;
  Bytes caches, arena, weights;
  size_t stride = 0;
  int64_t copies = 1, next = 0;
  bluec_call call = {};
  const bluec_entry *entry = nullptr;
};

constexpr int64_t kCacheBlock = 128;

/// The scale of an INT8 cache's position: a half between 1/128 and 1/64, by its bits.
uint16_t scaleBits(int64_t position) {
  return static_cast<uint16_t>(0x2000 + position * 37 % 1024);
}
float scaleOf(int64_t position) {
  return (1 + static_cast<float>(position * 37 % 1024) / 1024) / 128;
}

StepText AttentionBench::floatStep() const {
  int64_t cols = shape.heads * shape.dims;
  conformance::Shape query = {shape.rows, cols}, values = {1, shape.context, cols};
  conformance::Shape keys = {1, shape.heads, shape.context / lanes, shape.dims, lanes};
  return {
      "attention",
      shape.rows,
      {{Place::Input, "q", query}, {Place::Cache, "keys", keys}, {Place::Cache, "values", values}},
      "%y = plan.attention %a0, %a1, %a2 {causal, num_heads = " + std::to_string(shape.heads) +
          " : i64, num_kv_heads = " + std::to_string(shape.heads) +
          " : i64, scale = 0.125 : f64} : (" + tensorText(query) + ", " + tensorText(keys) + ", " +
          tensorText(values) + ") -> " + tensorText(query) +
          "\nplan.yield %y : " + tensorText(query),
      query};
}

AttentionBench::AttentionBench(const Options &options, const AttentionShape &shape,
                               runtime::ThreadPool &pool)
    : shape(shape), lanes(lanesOf(options.target)), quantizedKeys{true,
                                                                  shape.heads,
                                                                  shape.dims,
                                                                  shape.context,
                                                                  kCacheBlock,
                                                                  shape.bits,
                                                                  layoutFacts(options.target)},
      quantizedValues(quantizedKeys) {
  quantizedValues.keys = false;
  std::string error;
  StepText step = shape.bits == 32
                      ? floatStep()
                      : attentionStep("attention", shape.rows, shape.heads, 0.125, quantizedKeys,
                                      quantizedValues, {.terms = shape.terms});
  if (module.compile(options.target, {step}, error) && !module.model)
    error = options.target + ": expected a target that runs in this process";
  if (!module.model) {
    std::fprintf(stderr, "bluec-bench-kernels: %s\n", error.c_str());
    return;
  }
  entry = &module.model->entries[0];
  stride = static_cast<size_t>(module.cachesBytes + 4095) / 4096 * 4096;
  copies = shape.rows > 1 ? 2 : static_cast<int64_t>(kStreamBytes / stride) + 1;
  caches = allocate(stride * static_cast<size_t>(copies));
  arena = allocate(static_cast<size_t>(entry->arena_bytes));
  // Terms of zeros take the time of any others, and change nothing that is checked.
  weights = allocate(static_cast<size_t>(std::max<int64_t>(module.weightsBytes, 1)));
  std::memset(weights.get(), 0, static_cast<size_t>(std::max<int64_t>(module.weightsBytes, 1)));
  call.weights = weights.get();
  for (const auto &[name, range] : module.caches)
    cacheBytes += static_cast<double>(range.bytes);
  for (int64_t copy = 0; copy < copies; ++copy)
    fill(caches.get() + static_cast<size_t>(copy) * stride);
  auto *input = reinterpret_cast<float *>(arena.get() + entry->inputs[0].offset);
  for (int64_t i = 0; i < shape.rows * shape.heads * shape.dims; ++i)
    input[i] = element(3 * i + 1);
  call.arena = arena.get();
  call.count = shape.rows;
  call.position = shape.context - shape.rows;
  call.pool = &pool;
  call.parallel_for = runtime::ThreadPool::run;
}

void AttentionBench::fill(uint8_t *to) {
  if (shape.bits == 32) {
    for (const auto &[name, range] : module.caches) {
      auto *at = reinterpret_cast<float *>(to + range.offset);
      for (int64_t i = 0; i < range.bytes / 4; ++i)
        at[i] = element(name == "keys" ? i : 5 * i + 3);
    }
    return;
  }
  for (const auto &[name, range] : module.caches) {
    uint8_t *at = to + range.offset;
    for (int64_t i = 0; i < range.bytes; ++i)
      at[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
    const CacheBytes &cache = name == "keys" ? quantizedKeys : quantizedValues;
    for (int64_t head = 0; head < shape.heads; ++head)
      for (int64_t position = 0; position < shape.context; ++position) {
        uint16_t bits = scaleBits(position);
        std::memcpy(at + cache.scale(head, position), &bits, 2);
      }
  }
}

float AttentionBench::cached(const CacheBytes &cache, const char *name, int64_t head,
                             int64_t position, int64_t dim) const {
  uint8_t byte = caches.get()[module.caches.at(name).offset + cache.element(head, position, dim)];
  return scaleOf(position) * static_cast<float>(cache.offset()
                                                    ? byte - cache.offset()
                                                    : int64_t{static_cast<int8_t>(byte)});
}
float AttentionBench::key(int64_t head, int64_t position, int64_t dim) const {
  if (shape.bits != 32)
    return cached(quantizedKeys, "keys", head, position, dim);
  int64_t block = head * (shape.context / lanes) + position / lanes;
  return element((block * shape.dims + dim) * lanes + position % lanes);
}
float AttentionBench::value(int64_t head, int64_t position, int64_t dim) const {
  if (shape.bits != 32)
    return cached(quantizedValues, "values", head, position, dim);
  return element(5 * ((position * shape.heads + head) * shape.dims + dim) + 3);
}

double AttentionBench::run() {
  call.kv = caches.get() + static_cast<size_t>(next++ % copies) * stride;
  double start = now();
  entry->run(&call);
  return now() - start;
}

bool AttentionBench::check() const {
  const auto *output = reinterpret_cast<const float *>(arena.get() + entry->outputs[0].offset);
  int64_t cols = shape.heads * shape.dims;
  // Values are below 1, or 2 in INT8; queries and weights lose half a step of 127 and 255.
  double bound = shape.bits == 32 ? 1e-5 : shape.bits == 16 ? 1e-4 : 2e-2;
  for (int64_t sample = 0; sample < 8; ++sample) {
    int64_t row = sample * 37 % shape.rows, head = (sample * 11 + 5) % shape.heads;
    int64_t dim = sample * 13 % shape.dims;
    double total = 0, sum = 0;
    for (int64_t j = 0; j <= shape.context - shape.rows + row; ++j) {
      double dot = 0;
      for (int64_t d = 0; d < shape.dims; ++d)
        dot += static_cast<double>(element(3 * (row * cols + head * shape.dims + d) + 1)) *
               static_cast<double>(key(head, j, d));
      double weight = std::exp(0.125 * dot);
      total += weight;
      sum += weight * static_cast<double>(value(head, j, dim));
    }
    double found = static_cast<double>(output[row * cols + head * shape.dims + dim]);
    if (!(std::fabs(found - sum / total) <= bound)) {
      std::fprintf(stderr, "bluec-bench-kernels: attention [%lld, %lld]: expected %g, found %g\n",
                   static_cast<long long>(row), static_cast<long long>(head), sum / total, found);
      return false;
    }
  }
  return true;
}

/// What bounds a kernel: reads, or multiply-adds of f32, or dot products of i16 or i8.
enum class Bound { Reads, Floats, Words, Bytes };

/// Checks and times one step. `operations` and `bytes` are what a run computes and reads.
template <typename Bench>
bool measure(Bench &bench, const Options &options, const std::string &title, Bound bound,
             double operations, double bytes, runtime::ThreadPool &pool, const float *stream) {
  if (!bench.ok())
    return false;
  bench.run();
  if (!bench.check())
    return false;
  int lanes = static_cast<int>(lanesOf(options.target));
  bool boundByReads = bound == Bound::Reads;
  auto most = [&] {
    switch (bound) {
    case Bound::Reads:
      return measureReadBandwidth(pool, stream, kStreamBytes / 2);
    case Bound::Floats:
      return measureFmaPeak(pool, lanes, 0.03);
    case Bound::Words:
      return measureDotPeak(pool, lanes, 16, 0.03);
    case Bound::Bytes:
      break;
    }
    return measureDotPeak(pool, lanes, 8, 0.03);
  };
  auto runs =
      std::max<int64_t>(1, static_cast<int64_t>(boundByReads ? 256e6 / bytes : 8e9 / operations));
  std::vector<double> rates, peaks, shares, times;
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    double before = most();
    double seconds = 0;
    for (int64_t i = 0; i < runs; ++i)
      seconds += bench.run();
    double rate = (boundByReads ? bytes : operations) * static_cast<double>(runs) / seconds;
    double peak = (before + most()) / 2;
    times.push_back(seconds / static_cast<double>(runs) * 1e6);
    rates.push_back(rate / 1e9);
    peaks.push_back(peak / 1e9);
    shares.push_back(rate / peak);
  }
  std::printf("%-38s %8.1f of %8.1f %s  %5.1f%%  %8.1f us\n", title.c_str(), median(rates),
              median(peaks),
              boundByReads             ? "GB/s   "
              : bound == Bound::Floats ? "GFLOP/s"
                                       : "GOP/s  ",
              100 * median(shares), median(times));
  std::fflush(stdout);
  return true;
}

std::string title(const Shape2 &shape) {
  char text[64];
  std::snprintf(text, sizeof(text), "%-8s %4lld x %5lld -> %6lld", shape.what,
                static_cast<long long>(shape.rows), static_cast<long long>(shape.depth),
                static_cast<long long>(shape.width));
  return text;
}

bool benchmark(const Options &options, const Shape2 &shape, runtime::ThreadPool &pool,
               const float *stream) {
  LinearBench linear(options, shape, pool);
  auto weights = static_cast<double>(shape.depth * shape.width);
  return measure(linear, options, title(shape), shape.rows == 1 ? Bound::Reads : Bound::Floats,
                 2 * static_cast<double>(shape.rows) * weights, 4 * weights, pool, stream);
}

bool benchmark(const Options &options, const QuantizedShape &what, runtime::ThreadPool &pool,
               const float *stream) {
  QuantizedBench linear(options, what, pool);
  const Shape2 &shape = what.shape;
  int64_t dot = what.precision.weight.dot;
  Bound bound = shape.rows == 1 ? Bound::Reads
                : dot == 8      ? Bound::Bytes
                : dot == 16     ? Bound::Words
                                : Bound::Floats;
  double products =
      static_cast<double>(shape.rows * shape.depth) * static_cast<double>(shape.width);
  return measure(linear, options, std::string(what.precision.name) + " " + title(shape), bound,
                 2 * products, linear.weightBytes(), pool, stream);
}

/// Of dot products; keys and values are of INT8 in the latter two.
const char *typeName(const AttentionShape &shape) {
  return shape.bits == 32 ? "f32" : shape.bits == 16 ? "KV8A16" : "KV8A8";
}

bool benchmark(const Options &options, const AttentionShape &shape, runtime::ThreadPool &pool,
               const float *stream) {
  AttentionBench attention(options, shape, pool);
  // What causal attention has to compute: the scores of each row with the positions up to its own.
  double seen = static_cast<double>(shape.context) - 0.5 * static_cast<double>(shape.rows - 1);
  double products = 2 * static_cast<double>(shape.rows * shape.heads * shape.dims) * seen;
  Bound bound = shape.rows == 1    ? Bound::Reads
                : shape.bits == 8  ? Bound::Bytes
                : shape.bits == 16 ? Bound::Words
                                   : Bound::Floats;
  Shape2 named = {shape.terms ? "lifted" : "attend", shape.rows, shape.heads * shape.dims,
                  shape.context};
  std::string terms = shape.terms ? " +" + std::to_string(shape.terms) : "";
  return measure(attention, options, std::string(typeName(shape)) + " " + title(named) + terms,
                 bound, 2 * products, attention.cacheBytes, pool, stream);
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
                           "[--only WORD-OR-ROWS|PRECISION[:ROWS]] [--processor-time]\n");
      return 2;
    }
  }
  runtime::ThreadPool pool(options.threads);
  Bytes stream = allocate(kStreamBytes / 2);
  std::memset(stream.get(), 1, kStreamBytes / 2);
  std::printf("target %s, %d threads; rate of the kernel, of the machine, and the median share\n",
              options.target.c_str(), pool.threads());
  const auto *floats = reinterpret_cast<const float *>(stream.get());
  auto wanted = [&](const std::string &precision, const char *what, int64_t rows) {
    const std::vector<std::string> names = {what, precision, std::to_string(rows),
                                            precision + ":" + std::to_string(rows),
                                            precision + ":" + what + ":" + std::to_string(rows)};
    return options.only.empty() ||
           std::find(names.begin(), names.end(), options.only) != names.end();
  };
  for (const Shape2 &shape : kShapes)
    if (wanted("f32", shape.what, shape.rows) && !benchmark(options, shape, pool, floats))
      return 3;
  for (const QuantizedShape &what : kQuantized)
    if (wanted(what.precision.name, what.shape.what, what.shape.rows) &&
        !benchmark(options, what, pool, floats))
      return 3;
  for (const AttentionShape &shape : kAttention)
    if (wanted(typeName(shape), shape.terms ? "lifted" : "attend", shape.rows) &&
        !benchmark(options, shape, pool, floats))
      return 3;
  return 0;
}
