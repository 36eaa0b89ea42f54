#include "cli/BenchCommand.h"

#include "cli/Report.h"
#include "core/Bundle.h"
#include "core/Encoder.h"
#include "core/Session.h"
#include "measure/MachineLimits.h"
#include "measure/ResidentMemory.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t defaultPrefill = 512;
constexpr std::size_t streamBytes = std::size_t(256) << 20; // far more than any cache
constexpr int bandwidthPasses = 3;
constexpr double peakSeconds = 0.05;

// One figure, once a repeat.
class Samples {
public:
  void add(double value) { values.push_back(value); }
  bool empty() const { return values.empty(); }
  std::size_t size() const { return values.size(); }
  double median() const {
    if (values.empty())
      return 0;
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 != 0 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
  // One value a repeat, of this figure and another one's.
  template <typename Function> Samples with(const Samples &other, Function function) const {
    Samples result;
    for (std::size_t i = 0; i < std::min(values.size(), other.values.size()); ++i)
      result.add(function(values[i], other.values[i]));
    return result;
  }
  // `work` over each.
  Samples rate(double work) const {
    return with(*this, [&](double seconds, double) { return seconds > 0 ? work / seconds : 0; });
  }
  Samples shareOf(const Samples &limit) const {
    return with(limit, [](double mine, double most) { return most > 0 ? mine / most : 0; });
  }
  Json json() const {
    if (values.empty())
      return nullptr;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return Json{{"median", median()}, {"least", *least}, {"most", *most}};
  }

private:
  std::vector<double> values;
};

// What the manifest says that a step reads and computes (compiler/machine/StepCosts.h).
struct Cost {
  std::string op, arithmetic;
  double weightBytes = 0, rowBytes = 0, positionBytes = 0;
  double operations = 0, rowOperations = 0, positionOperations = 0;
};

std::vector<Cost> readCosts(const Json &manifest, const bluec_entry &entry) {
  std::vector<Cost> costs(std::size_t(entry.num_steps));
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
                  number("position_operations")};
    }
  }
  return costs;
}

// Time and work of some steps of one test. The work is the same in every repeat.
struct Work {
  std::string op, arithmetic;
  std::int64_t calls = 0; // a repeat
  double weightBytes = 0, cacheBytes = 0, operations = 0;
  double secondsNow = 0; // of the repeat that runs
  Samples seconds;

  void addWork(const Cost &cost, std::int64_t count, std::int64_t position) {
    const auto rows = double(count), before = double(position);
    ++calls;
    weightBytes += cost.weightBytes + rows * cost.rowBytes;
    cacheBytes += (before + rows) * cost.positionBytes;
    operations += cost.operations + rows * cost.rowOperations +
                  (rows * before + rows * (rows + 1) / 2) * cost.positionOperations;
  }
  double bytes() const { return weightBytes + cacheBytes; }
};

// One thing that is timed: its repeats, and its steps by kernel.
struct Test {
  enum class Kind { Encode, Prefill, Decode } kind;
  std::int64_t amount = 0; // tiles, tokens, or the depth
  std::int64_t rows = 0;   // that a repeat computes
  Samples seconds;
  Samples between;   // seconds that belong to no step
  Samples bandwidth; // the machine's, around each repeat
  std::map<std::string, Work> kernels;
  std::map<std::string, Work> ops;      // "linear" and so on
  std::map<std::string, Samples> peaks; // the machine's, by arithmetic
  bool first = true;                    // of its repeats, which counts the work
  bool overlapped = false;              // the stages of an encoder
  // Of an encoder: when each call began, and how long it took.
  struct Call {
    const bluec_entry *entry = nullptr;
    std::int64_t count = 0;
    Samples start, seconds;
  };
  std::vector<Call> calls;

  void addCalls(const std::vector<CallTime> &times) {
    calls.resize(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
      calls[i].entry = times[i].entry;
      calls[i].count = times[i].count;
      calls[i].start.add(times[i].start);
      calls[i].seconds.add(times[i].end - times[i].start);
    }
  }

