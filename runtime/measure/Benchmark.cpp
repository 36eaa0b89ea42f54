#include "measure/Benchmark.h"

#include "base/Stopwatch.h"
#include "core/Bundle.h"
#include "core/Encoder.h"
#include "core/Session.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace bluec::runtime {

std::string BenchmarkTest::name() const {
  const char *const names[] = {"encode ", "prefill ", "decode at "};
  return names[int(kind)] + std::to_string(amount) + (overlapped ? " overlapped" : "");
}

double BenchmarkTest::weightBytes() const {
  double sum = 0;
  for (const auto &[op, work] : ops)
    sum += work.weightBytes;
  return sum;
}

double BenchmarkTest::cacheBytes() const {
  double sum = 0;
  for (const auto &[op, work] : ops)
    sum += work.cacheBytes;
  return sum;
}

std::vector<std::pair<std::string, const StepWork *>> BenchmarkTest::slowestFirst() const {
  std::vector<std::pair<std::string, const StepWork *>> list;
  for (const auto &[kernel, work] : kernels)
    list.emplace_back(kernel, &work);
  std::stable_sort(list.begin(), list.end(), [](const auto &a, const auto &b) {
    return a.second->seconds.median() > b.second->seconds.median();
  });
  return list;
}

namespace {

using Json = nlohmann::json;
using Test = BenchmarkTest;

constexpr std::int64_t kDefaultPrefill = 512;
constexpr std::size_t kStreamBytes = std::size_t(256) << 20; // far more than any cache
constexpr int kBandwidthPasses = 3;
constexpr double kPeakSeconds = 0.05;

std::vector<StepCost> readCosts(const Json &manifest, const bluec_entry &entry) {
  std::vector<StepCost> costs(std::size_t(entry.num_steps));
  const auto entries = manifest.find("entry_points");
  if (entries == manifest.end() || !entries->is_array())
    return costs;
  for (const Json &described : *entries) {
    if (!described.is_object() || described.value("name", Json()) != entry.name)
      continue;
    const auto list = described.find("step_costs");
    if (list == described.end() || !list->is_array() || list->size() != costs.size())
      continue;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      const Json &from = (*list)[i];
      const auto number = [&](const char *key) {
        const auto found = from.find(key);
        return found != from.end() && found->is_number() ? found->get<double>() : 0;
      };
      const auto text = [&](const char *key) {
        const auto found = from.find(key);
        return found != from.end() && found->is_string() ? found->get<std::string>() : "";
      };
      if (!from.is_object())
        continue;
      costs[i] = {text("op"),
                  text("arithmetic"),
                  number("weight_bytes"),
                  number("row_bytes"),
                  number("position_bytes"),
                  number("operations"),
                  number("row_operations"),
                  number("position_operations"),
                  number("window")};
    }
  }
  return costs;
}

void addWork(StepWork &work, const StepCost &cost, std::int64_t count, std::int64_t position) {
  const auto rows = double(count), before = double(position);
  // Rows that attend to all before them; the others see a whole window.
  const double growing = cost.window > 0 ? std::clamp(cost.window - before, 0.0, rows) : rows;
  const double attended =
      growing * before + growing * (growing + 1) / 2 + (rows - growing) * cost.window;
  double positions = before + rows;
  if (growing < rows)
    positions = std::min(positions, cost.window + rows - 1);
  ++work.calls;
  work.weightBytes += cost.weightBytes + rows * cost.rowBytes;
  work.cacheBytes += positions * cost.positionBytes;
  work.operations +=
      cost.operations + rows * cost.rowOperations + attended * cost.positionOperations;
}

void addCalls(Test &test, const std::vector<CallTime> &times) {
  test.calls.resize(times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    test.calls[i].entry = times[i].entry->name;
    test.calls[i].tiles = times[i].count;
    test.calls[i].start.add(times[i].start);
    test.calls[i].seconds.add(times[i].end - times[i].start);
  }
}

