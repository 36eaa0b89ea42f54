#include "compiler/driver/measure/MachineCalibration.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/driver/bundle/BundleWriter.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/compile/Compilation.h"
#include "compiler/driver/measure/CalibrationModel.h"
#include "compiler/driver/measure/MachineFit.h"
#include "compiler/driver/session/LookUp.h"
#include "compiler/driver/session/Version.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/EntryCall.h"
#include "runtime/measure/MachineLimits.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <tuple>

using namespace mlir;
using namespace bluec;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int64_t kContext = 2048, kChunk = 128, kImageBatch = 4;
constexpr int kLeastRounds = 3, kMostRounds = 11;
constexpr double kEnoughSeconds = 20;              // of measuring
constexpr size_t kStreamBytes = size_t{256} << 20; // far more than any cache

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// What shares a parallel loop (join-steps): threads go from one step to the next without waiting
/// for each other, so what is seen is the time of all.
struct Work {
  size_t first;                // of the entry's steps
  std::vector<StepCost> costs; // one, of steps that are alike; or each step's

  /// Only the time of steps that are alike says how fast they are.
  bool isOfOneKind() const { return costs.size() == 1; }
  double secondsOn(const Machine::Device &device, const CallShape &shape) const {
    double seconds = 0;
    for (const StepCost &cost : costs)
      seconds += secondsOf(cost, shape, device);
    return seconds;
  }
};

/// Products of one kind on as many rows, or none in either.
bool areAlike(const StepCost &a, const StepCost &b) {
  if (a.arithmetic.empty() || b.arithmetic.empty())
    return a.arithmetic.empty() && b.arithmetic.empty();
  return std::tie(a.op, a.arithmetic, a.weights, a.productRows, a.rowProductRows, a.window) ==
         std::tie(b.op, b.arithmetic, b.weights, b.productRows, b.rowProductRows, b.window);
}

/// Adds up what two steps that are alike cost.
void join(StepCost &cost, const StepCost &other) {
  cost.weightBytes += other.weightBytes;
  cost.rowBytes += other.rowBytes;
  cost.positionBytes += other.positionBytes;
  cost.operations += other.operations;
  cost.rowOperations += other.rowOperations;
  cost.positionOperations += other.positionOperations;
  cost.valueBytes += other.valueBytes;
  cost.rowValueBytes += other.rowValueBytes;
}

std::vector<StepCost> costsOf(plan::EntryOp entry) {
  std::vector<StepCost> costs;
  for (auto step : entry.getOps<plan::StepOp>())
    costs.push_back(costOf(step, entry));
  return costs;
}

/// The parallel loops of an entry function, with what their steps cost.
std::vector<Work> worksIn(func::FuncOp function, ArrayRef<StepCost> costs) {
  std::vector<Work> works;
  for (auto run : function.getOps<abi::RunOp>()) {
    size_t first = run.getFirst(), end = run.getEnd();
    Work work{first, {costs.begin() + first, costs.begin() + end}};
    if (llvm::all_of(work.costs,
                     [&](const StepCost &cost) { return areAlike(work.costs.front(), cost); })) {
      for (const StepCost &cost : ArrayRef(work.costs).drop_front())
        join(work.costs.front(), cost);
      work.costs.resize(1);
    }
    works.push_back(std::move(work));
  }
  return works;
}

/// With as many digits as are worth something.
double rounded(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.4g", std::max(value, 0.0));
  return std::strtod(text.c_str(), nullptr);
}

struct Spread {
  std::vector<double> values;
  Json json() const {
    return {{"median", median(values)},
            {"least", *std::min_element(values.begin(), values.end())},
            {"most", *std::max_element(values.begin(), values.end())}};
  }
};

/// One call of an entry point, and how long its works took in each round.
struct TimedCall {
  const bluec_entry *entry;
  CallShape shape;
  std::vector<std::vector<double>> works; // by work, by round; none of the first
  std::vector<double> around;             // the whole call less the works behind the first
};