  double bytes(double Work::*which) const {
    double sum = 0;
    for (const auto &[name, work] : ops)
      sum += work.*which;
    return sum;
  }

  std::string name() const {
    const char *const names[] = {"encode ", "prefill ", "decode at "};
    return names[int(kind)] + std::to_string(amount) + (overlapped ? " overlapped" : "");
  }
};

bool allFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

class Bench {
public:
  explicit Bench(const BenchOptions &options) : options(options) {}

  Status run();
  Json json() const;
  void print(std::ostream &out) const;

private:
  Status open();
  Status chooseTests();
  Status watchMemory();
  Status time();
  Status runTest(Test &test, double &seconds);
  Status encode(Test &test);
  Status prefill(Test &test, std::int64_t tokens);
  Status decode(Test &test);
  void addStep(Test &test, const bluec_entry &entry, const bluec_step &step, std::int64_t count,
               std::int64_t position, Clock::time_point &last);
  const TileSet &tilesOf(std::int64_t count);
  Status call(Test &test, const bluec_entry &entry, std::int64_t count, std::int64_t position,
              const void *input, std::span<float> output);
  void remember(const char *moment);
  std::int32_t randomToken();
  Json testJson(const Test &test) const;
  void printSteps(std::ostream &out, const Test &test) const;

  const bluec_model &model() const { return bundle->model(); }
  const bluec_entry &only(bluec_entry_kind kind) const { return *bundle->entriesOf(kind).front(); }

  const BenchOptions &options;
  std::unique_ptr<Bundle> bundle;
  std::unique_ptr<Session> session;
  std::unique_ptr<Encoder> encoder; // null without a vision side
  std::atomic<bool> cancelled{false};
  std::map<const bluec_entry *, std::vector<Cost>> costs;
  std::vector<Test> tests;
  double firstLoad = 0;
  Samples load;
  std::vector<std::pair<std::string, ResidentMemory>> memory;
  std::uint64_t peakWithVision = 0, peakWithout = 0;
  PageBuffer stream;
  Samples bandwidth;
  std::map<DotType, Samples> peaks;
  TileSet tiles;
  std::vector<float> embeddings, output;
  std::vector<std::int32_t> tokens;
  std::uint64_t random = 1;
};

Status Bench::run() {
  BLUEC_RETURN_IF_ERROR(open());
  BLUEC_RETURN_IF_ERROR(chooseTests());
  BLUEC_RETURN_IF_ERROR(watchMemory());
  return time();
}

// The first time as it comes, then with files that the system has in memory.
Status Bench::open() {
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
      firstLoad = secondsSince(start);
    else
      load.add(secondsSince(start));
  }
  const Json manifest = Json::parse(bundle->files().manifestText(), nullptr, false);
  for (std::int64_t i = 0; i < model().num_entries; ++i)
    costs[&model().entries[i]] = readCosts(manifest, model().entries[i]);
  return {};
}