bool allFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// A token that is never taken has minus infinity.
bool allLogits(std::span<const float> values) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  return std::all_of(values.begin(), values.end(),
                     [](float v) { return v == kNever || std::isfinite(v); });
}

// The repeat of a test that runs now. The first one of a test counts the work.
struct Repeat {
  explicit Repeat(Test &test, bool first) : test(test), first(first) {}

  Test &test;
  bool first;
  std::map<std::string, double> kernels, ops; // seconds
};

class Benchmark {
public:
  explicit Benchmark(const BenchmarkOptions &options) : options(options) {}

  Status run();
  BenchmarkResult take();

private:
  Status open();
  Status chooseTests();
  Status watchMemory();
  Status time();
  Status runTest(Test &test, double &seconds);
  Status encode(Repeat &repeat);
  Status prefill(Repeat &repeat, std::int64_t tokens);
  Status decode(Repeat &repeat);
  void addStep(Repeat &repeat, const bluec_entry &entry, const bluec_step &step, std::int64_t count,
               std::int64_t position, Clock::time_point &last);
  const TileSet &tilesOf(std::int64_t count);
  Status call(Repeat &repeat, const bluec_entry &entry, std::int64_t count, std::int64_t position,
              const void *input, std::span<float> output);
  void remember(const char *moment);
  std::int32_t randomToken();

  const bluec_model &model() const { return bundle->model(); }

  const BenchmarkOptions &options;
  BenchmarkResult result;
  std::unique_ptr<Bundle> bundle;
  std::unique_ptr<Session> session;
  std::unique_ptr<Encoder> encoder; // null without a vision side
  std::atomic<bool> cancelled{false};
  std::map<const bluec_entry *, std::vector<StepCost>> costs;
  PageBuffer stream;
  TileSet tiles;
  std::vector<float> embeddings, output;
  std::vector<std::int32_t> tokens;
  std::uint64_t random = 1;
};

Status Benchmark::run() {
  BLUEC_RETURN_IF_ERROR(open());
  BLUEC_RETURN_IF_ERROR(chooseTests());
  BLUEC_RETURN_IF_ERROR(watchMemory());
  return time();
}

// The first time as it comes, then with files that the system has in memory.
Status Benchmark::open() {
  for (int i = 0; i <= options.repeats; ++i) {
    encoder.reset();
    session.reset();
    bundle.reset();
    const auto start = Clock::now();
    Result<std::unique_ptr<Bundle>> opened =
        Bundle::open(options.bundle, {options.threads, WeightsCheck::Blocks});
    if (!opened.ok())
      return opened.status();
    bundle = std::move(*opened);
    Result<std::unique_ptr<Session>> created = Session::create(*bundle);
    if (!created.ok())
      return created.status();
    session = std::move(*created);
    if (!bundle->tileEncoders().empty()) {
      Result<std::unique_ptr<Encoder>> made = Encoder::create(*bundle);
      if (!made.ok())
        return made.status();
      encoder = std::move(*made);
    }
    if (i == 0)
      result.firstLoad = secondsSince(start);
    else
      result.load.add(secondsSince(start));
  }
  const Json manifest = Json::parse(bundle->files().manifestText(), nullptr, false);
  for (const bluec_entry &entry : bundle->entries())
    costs[&entry] = readCosts(manifest, entry);
  return {};
}