class MachineCalibration {
public:
  MachineCalibration(const CalibrateMachineOptions &options, Diagnostics &diagnostics,
                     llvm::raw_ostream &out, llvm::raw_ostream &err)
      : options(options), out(out), err(err), diagnostics(diagnostics) {}
  ~MachineCalibration() {
    if (!scratch.empty())
      llvm::sys::fs::remove_directories(scratch);
  }

  LogicalResult run();

private:
  LogicalResult checkOptions();
  LogicalResult compileModel();
  LogicalResult open();
  LogicalResult measure();
  LogicalResult time(TimedCall &call);
  const std::vector<Work> &worksOf(const TimedCall &call) const {
    return works.at(call.entry->name);
  }
  DeviceFit fit() const;
  Json describeMachine(const Machine::Device &device) const;
  LogicalResult write();
  LogicalResult reportOurs(const runtime::Status &status);
  Json describeCalls(const Machine::Device &device) const;
  void print(const Json &machine, const DeviceFit &found);

  const CalibrateMachineOptions &options;
  llvm::raw_ostream &out;
  llvm::raw_ostream &err;
  Diagnostics &diagnostics;
  Clock::time_point start = Clock::now();
  std::string scratch;
  std::string targetName;
  llvm::StringMap<std::vector<Work>> works; // by entry

  std::unique_ptr<runtime::Bundle> bundle;
  runtime::PageBuffer arena, cache, stream;
  std::vector<float> input;
  std::vector<TimedCall> calls;
  Spread reads; // bytes per second
};

} // namespace

int bluec::calibrateMachine(const CalibrateMachineOptions &options, llvm::raw_ostream &out,
                            llvm::raw_ostream &err) {
  Diagnostics diagnostics(err);
  return diagnostics.exitCode(MachineCalibration(options, diagnostics, out, err).run(),
                              "calibrate-machine");
}

LogicalResult MachineCalibration::run() {
  return success(succeeded(checkOptions()) && succeeded(compileModel()) && succeeded(open()) &&
                 succeeded(measure()) && succeeded(write()));
}

LogicalResult MachineCalibration::checkOptions() {
  if (options.output.empty())
    return diagnostics.usageError("-o: expected a file for the description, found none");
  const targets::Target *target = lookUpTarget(options.target, diagnostics);
  if (!target)
    return failure();
  if (!target->runsInProcess())
    return diagnostics.usageError("--target: expected one that runs on this machine, found " +
                                  target->name());
  targetName = target->name().str();
  if (llvm::sys::fs::is_directory(options.output))
    return diagnostics.inputError(options.output + ": expected a file, found a directory");
  StringRef parent = llvm::sys::path::parent_path(options.output);
  if (!parent.empty() && !llvm::sys::fs::is_directory(parent))
    return diagnostics.inputError(options.output +
                                  ": expected to be inside a directory, found none");
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The model
//===------------------------------------------------------------------------------------------===//

LogicalResult MachineCalibration::compileModel() {
  SmallString<128> made;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("bluec-machine", made))
    return diagnostics.inputError("temporary directory: " + code.message());
  scratch = std::string(made);
  if (failed(diagnostics.report(writeCalibrationWeights(scratch))))
    return failure();
  CompileOptions compilation;
  compilation.model = scratch;
  compilation.output = scratch + "/bundle";
  compilation.target = targetName;
  compilation.recipe = calibrationRecipe;
  compilation.context = kContext;
  compilation.chunk = kChunk;
  compilation.imageBatch = kImageBatch;
  compilation.jobs = options.threads;
  compilation.progress = options.progress;
  CompilerSession session(diagnostics, options.threads);
  ModelConfig &config = session.package().config;
  if (failed(diagnostics.report(buildCalibrationModel(kContext, *session.module(), config))))
    return failure();
  std::unique_ptr<CompilationRun> run = CompilationRun::begin(compilation, session, llvm::nulls(),
                                                              err, CompilationRun::Source::Session);
  if (!run || failed(run->runTo(Phase::Schedule)))
    return failure();
  llvm::StringMap<std::vector<StepCost>> costs; // by entry, of its steps
  for (auto entry : session.module()->getOps<plan::EntryOp>())
    costs[entry.getSymName()] = costsOf(entry);
  if (failed(run->runTo(Phase::Kernels)))
    return failure();
  SymbolTable symbols(*session.module());
  for (auto model : session.module()->getOps<abi::ModelOp>())
    for (auto entry : model.getBody().getOps<abi::EntryOp>())
      works[entry.getName()] =
          worksIn(symbols.lookup<func::FuncOp>(entry.getRun()), costs[entry.getName()]);
  return run->runTo(Phase::Bundle);
}