Status Bench::chooseTests() {
  const auto add = [&](Test::Kind kind, std::int64_t amount, std::int64_t rows) {
    Test test{};
    test.kind = kind;
    test.amount = amount;
    test.rows = rows;
    tests.push_back(std::move(test));
  };
  const auto outside = [&](const char *option, std::int64_t least, std::int64_t found) {
    return Status(Code::InvalidArgument,
                  std::string(option) + ": expected " + std::to_string(least) + " to " +
                      std::to_string(model().context) + " tokens, found " + std::to_string(found));
  };
  const auto &encoders = bundle->tileEncoders();
  if (options.encode > 0 && encoders.empty())
    return {Code::Unsupported, "--encode: this model has no vision side"};
  constexpr std::int64_t mostTiles = 1024;
  if (options.encode > mostTiles)
    return {Code::InvalidArgument, "--encode: expected at most " + std::to_string(mostTiles) +
                                       " tiles, found " + std::to_string(options.encode)};
  if (options.overlap && (encoders.empty() || encoders.front().whole))
    return {Code::Unsupported, "--overlap: this bundle's image encoder is not in stages (bluec "
                               "compile --machine, with a machine of two devices)"};
  const std::int64_t batch = encoders.empty() ? 0 : encoders.front().capacity;
  if (const std::int64_t tiles = options.encode < 0 ? batch : options.encode; tiles > 0) {
    add(Test::Kind::Encode, tiles, tiles);
    if (options.overlap) {
      add(Test::Kind::Encode, tiles, tiles);
      tests.back().overlapped = true;
    }
  }

  const std::int64_t context = model().context;
  if (bundle->entriesOf(BLUEC_ENTRY_DECODE).empty()) {
    if (!options.prefill.empty() || !options.decodeAt.empty())
      return {Code::Unsupported, "--prefill, --decode-at: this model has no language side"};
    return {};
  }
  std::vector<std::int64_t> lengths = options.prefill;
  if (lengths.empty())
    lengths =
        defaultPrefill < context ? std::vector{defaultPrefill, context} : std::vector{context};
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

void Bench::remember(const char *moment) { memory.emplace_back(moment, residentMemory()); }

// Once through everything in the order of a conversation, before anything of the benchmark's own
// takes memory. It also warms up, and fills the cache for the tests of decoding.
Status Bench::watchMemory() {
  resetPeakMemory();
  remember("loaded");
  double seconds = 0;
  std::int64_t deepest = 0;
  for (Test &test : tests)
    if (test.kind == Test::Kind::Encode)
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
    else
      deepest = std::max(deepest, test.amount);
  const bool vision = !tests.empty() && tests.front().kind == Test::Kind::Encode;
  if (vision) {
    remember("encoded");
    peakWithVision = residentMemory().peak;
    BLUEC_RETURN_IF_ERROR(encoder->release());
    remember("vision_released");
    resetPeakMemory();
  }
  if (deepest > 0) {
    Test warmUp{};
    warmUp.kind = Test::Kind::Prefill;
    BLUEC_RETURN_IF_ERROR(prefill(warmUp, deepest));
    remember("prefilled");
  }
  for (Test &test : tests)
    if (test.kind == Test::Kind::Decode)
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
  if (!bundle->entriesOf(BLUEC_ENTRY_DECODE).empty())
    remember("decoded");
  peakWithout = residentMemory().peak;
  for (Test &test : tests) {
    test.kernels.clear();
    test.ops.clear();
    test.between = {};
    test.calls.clear();
    test.first = true;
  }
  return {};
}

Status Bench::time() {
  Result<PageBuffer> buffer =
      PageBuffer::allocate(streamBytes, "bandwidth buffer", PageBuffer::Pages::Large);
  if (!buffer.ok())
    return buffer.status();
  stream = std::move(*buffer);
  std::fill_n(stream.get(), stream.bytes(), std::uint8_t(1));
  const std::span<const std::uint8_t> memory{stream.get(), stream.bytes()};
  ThreadPool &pool = bundle->threads();
  const auto readRate = [&] {
    double best = 0; // a limit is what was reached once
    for (int pass = 0; pass < bandwidthPasses; ++pass)
      best = std::max(best, measureReadBandwidth(pool, memory));
    return best;
  };
  const auto peak = [&](DotType type) {
    return measureDotPeak(pool, type, bundle->manifest().features, peakSeconds);
  };
  constexpr DotType types[] = {DotType::I8, DotType::I16, DotType::F32};
  std::map<DotType, double> peakBefore;
  double rateBefore = 0;
  const auto measureMachine = [&] {
    rateBefore = readRate();
    bandwidth.add(rateBefore);
    for (DotType type : types) {
      peakBefore[type] = peak(type);
      peaks[type].add(peakBefore[type]);
    }
  };
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    measureMachine();
    for (Test &test : tests) {
      const double rate = rateBefore;
      const auto dots = peakBefore;
      double seconds = 0;
      BLUEC_RETURN_IF_ERROR(runTest(test, seconds));
      measureMachine();
      test.seconds.add(seconds);
      test.bandwidth.add((rate + rateBefore) / 2);
      for (DotType type : types)
        test.peaks[dotTypeName(type)].add((dots.at(type) + peakBefore[type]) / 2);
    }
  }
  return {};
}