Status Benchmark::chooseTests() {
  const auto add = [&](Test::Kind kind, std::int64_t amount, std::int64_t rows) {
    Test test;
    test.kind = kind;
    test.amount = amount;
    test.rows = rows;
    result.tests.push_back(std::move(test));
  };
  const auto outside = [&](const char *option, std::int64_t least, std::int64_t found) {
    return Status(Code::InvalidArgument,
                  std::string(option) + ": expected " + std::to_string(least) + " to " +
                      std::to_string(model().context) + " tokens, found " + std::to_string(found));
  };
  const auto &encoders = bundle->tileEncoders();
  if (options.encode > 0 && encoders.empty())
    return {Code::Unsupported, "--encode: this model has no vision side"};
  if (options.encode > kMostEncodedTiles)
    return {Code::InvalidArgument, "--encode: expected at most " +
                                       std::to_string(kMostEncodedTiles) + " tiles, found " +
                                       std::to_string(options.encode)};
  if (options.overlap && (encoders.empty() || encoders.front().whole))
    return {Code::Unsupported, "--overlap: this bundle's image encoder is not in stages (bluec "
                               "compile --machine, with a machine of two devices)"};
  const std::int64_t batch = encoders.empty() ? 0 : encoders.front().capacity;
  if (const std::int64_t tiles = options.encode < 0 ? batch : options.encode; tiles > 0) {
    add(Test::Kind::Encode, tiles, tiles);
    if (options.overlap) {
      add(Test::Kind::Encode, tiles, tiles);
      result.tests.back().overlapped = true;
    }
  }

  const std::int64_t context = model().context;
  if (!bundle->hasText()) {
    if (!options.prefill.empty() || !options.decodeAt.empty())
      return {Code::Unsupported, "--prefill, --decode-at: this model has no language side"};
    return {};
  }
  std::vector<std::int64_t> lengths = options.prefill;
  if (lengths.empty())
    lengths =
        kDefaultPrefill < context ? std::vector{kDefaultPrefill, context} : std::vector{context};
  for (std::int64_t length : lengths) {
    if (length < 1 || length > context)
      return outside("--prefill", 1, length);
    add(Test::Kind::Prefill, length, length);
  }
  if (options.decodeTokens < 1 || options.decodeTokens > context)
    return outside("--decode-tokens", 1, options.decodeTokens);
  std::vector<std::int64_t> depths = options.decodeAt;
  if (depths.empty())
    depths = {0, context};
  for (std::int64_t depth : depths) {
    if (depth < 0 || depth > context)
      return outside("--decode-at", 0, depth);
    add(Test::Kind::Decode, depth, options.decodeTokens);
  }
  return {};
}

void Benchmark::remember(const char *moment) {
  result.memory.emplace_back(moment, residentMemory());
}

// Once through everything in the order of a conversation, before anything of the benchmark's own
// takes memory. It also warms up, and fills the cache for the tests of decoding.
Status Benchmark::watchMemory() {
  resetPeakMemory();
  remember("loaded");
  double seconds = 0;
  std::int64_t deepest = 0;
  for (Test &test : result.tests)
    if (test.kind == Test::Kind::Encode)
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
    else
      deepest = std::max(deepest, test.amount);
  const bool vision = !result.tests.empty() && result.tests.front().kind == Test::Kind::Encode;
  if (vision) {
    remember("encoded");
    result.peakMemory = residentMemory().peak;
    BLUEC_RETURN_IF_ERROR(encoder->release());
    remember("vision_released");
    resetPeakMemory();
  }
  if (deepest > 0) {
    Test warmUp;
    Repeat repeat(warmUp, true);
    BLUEC_RETURN_IF_ERROR(prefill(repeat, deepest));
    remember("prefilled");
  }
  for (Test &test : result.tests)
    if (test.kind == Test::Kind::Decode)
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
  if (bundle->hasText())
    remember("decoded");
  result.peakWithoutVision = residentMemory().peak;
  result.peakMemory = std::max(result.peakMemory, result.peakWithoutVision);
  for (Test &test : result.tests) {
    test.kernels.clear();
    test.ops.clear();
    test.between = {};
    test.calls.clear();
  }
  return {};
}