/// What goes wrong with a bundle that bluec has made itself is not the user's fault.
LogicalResult MachineCalibration::reportOurs(const runtime::Status &status) {
  return status.ok() ? success() : LogicalResult(diagnostics.internalError(status.message()));
}

LogicalResult MachineCalibration::open() {
  auto opened =
      runtime::Bundle::open(scratch + "/bundle", {options.threads, runtime::WeightsCheck::None});
  if (!opened.ok())
    return reportOurs(opened.status());
  bundle = std::move(*opened);
  const bluec_model &model = bundle->model();
  int64_t arenaBytes = 0, inputElements = 0;
  for (const bluec_entry &entry : bundle->entries()) {
    arenaBytes = std::max(arenaBytes, entry.arena_bytes);
    inputElements = std::max(inputElements, entry.inputs[0].bytes / 4);
  }
  auto allocate = [&](runtime::PageBuffer &to, int64_t bytes, const char *what,
                      runtime::PageBuffer::Pages pages) {
    auto buffer = runtime::PageBuffer::allocate(static_cast<size_t>(bytes), what, pages);
    if (!buffer.ok())
      return reportOurs(buffer.status());
    to = std::move(*buffer);
    std::memset(to.get(), 0, to.bytes()); // or reads would all be of one page
    return success();
  };
  using Pages = runtime::PageBuffer::Pages;
  if (failed(allocate(arena, arenaBytes, "arena", Pages::Large)) ||
      failed(allocate(cache, model.kv_bytes, "kv cache", Pages::Small)) ||
      failed(allocate(stream, kStreamBytes, "bandwidth buffer", Pages::Large)))
    return failure();
  constexpr uint32_t kMultiplier = 1664525, kIncrement = 1013904223;
  constexpr float kScale = 1.0F / (1U << 31);
  uint32_t state = 1;
  input.resize(static_cast<size_t>(inputElements));
  for (float &value : input) {
    state = state * kMultiplier + kIncrement;
    value = static_cast<float>(static_cast<int32_t>(state)) * kScale;
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The clock
//===------------------------------------------------------------------------------------------===//

LogicalResult MachineCalibration::time(TimedCall &call) {
  const bluec_entry &entry = *call.entry;
  std::vector<const void *> inputs(static_cast<size_t>(entry.num_inputs), input.data());
  std::vector<void *> outputs(static_cast<size_t>(entry.num_outputs), nullptr);
  std::atomic<bool> cancelled{false};
  // The first work's time includes what happens before it, so it says nothing.
  const std::vector<Work> &expected = worksOf(call);
  std::vector<double> seconds(expected.size(), 0);
  size_t work = 0;
  Clock::time_point begin = Clock::now(), last = begin;
  auto onStep = [&](int64_t index, const bluec_step &, const void *) {
    Clock::time_point now = Clock::now();
    if (work + 1 < expected.size() && expected[work + 1].first == static_cast<size_t>(index))
      ++work;
    seconds[work] += std::chrono::duration<double>(now - last).count();
    last = now;
    return true;
  };
  runtime::Status status =
      runtime::callEntry(*bundle, entry, {arena.get(), cache.get()}, call.shape.count,
                         call.shape.position, inputs, outputs, cancelled, onStep);
  double around = secondsSince(begin);
  call.works.resize(expected.size());
  for (size_t i = 1; i < expected.size(); ++i) {
    call.works[i].push_back(seconds[i]);
    around -= seconds[i];
  }
  call.around.push_back(around);
  return reportOurs(status);
}

LogicalResult MachineCalibration::measure() {
  auto addCall = [&](const bluec_entry &entry, int64_t count, int64_t position) {
    calls.push_back({&entry, {count, entry.capacity, position}, {}, {}});
  };
  for (int64_t count : {int64_t{1}, kImageBatch}) {
    // The largest come first; the smallest one that fits.
    const bluec_entry *encoder = nullptr;
    for (const bluec_entry *entry : bundle->entriesOf(BLUEC_ROLE_ENCODE))
      if (entry->capacity >= count)
        encoder = entry;
    addCall(*encoder, count, 0);
  }
  // With few tokens and none before them, attention would have next to nothing to do. Fewer than
  // these are the end of a prompt: kernels round them up, which no law of rates says.
  for (int64_t count : {kChunk / 4, kChunk / 2})
    addCall(bundle->prefill(), count, kContext / 2);
  for (int64_t position : {int64_t{0}, kContext / 2, kContext - kChunk})
    addCall(bundle->prefill(), kChunk, position);
  for (int64_t position : {int64_t{0}, kContext / 2, kContext - 1})
    addCall(bundle->decode(), 1, position);

  std::vector<TimedCall> warmUp = calls;
  for (TimedCall &call : warmUp)
    if (failed(time(call)))
      return failure();
  Clock::time_point begin = Clock::now();
  int least = options.rounds > 0 ? options.rounds : kLeastRounds;
  int most = options.rounds > 0 ? options.rounds : kMostRounds;
  for (int round = 0; round < least || (round < most && secondsSince(begin) < kEnoughSeconds);
       ++round) {
    for (TimedCall &call : calls)
      if (failed(time(call)))
        return failure();
    reads.values.push_back(
        runtime::measureReadBandwidth(bundle->threads(), {stream.get(), stream.bytes()}));
    if (options.progress)
      err << llvm::formatv("round {0,-4} {1,7:f2} s\n", round + 1, secondsSince(begin));
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The description
//===------------------------------------------------------------------------------------------===//

DeviceFit MachineCalibration::fit() const {
  std::vector<MeasuredStep> steps;
  for (const TimedCall &call : calls)
    for (size_t i = 1; i < call.works.size(); ++i)
      if (worksOf(call)[i].isOfOneKind())
        steps.push_back({worksOf(call)[i].costs.front(), call.shape, median(call.works[i])});
  DeviceFacts facts;
  facts.name = "cpu";
  facts.bytesPerSecond = median(reads.values);
  facts.onChipBytes = runtime::lastLevelCacheBytes();
  DeviceFit found = fitDevice(facts, steps);
  // What a call takes beside its steps. Tokens have little to copy, other than tiles.
  std::vector<double> around;
  for (const TimedCall &call : calls)
    if (call.entry == &bundle->decode())
      around.push_back(median(call.around) -
                       worksOf(call).front().secondsOn(found.device, call.shape));
  found.device.callSeconds = std::max(median(around), 0.0);
  return found;
}

Json MachineCalibration::describeMachine(const Machine::Device &device) const {
  Json rates = Json::array();
  for (const Machine::Rate &rate : device.rates)
    rates.push_back({{"op", rate.op},
                     {"weights", rate.weights},
                     {"activations", rate.activations},
                     {"operations_per_second", rounded(rate.operationsPerSecond)},
                     {"half_rows", rounded(rate.halfRows)}});
  Json machine;
  machine["name"] =
      options.name.empty() ? llvm::sys::path::stem(options.output).str() : options.name;
  machine["description"] =
      llvm::formatv("a CPU: {0} threads of {1} code", bundle->threads().threads(), targetName)
          .str();
  machine["source"] = std::string("measured by bluec calibrate-machine (") + kProducer + ")";
  machine["target"] = targetName;
  machine["devices"] =
      Json::array({{{"name", device.name},
                    {"rates", std::move(rates)},
                    {"weight_bytes_per_second", rounded(device.weightBytesPerSecond)},
                    {"bytes_per_second", rounded(device.bytesPerSecond)},
                    {"elementwise_bytes_per_second", rounded(device.elementwiseBytesPerSecond)},
                    {"on_chip_bytes", device.onChipBytes},
                    {"step_seconds", rounded(device.stepSeconds)},
                    {"call_seconds", rounded(device.callSeconds)}}});
  return machine;
}

/// What was run, and what the device would be predicted to take for it.
Json MachineCalibration::describeCalls(const Machine::Device &device) const {
  Json list = Json::array();
  for (const TimedCall &call : calls) {
    double measured = 0, expected = 0;
    for (size_t i = 1; i < call.works.size(); ++i) {
      measured += median(call.works[i]);
      expected += worksOf(call)[i].secondsOn(device, call.shape);
    }
    list.push_back({{"entry", call.entry->name},
                    {"count", call.shape.count},
                    {"position", call.shape.position},
                    {"measured_seconds", measured},
                    {"predicted_seconds", expected}});
  }
  return list;
}

LogicalResult MachineCalibration::write() {
  DeviceFit found = fit();
  Json machine = describeMachine(found.device);
  std::string text = machine.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  llvm::Expected<Machine> again = Machine::parse(text, options.output);
  if (!again) // a clock that stands still, or one of its kind
    return diagnostics.internalError(llvm::toString(again.takeError()));
  if (failed(diagnostics.report(writeFileWhole(options.output, text))))
    return failure();
  print(machine, found);
  return success();
}

void MachineCalibration::print(const Json &machine, const DeviceFit &found) {
  const std::vector<Machine::Rate> &rates = found.device.rates;
  constexpr double kGiga = 1e9, kMicro = 1e-6, kPercent = 100;
  if (options.json) {
    auto describe = [](const FitError &error) {
      return Json{{"steps", error.steps}, {"median", error.median}, {"largest", error.largest}};
    };
    Json errors = Json::array();
    for (auto [rate, error] : llvm::zip_equal(rates, found.rates)) {
      errors.push_back(
          {{"op", rate.op}, {"weights", rate.weights}, {"activations", rate.activations}});
      errors.back().update(describe(error));
    }
    errors.push_back({{"op", "other"}});
    errors.back().update(describe(found.others));
    Json summary;
    summary["output"] = options.output;
    summary["target"] = targetName;
    summary["threads"] = bundle->threads().threads();
    summary["seconds"] = secondsSince(start);
    summary["rounds"] = reads.values.size();
    summary["read_bytes_per_second"] = reads.json();
    summary["errors"] = std::move(errors);
    summary["calls"] = describeCalls(found.device);
    summary["machine"] = machine;
    out << summary.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  const Machine::Device &device = found.device;
  out << llvm::formatv("{0}: {1} threads, {2}, {3} rounds\n", options.output,
                       bundle->threads().threads(), targetName, reads.values.size());
  out << "                          GOP/s  half rows   steps   off by  at most\n";
  for (auto [rate, error] : llvm::zip_equal(rates, found.rates))
    out << llvm::formatv("{0,-10} {1,-4} x {2,-4} {3,8:f1} {4,10:f1} {5,7} {6,7:f1}% {7,7:f1}%\n",
                         rate.op, rate.weights, rate.activations, rate.operationsPerSecond / kGiga,
                         rate.halfRows, error.steps, kPercent * error.median,
                         kPercent * error.largest);
  out << llvm::formatv("weights {0:f1} GB/s; other steps {1:f1} GB/s, off by {2:f1}%; reads {3:f1} "
                       "GB/s; cache {4:f1} MB; a step {5:f1} us, a call {6:f1} us\n",
                       device.weightBytesPerSecond / kGiga,
                       device.elementwiseBytesPerSecond / kGiga, kPercent * found.others.median,
                       device.bytesPerSecond / kGiga,
                       static_cast<double>(device.onChipBytes) * kMicro,
                       device.stepSeconds / kMicro, device.callSeconds / kMicro);
}