std::int32_t Bench::randomToken() {
  random = random * 6364136223846793005u + 1442695040888963407u;
  return std::int32_t((random >> 33) % std::uint64_t(model().vocabulary));
}

Status Bench::runTest(Test &test, double &seconds) {
  for (auto *works : {&test.kernels, &test.ops})
    for (auto &[name, work] : *works)
      work.secondsNow = 0;
  const auto start = Clock::now();
  switch (test.kind) {
  case Test::Kind::Encode:
    BLUEC_RETURN_IF_ERROR(encode(test));
    break;
  case Test::Kind::Prefill:
    BLUEC_RETURN_IF_ERROR(prefill(test, test.amount));
    break;
  case Test::Kind::Decode:
    BLUEC_RETURN_IF_ERROR(decode(test));
    break;
  }
  seconds = secondsSince(start);
  double inSteps = 0;
  for (const auto &[name, work] : test.ops)
    inSteps += work.secondsNow;
  test.between.add(seconds - inSteps);
  for (auto *works : {&test.kernels, &test.ops})
    for (auto &[name, work] : *works)
      work.seconds.add(work.secondsNow);
  test.first = false;
  return {};
}

// A step that has just run, since `last`.
void Bench::addStep(Test &test, const bluec_entry &entry, const bluec_step &step,
                    std::int64_t count, std::int64_t position, Clock::time_point &last) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - last).count();
  last = now;
  const Cost &cost = costs.at(&entry)[std::size_t(&step - entry.steps)];
  for (Work *work : {&test.kernels[step.kernel], &test.ops[cost.op]}) {
    work->secondsNow += seconds;
    if (!test.first)
      continue;
    work->op = cost.op;
    if (!cost.arithmetic.empty())
      work->arithmetic = cost.arithmetic;
    work->addWork(cost, count, position);
  }
}

// One entry point on `output`'s first rows, which are checked.
Status Bench::call(Test &test, const bluec_entry &entry, std::int64_t count, std::int64_t position,
                   const void *input, std::span<float> to) {
  auto last = Clock::now();
  const auto onStep = [&](std::int64_t, const bluec_step &step, const void *) {
    addStep(test, entry, step, count, position, last);
    return true;
  };
  void *result = to.data();
  BLUEC_RETURN_IF_ERROR(
      session->runEntry(entry, count, position, {&input, 1}, {&result, 1}, onStep));
  if (!allFinite(to))
    return {Code::BadBundle,
            "entry " + inQuotes(entry.name) + ": expected finite numbers, found one that is none"};
  return {};
}

// In the calls, and on the memory, of a session's pictures.
Status Bench::encode(Test &test) {
  auto last = Clock::now();
  encoder->overlapStages(test.overlapped);
  const OnEntryStep onStep = [&](const bluec_entry &entry, std::int64_t count,
                                 const bluec_step &step, const void *) {
    addStep(test, entry, step, count, 0, last);
    return true;
  };
  // Steps that run at the same time have no time of their own.
  Result<Features> features =
      encoder->encode(tilesOf(test.amount), cancelled, test.overlapped ? OnEntryStep() : onStep);
  if (!features.ok())
    return features.status();
  test.addCalls(encoder->callTimes());
  if (!allFinite(features->rows))
    return {Code::BadBundle, "encode: expected finite numbers, found one that is none"};
  return {};
}