Status Benchmark::time() {
  Result<PageBuffer> buffer =
      PageBuffer::allocate(kStreamBytes, "bandwidth buffer", PageBuffer::Pages::Large);
  if (!buffer.ok())
    return buffer.status();
  stream = std::move(*buffer);
  std::fill_n(stream.get(), stream.bytes(), std::uint8_t(1));
  const std::span<const std::uint8_t> memory{stream.get(), stream.bytes()};
  ThreadPool &pool = bundle->threads();
  const auto readRate = [&] {
    double best = 0; // a limit is what was reached once
    for (int pass = 0; pass < kBandwidthPasses; ++pass)
      best = std::max(best, measureReadBandwidth(pool, memory));
    return best;
  };
  const auto peak = [&](DotType type) {
    return measureDotPeak(pool, type, bundle->manifest().target.features, kPeakSeconds);
  };
  constexpr DotType kTypes[] = {DotType::I8, DotType::I16, DotType::F32};
  std::map<DotType, double> peakBefore;
  double rateBefore = 0;
  const auto measureMachine = [&] {
    rateBefore = readRate();
    result.bandwidth.add(rateBefore);
    for (DotType type : kTypes) {
      peakBefore[type] = peak(type);
      result.peaks[type].add(peakBefore[type]);
    }
  };
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    measureMachine();
    for (Test &test : result.tests) {
      const double rate = rateBefore;
      const auto dots = peakBefore;
      double seconds = 0;
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
      measureMachine();
      test.seconds.add(seconds);
      test.bandwidth.add((rate + rateBefore) / 2);
      for (DotType type : kTypes)
        test.peaks[dotTypeName(type)].add((dots.at(type) + peakBefore[type]) / 2);
    }
  }
  return {};
}

std::int32_t Benchmark::randomToken() {
  random = random * 6364136223846793005u + 1442695040888963407u;
  return std::int32_t((random >> 33) % std::uint64_t(model().vocabulary));
}

Status Benchmark::runTest(Test &test, double &seconds) {
  Repeat repeat(test, test.between.empty());
  const auto start = Clock::now();
  switch (test.kind) {
  case Test::Kind::Encode:
    BLUEC_RETURN_IF_ERROR(encode(repeat));
    break;
  case Test::Kind::Prefill:
    BLUEC_RETURN_IF_ERROR(prefill(repeat, test.amount));
    break;
  case Test::Kind::Decode:
    BLUEC_RETURN_IF_ERROR(decode(repeat));
    break;
  }
  seconds = secondsSince(start);
  double inSteps = 0;
  for (const auto &[op, time] : repeat.ops) {
    inSteps += time;
    test.ops[op].seconds.add(time);
  }
  for (const auto &[kernel, time] : repeat.kernels)
    test.kernels[kernel].seconds.add(time);
  test.between.add(seconds - inSteps);
  return {};
}

// A step that has just run, since `last`.
void Benchmark::addStep(Repeat &repeat, const bluec_entry &entry, const bluec_step &step,
                        std::int64_t count, std::int64_t position, Clock::time_point &last) {
  const auto now = Clock::now();
  const double seconds = secondsBetween(last, now);
  last = now;
  const StepCost &cost = costs.at(&entry)[std::size_t(&step - entry.steps)];
  repeat.kernels[step.kernel] += seconds;
  repeat.ops[cost.op] += seconds;
  if (!repeat.first)
    return;
  for (StepWork *work : {&repeat.test.kernels[step.kernel], &repeat.test.ops[cost.op]}) {
    work->op = cost.op;
    if (!cost.arithmetic.empty())
      work->arithmetic = cost.arithmetic;
    addWork(*work, cost, count, position);
  }
}

// One entry point on `output`'s first rows, which are checked.
Status Benchmark::call(Repeat &repeat, const bluec_entry &entry, std::int64_t count,
                       std::int64_t position, const void *input, std::span<float> to) {
  auto last = Clock::now();
  const auto onStep = [&](std::int64_t, const bluec_step &step, const void *) {
    addStep(repeat, entry, step, count, position, last);
    return true;
  };
  void *result = to.data();
  BLUEC_RETURN_IF_ERROR(session->runEntry(
      entry, count, position, EntryInputs(entry, count, position, input), {&result, 1}, onStep));
  if (entry.role == BLUEC_ROLE_DECODE ? !allLogits(to) : !allFinite(to))
    return {Code::BadBundle,
            "entry " + inQuotes(entry.name) + ": expected finite numbers, found one that is none"};
  return {};
}