// Always the same pixels.
const TileSet &Bench::tilesOf(std::int64_t count) {
  if (tiles.count != count) {
    tiles.count = int(count);
    tiles.pixels.resize(std::size_t(3 * model().tile_height * model().tile_width * count));
    for (std::size_t i = 0; i < tiles.pixels.size(); ++i)
      tiles.pixels[i] = float(int((i * 2654435761u >> 8) % 2001) - 1000) / 1000;
  }
  return tiles;
}

Status Bench::prefill(Test &test, std::int64_t length) {
  const bluec_entry &embed = only(BLUEC_ENTRY_EMBED), &entry = only(BLUEC_ENTRY_PREFILL);
  const std::int64_t chunk = std::min(embed.capacity, entry.capacity), hidden = model().hidden;
  output.resize(std::size_t(model().vocabulary));
  for (std::int64_t done = 0; done < length;) {
    const std::int64_t count = std::min(chunk, length - done);
    tokens.resize(std::size_t(count));
    std::generate(tokens.begin(), tokens.end(), [&] { return randomToken(); });
    embeddings.resize(std::size_t(count * hidden));
    BLUEC_RETURN_IF_ERROR(call(test, embed, count, 0, tokens.data(), embeddings));
    BLUEC_RETURN_IF_ERROR(call(test, entry, count, done, embeddings.data(), output));
    done += count;
  }
  return {};
}

Status Bench::decode(Test &test) {
  output.resize(std::size_t(model().vocabulary));
  const std::int64_t begin = std::min(test.amount, model().context - options.decodeTokens);
  for (std::int64_t i = 0; i < options.decodeTokens; ++i) {
    const std::int32_t token = randomToken();
    BLUEC_RETURN_IF_ERROR(call(test, only(BLUEC_ENTRY_DECODE), 1, begin + i, &token, output));
  }
  return {};
}

// Steps of one kind or kernel: seconds, and what they reach of what the machine does.
Json workJson(const Work &work, const Test &test) {
  Json json;
  json["calls"] = work.calls;
  json["seconds"] = work.seconds.json();
  json["share_of_time"] = work.seconds.shareOf(test.seconds).median();
  json["bytes"] = work.bytes();
  json["bytes_per_second"] = work.seconds.rate(work.bytes()).json();
  if (work.operations == 0)
    return json;
  const Samples rate = work.seconds.rate(work.operations);
  json["arithmetic"] = work.arithmetic;
  json["operations"] = work.operations;
  json["operations_per_second"] = rate.json();
  const auto peak = test.peaks.find(work.arithmetic);
  json["share_of_peak"] = peak == test.peaks.end() ? Json() : rate.shareOf(peak->second).json();
  return json;
}

std::vector<std::pair<std::string, const Work *>> slowestFirst(const Test &test) {
  std::vector<std::pair<std::string, const Work *>> list;
  for (const auto &[name, work] : test.kernels)
    list.emplace_back(name, &work);
  std::stable_sort(list.begin(), list.end(), [](const auto &a, const auto &b) {
    return a.second->seconds.median() > b.second->seconds.median();
  });
  return list;
}

Json Bench::testJson(const Test &test) const {
  Json json;
  const bool tiles = test.kind == Test::Kind::Encode, decoding = test.kind == Test::Kind::Decode;
  json[tiles ? "tiles" : decoding ? "depth" : "tokens"] = test.amount;
  if (decoding)
    json["tokens"] = test.rows;
  json["seconds"] = test.seconds.json();
  json["seconds_between_steps"] = test.between.json();
  if (tiles) {
    json["seconds_per_tile"] =
        test.seconds.with(test.seconds, [&](double all, double) { return all / double(test.rows); })
            .json();
    json["overlapped"] = test.overlapped;
    for (const Test::Call &call : test.calls)
      json["calls"].push_back({{"entry", call.entry->name},
                               {"tiles", call.count},
                               {"start", call.start.json()},
                               {"seconds", call.seconds.json()}});
  } else {
    json["tokens_per_second"] = test.seconds.rate(double(test.rows)).json();
  }
  if (decoding) {
    const double weights = test.bytes(&Work::weightBytes), cache = test.bytes(&Work::cacheBytes);
    const Samples rate = test.seconds.rate(weights + cache);
    json["weight_bytes_per_token"] = weights / double(test.rows);
    json["kv_bytes_per_token"] = cache / double(test.rows);
    json["bytes_per_second"] = rate.json();
    json["share_of_read_bandwidth"] = rate.shareOf(test.bandwidth).json();
  }
  for (const auto &[op, work] : test.ops)
    json["by_op"][op.empty() ? "other" : op] = workJson(work, test);
  if (options.steps)
    for (const auto &[kernel, work] : slowestFirst(test)) {
      json["kernels"].push_back({{"kernel", kernel}, {"op", work->op}});
      json["kernels"].back().update(workJson(*work, test));
    }
  return json;
}