// In the calls, and on the memory, of a session's pictures.
Status Benchmark::encode(Repeat &repeat) {
  auto last = Clock::now();
  encoder->overlapStages(repeat.test.overlapped);
  const OnEntryStep onStep = [&](const bluec_entry &entry, std::int64_t count,
                                 const bluec_step &step, const void *) {
    addStep(repeat, entry, step, count, 0, last);
    return true;
  };
  // Steps that run at the same time have no time of their own.
  Result<Features> features = encoder->encode(tilesOf(repeat.test.amount), cancelled,
                                              repeat.test.overlapped ? OnEntryStep() : onStep);
  if (!features.ok())
    return features.status();
  addCalls(repeat.test, encoder->callTimes());
  if (!allFinite(features->rows))
    return {Code::BadBundle, "encode: expected finite numbers, found one that is none"};
  return {};
}

// Always the same pixels.
const TileSet &Benchmark::tilesOf(std::int64_t count) {
  if (tiles.count != count) {
    tiles.count = int(count);
    tiles.pixels.resize(std::size_t(3 * model().tile_height * model().tile_width * count));
    for (std::size_t i = 0; i < tiles.pixels.size(); ++i)
      tiles.pixels[i] = float(int((i * 2654435761u >> 8) % 2001) - 1000) / 1000;
  }
  return tiles;
}

Status Benchmark::prefill(Repeat &repeat, std::int64_t length) {
  const bluec_entry &embed = bundle->embed(), &entry = bundle->prefill();
  const std::int64_t chunk = std::min(embed.capacity, entry.capacity), hidden = model().hidden;
  const bluec_tensor &logits = *findOutput(entry, BLUEC_LOGITS);
  for (std::int64_t done = 0; done < length;) {
    const std::int64_t count = std::min(chunk, length - done);
    output.resize(std::size_t(usedRows(logits, count) * model().vocabulary));
    tokens.resize(std::size_t(count));
    std::generate(tokens.begin(), tokens.end(), [&] { return randomToken(); });
    embeddings.resize(std::size_t(count * hidden));
    BLUEC_RETURN_IF_ERROR(call(repeat, embed, count, 0, tokens.data(), embeddings));
    BLUEC_RETURN_IF_ERROR(call(repeat, entry, count, done, embeddings.data(), output));
    done += count;
  }
  return {};
}

Status Benchmark::decode(Repeat &repeat) {
  output.resize(std::size_t(model().vocabulary));
  const std::int64_t begin = std::min(repeat.test.amount, model().context - options.decodeTokens);
  for (std::int64_t i = 0; i < options.decodeTokens; ++i) {
    const std::int32_t token = randomToken();
    BLUEC_RETURN_IF_ERROR(call(repeat, bundle->decode(), 1, begin + i, &token, output));
  }
  return {};
}

BenchmarkResult Benchmark::take() {
  const Manifest &facts = bundle->manifest();
  result.producer = facts.producer;
  result.target = facts.target.name;
  result.recipe = facts.recipe;
  result.threads = bundle->threads().threads();
  result.repeats = options.repeats;
  result.context = model().context;
  result.chunk = facts.chunk;
  result.weightsBytes = std::int64_t(model().weights_bytes);
  result.cacheBytes = std::int64_t(model().kv_bytes);
  return std::move(result);
}

} // namespace

Result<BenchmarkResult> runBenchmark(const BenchmarkOptions &options) {
  Benchmark benchmark(options);
  BLUEC_RETURN_IF_ERROR(benchmark.run());
  return benchmark.take();
}

} // namespace bluec::runtime