Json Bench::json() const {
  const Manifest &facts = bundle->manifest();
  Json json;
  json["bundle"] = options.bundle;
  json["producer"] = facts.producer;
  json["target"] = facts.targetName;
  json["recipe"] = facts.recipe;
  json["threads"] = bundle->threads().threads();
  json["repeats"] = options.repeats;
  json["context"] = model().context;
  json["chunk"] = facts.chunk;
  json["bytes"] = {{"weights", model().weights_bytes}, {"kv_cache", model().kv_bytes}};
  json["load_seconds"] = {{"first", firstLoad}, {"again", load.json()}};
  json["machine"]["read_bytes_per_second"] = bandwidth.json();
  for (const auto &[type, samples] : peaks)
    json["machine"]["operations_per_second"][dotTypeName(type)] =
        samples.median() > 0 ? samples.json() : Json();
  const char *const lists[] = {"encode", "prefill", "decode"};
  for (const char *list : lists)
    json[list] = Json::array();
  for (const Test &test : tests) {
    json[lists[int(test.kind)]].push_back(testJson(test));
  }
  for (const auto &[moment, resident] : memory)
    json["memory"][moment] = {
        {"resident", resident.now}, {"anonymous", resident.anonymous}, {"file", resident.file}};
  json["memory"]["peak"] = std::max(peakWithVision, peakWithout);
  json["memory"]["peak_without_vision"] = peakWithout;
  return json;
}

std::string fixed(double value, int digits, int width) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << std::setw(width) << value;
  return text.str();
}

std::string giga(double value, int width = 7) { return fixed(value / 1e9, 1, width); }

std::string percent(double share) { return fixed(100 * share, 1, 5) + "%"; }

void Bench::print(std::ostream &out) const {
  const Manifest &facts = bundle->manifest();
  out << "bundle    " << options.bundle << " (" << facts.targetName << ", recipe " << facts.recipe
      << "), weights " << giga(double(model().weights_bytes), 0) << " GB, kv cache "
      << fixed(double(model().kv_bytes) / 1e6, 1, 0) << " MB; " << bundle->threads().threads()
      << " threads, median of " << options.repeats << '\n';
  out << "machine   reads " << giga(bandwidth.median(), 0) << " GB/s; products";
  for (const auto &[type, samples] : peaks)
    out << ' ' << dotTypeName(type) << ' '
        << (samples.median() > 0 ? giga(samples.median(), 0) : "unknown");
  out << " GOP/s\n";
  out << "load      " << fixed(load.median(), 3, 0) << " s (at first " << fixed(firstLoad, 3, 0)
      << ")\n";
  const auto spread = [](const Samples &samples, int digits) {
    const Json json = samples.json();
    return json.is_null()
               ? std::string()
               : fixed(json["median"], digits, 8) + "  (" + fixed(json["least"], digits, 0) +
                     " to " + fixed(json["most"], digits, 0) + ")";
  };
  for (const Test &test : tests) {
    out << std::left << std::setw(20) << test.name() << std::right;
    if (test.kind == Test::Kind::Encode) {
      out << spread(test.seconds.with(test.seconds,
                                      [&](double all, double) { return all / double(test.rows); }),
                    3)
          << " s a tile";
    } else {
      out << spread(test.seconds.rate(double(test.rows)), 1) << " tok/s";
    }
    if (test.kind == Test::Kind::Decode) {
      const double bytes = test.bytes(&Work::weightBytes) + test.bytes(&Work::cacheBytes);
      const Samples rate = test.seconds.rate(bytes);
      out << ", " << fixed(bytes / double(test.rows) / 1e6, 1, 0) << " MB a token, "
          << giga(rate.median(), 0) << " GB/s, " << percent(rate.shareOf(test.bandwidth).median())
          << " of the machine's reads";
    } else if (const auto linear = test.ops.find("linear"); linear != test.ops.end()) {
      const Work &work = linear->second;
      const Samples rate = work.seconds.rate(work.operations);
      const auto peak = test.peaks.find(work.arithmetic);
      out << ", linears " << giga(rate.median(), 0) << " GOP/s";
      if (peak != test.peaks.end())
        out << ", " << percent(rate.shareOf(peak->second).median()) << " of the " << work.arithmetic
            << " peak";
    }
    out << '\n';
    for (const Test::Call &call : test.calls)
      out << "  " << std::left << std::setw(18) << call.entry->name << std::right << ' '
          << std::setw(3) << call.count << (call.count == 1 ? " tile   " : " tiles  ")
          << fixed(call.seconds.median() * 1e3, 1, 8) << " ms, from "
          << fixed(call.start.median() * 1e3, 1, 8) << " ms on\n";
  }
  out << "memory    MB:      now   anonymous  file\n";
  for (const auto &[moment, resident] : memory)
    out << "  " << std::left << std::setw(16) << moment << std::right
        << fixed(double(resident.now) / 1e6, 1, 8) << ' '
        << fixed(double(resident.anonymous) / 1e6, 1, 8) << ' '
        << fixed(double(resident.file) / 1e6, 1, 8) << '\n';
  out << "  peak " << fixed(double(std::max(peakWithVision, peakWithout)) / 1e6, 1, 19)
      << "\n  without vision " << fixed(double(peakWithout) / 1e6, 1, 9) << '\n';
  if (options.steps)
    for (const Test &test : tests)
      printSteps(out, test);
}

void Bench::printSteps(std::ostream &out, const Test &test) const {
  out << '\n'
      << test.name() << ": " << fixed(test.seconds.median() * 1e3, 2, 0) << " ms\n"
      << "      ms   share   calls  us/call     GB/s    GOP/s  of peak  kernel\n";
  for (const auto &[kernel, work] : slowestFirst(test)) {
    const double seconds = work->seconds.median();
    out << fixed(seconds * 1e3, 2, 8) << "  " << percent(seconds / test.seconds.median()) << ' '
        << std::setw(7) << work->calls << ' ' << fixed(seconds * 1e6 / double(work->calls), 1, 8)
        << "  " << giga(work->seconds.rate(work->bytes()).median()) << "  ";
    if (work->operations > 0) {
      const Samples rate = work->seconds.rate(work->operations);
      const auto peak = test.peaks.find(work->arithmetic);
      out << giga(rate.median()) << "   "
          << (peak == test.peaks.end() ? std::string(6, ' ')
                                       : percent(rate.shareOf(peak->second).median()));
    } else {
      out << std::string(16, ' ');
    }
    out << "  " << kernel << '\n';
  }
  out << fixed(test.between.median() * 1e3, 2, 8) << "  "
      << percent(test.between.shareOf(test.seconds).median()) << "  between the steps\n";
}

} // namespace

int benchCommand(const BenchOptions &options, std::ostream &out, std::ostream &err) {
  return reportStatus(err, [&] {
    Bench bench(options);
    BLUEC_RETURN_IF_ERROR(bench.run());
    if (options.json)
      out << bench.json().dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    else
      bench.print(out);
    return Status();
  });
}

} // namespace bluec::runtime
