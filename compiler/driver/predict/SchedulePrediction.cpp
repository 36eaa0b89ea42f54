#include "compiler/driver/predict/SchedulePrediction.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/predict/ImageBatch.h"
#include "compiler/driver/predict/PlanReport.h"
#include "compiler/driver/predict/Timeline.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/LookUp.h"
#include "compiler/driver/session/MachineTarget.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/import/GeometryModel.h"
#include "runtime/vision/Tiles.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <set>

using namespace mlir;
using namespace bluec;

namespace {

constexpr double kMsOfSecond = 1e3;

class Prediction {
public:
  Prediction(const ScheduleCommandOptions &options, Diagnostics &diagnostics,
             llvm::raw_ostream &out)
      : options(options), out(out), diagnostics(diagnostics), session(diagnostics, /*jobs=*/1) {}

  LogicalResult run();

private:
  LogicalResult checkOptions();
  LogicalResult readModel();
  LogicalResult makePlan();
  LogicalResult chooseSizes();
  LogicalResult chooseGrid();
  LogicalResult chooseBatch();
  LogicalResult predict();
  LogicalResult report(llvm::Error error) { return diagnostics.report(std::move(error)); }
  int64_t prefixTokens() const { return options.tokens.value_or(sizes.context); }
  /// The token after the prompt, or the last one that the context holds.
  int64_t decodePosition() const { return std::min(prefixTokens(), sizes.context - 1); }
  /// To bring the vision side's weights from storage; nullopt when the machine does not say.
  std::optional<double> loadSeconds();
  LogicalResult writeReport();
  const char *whoSaysTarget() const { return target ? "--target" : "the machine description"; }
  void print();
  void printRun(StringRef title, StringRef rows, const Timeline &timeline);
  void printJson();

  const ScheduleCommandOptions &options;
  llvm::raw_ostream &out;
  Diagnostics &diagnostics;
  CompilerSession session;

  Machine machine;
  Recipe recipe;
  const targets::Target *target = nullptr; // that was asked for; null: the machine's
  plan::TargetAttr facts;                  // that the plan is laid out by
  OwningOpRef<ModuleOp> &module = session.module();
  ModelPackage &package = session.package();
  ScheduleOptions sizes;
  Geometry geometry;
  runtime::TileLayout layout; // of the picture; no tiles without a vision side
  std::optional<Timeline> encode, prefill, decode;
};

} // namespace

int bluec::predictSchedule(const ScheduleCommandOptions &options, llvm::raw_ostream &out,
                           llvm::raw_ostream &err) {
  Diagnostics diagnostics(err);
  return diagnostics.exitCode(Prediction(options, diagnostics, out).run(), "schedule");
}

LogicalResult Prediction::run() {
  if (failed(checkOptions()) || failed(makePlan()) || failed(predict()) || failed(writeReport()))
    return failure();
  options.json ? printJson() : print();
  return success();
}

LogicalResult Prediction::checkOptions() {
  FailureOr<Machine> foundMachine = lookUpMachine(options.machine, diagnostics);
  if (failed(foundMachine))
    return failure();
  machine = std::move(*foundMachine);
  FailureOr<Recipe> foundRecipe = lookUpRecipe(options.recipe, diagnostics);
  if (failed(foundRecipe))
    return failure();
  recipe = std::move(*foundRecipe);
  if (options.target.empty())
    return report(targetOf(machine).takeError());
  target = lookUpTarget(options.target, diagnostics);
  return success(target != nullptr);
}

LogicalResult Prediction::chooseSizes() {
  if (failed(
          bluec::chooseSizes(package.config, options.context, options.chunk, sizes, diagnostics)))
    return failure();
  sizes.imageBatch = options.imageBatch;
  sizes.rewind = options.rewind;
  sizes.machine = machine.text;
  if (prefixTokens() <= sizes.context)
    return success();
  return diagnostics.usageError("--tokens: expected at most the context of " +
                                Twine(sizes.context) + " tokens, found " + Twine(prefixTokens()));
}

/// The model as `blue`: from its graphs, or from what its configuration says.
LogicalResult Prediction::readModel() {
  if (!hasGraphs({options.model, options.variant}))
    return success(succeeded(readConfiguration({options.model, options.variant, options.imageSize},
                                               package, diagnostics)) &&
                   succeeded(chooseSizes()) &&
                   succeeded(report(buildGeometryModel(package.config, sizes.context, *module))) &&
                   succeeded(session.run("model", buildFoldingPipeline)));
  return success(succeeded(session.read({options.model, options.variant, options.imageSize})) &&
                 succeeded(chooseSizes()) &&
                 succeeded(session.run("import", buildImportPipeline)) &&
                 succeeded(session.run("model", [&](OpPassManager &to) {
                   buildModelPipeline(to, options.model, sizes.context);
                 })));
}

LogicalResult Prediction::makePlan() {
  if (failed(readModel()))
    return failure();
  facts = target ? target->facts(session.context())
                 : cantFail(targetFactsOf(machine, session.context()));
  (*module)->setAttr(plan::kTargetAttr, facts);
  // What calibration would find changes no step.
  auto precision = [&](OpPassManager &to) {
    buildPrecisionPipeline(to, recipe.text, /*calibrated=*/true,
                           hasGraphs({options.model, options.variant}) ? options.model
                                                                       : std::string());
  };
  if (failed(session.run("precision", precision)) || failed(chooseGrid()) || failed(chooseBatch()))
    return failure();
  auto schedule = [&](OpPassManager &to) { buildSchedulePipeline(to, sizes); };
  if (failed(session.run("schedule", schedule)) ||
      failed(session.run("placement", buildPlacementPipeline)))
    return failure();
  FailureOr<Geometry> found = geometryOf(*module);
  if (failed(found))
    return failure();
  geometry = *found;
  return checkConfig(package.config, geometry, diagnostics);
}

LogicalResult Prediction::chooseGrid() {
  auto vision = blue::partOf(*module, blue::Role::Vision);
  if (!vision || !package.config.preprocess)
    return success();
  Geometry sizesOfTiles;
  auto pixels = dyn_cast<RankedTensorType>(vision.getArgumentTypes()[0]);
  auto features = dyn_cast<RankedTensorType>(vision.getResultTypes()[0]);
  if (!pixels || !features || pixels.getRank() != 4 || features.getRank() != 3)
    return diagnostics.inputError("vision: expected tiles of pixels, and tokens of them");
  sizesOfTiles.tileHeight = pixels.getDimSize(2);
  sizesOfTiles.tileWidth = pixels.getDimSize(3);
  sizesOfTiles.tokensPerTile = features.getDimSize(1);
  FailureOr<runtime::Preprocess> preprocess =
      preprocessOf(package.config, sizesOfTiles, diagnostics);
  if (failed(preprocess))
    return failure();
  layout = runtime::layOutTiles(options.imageWidth, options.imageHeight, *preprocess);
  return success();
}

LogicalResult Prediction::chooseBatch() {
  if (options.imageBatch != 0)
    return success();
  FailureOr<SmallVector<BatchPrediction>> batches =
      predictImageBatches(*module, sizes, machine, {layout.count}, session.passes());
  if (failed(batches))
    return failure();
  sizes.imageBatch = batches->empty() ? 1 : batches->front().tiles;
  return success();
}

LogicalResult Prediction::predict() {
  auto keep = [](FailureOr<Timeline> made, std::optional<Timeline> &to) {
    if (failed(made))
      return failure();
    to = std::move(*made);
    return success();
  };
  if (layout.count > 0 && failed(keep(encodeTimeline(*module, machine, layout.count), encode)))
    return failure();
  if (geometry.vocabulary == 0)
    return success();
  return success(succeeded(keep(prefillTimeline(*module, machine, prefixTokens()), prefill)) &&
                 succeeded(keep(decodeTimeline(*module, machine, decodePosition()), decode)));
}

LogicalResult Prediction::writeReport() {
  PlanReport plan{options.model, recipe.name, &machine, {}};
  auto add = [&](const std::optional<Timeline> &timeline, std::string subject) {
    if (timeline)
      plan.runs.push_back({*timeline, std::move(subject)});
  };
  add(encode,
      llvm::formatv("{0}x{1}: {2} tiles", options.imageWidth, options.imageHeight, layout.count));
  add(prefill, std::to_string(prefixTokens()) + " tokens");
  add(decode, "at " + std::to_string(decodePosition()));
  if (!options.report.empty() &&
      failed(report(writeFileWhole(options.report, renderPlanPage(*module, plan)))))
    return failure();
  return options.trace.empty() ? success()
                               : report(writeFileWhole(options.trace, renderPlanTrace(plan)));
}

//===------------------------------------------------------------------------------------------===//
// Printing
//===------------------------------------------------------------------------------------------===//

/// What an entry does on a device, over all calls.
namespace {
struct Row {
  std::set<int64_t> calls;
  int64_t count = 0;
  double start = 0, end = 0, busy = 0;
};
} // namespace

void Prediction::printRun(StringRef title, StringRef rows, const Timeline &timeline) {
  llvm::MapVector<std::pair<StringRef, StringRef>, Row,
                  std::map<std::pair<StringRef, StringRef>, unsigned>>
      table;
  for (const TimelineTask &task : timeline.tasks) {
    Row &row = table[{task.entry, task.device}];
    if (row.calls.empty())
      row.start = task.start;
    if (row.calls.insert(task.call).second)
      row.count += task.count;
    row.end = std::max(row.end, task.end);
    row.busy += task.end - task.start;
  }
  out << '\n' << title << '\n';
  out << llvm::formatv("  {0,-20} {1,-12} {2,6} {3,7} {4,10} {5,10} {6,10}\n", "entry", "device",
                       "calls", rows, "start ms", "end ms", "busy ms");
  for (const auto &[key, row] : table)
    out << llvm::formatv("  {0,-20} {1,-12} {2,6} {3,7} {4,10:f1} {5,10:f1} {6,10:f1}\n", key.first,
                         key.second, row.calls.size(), row.count, row.start * kMsOfSecond,
                         row.end * kMsOfSecond, row.busy * kMsOfSecond);
  out << llvm::formatv("  {0:f1} ms", timeline.seconds * kMsOfSecond);
}

std::optional<double> Prediction::loadSeconds() {
  auto segments = (*module)->getAttrOfType<ArrayAttr>(plan::kSegmentsAttr);
  if (!encode || !segments || machine.loadBytesPerSecond == 0)
    return std::nullopt;
  double bytes = 0;
  for (auto segment : segments.getAsRange<plan::SegmentAttr>())
    if (segment.getName() == "vision")
      bytes += static_cast<double>(segment.getBytes());
  return bytes / machine.loadBytesPerSecond;
}

void Prediction::print() {
  out << "machine " << machine.name << ": " << machine.description << '\n';
  out << llvm::formatv("model {0}, recipe {1}, context {2}, chunk {3}\n", options.model,
                       recipe.name, sizes.context, sizes.chunk);
  out << llvm::formatv("laid out for {0} ({1})\n", facts.getName(), whoSaysTarget());
  if (encode) {
    std::vector<std::string> calls;
    for (const TimelineCall &call : encodeCalls(*module, layout.count))
      calls.push_back(std::to_string(call.capacity));
    printRun(llvm::formatv("encode {0}x{1}: grid {2}x{3}, {4} tiles, {5} tokens, in calls of {6}",
                           options.imageWidth, options.imageHeight, layout.grid.columns,
                           layout.grid.rows, layout.count, layout.tokens, llvm::join(calls, ", "))
                 .str(),
             "tiles", *encode);
    if (machine.devices.size() == 1)
      out << "; one device: nothing overlaps\n";
    else
      out << llvm::formatv(", {0:f1} ms hidden\n", encode->hiddenSeconds * kMsOfSecond);
    if (std::optional<double> load = loadSeconds())
      out << llvm::formatv(
          "  {0:f1} ms with loading the encoder's weights, which takes {1:f1} ms\n",
          (*load + encode->seconds) * kMsOfSecond, *load * kMsOfSecond);
  }
  if (prefill) {
    printRun(llvm::formatv("prefill {0} tokens", prefixTokens()).str(), "tokens", *prefill);
    out << llvm::formatv(", {0:f0} tokens a second\n",
                         static_cast<double>(prefixTokens()) / prefill->seconds);
  }
  if (decode) {
    printRun(llvm::formatv("decode at {0}", decodePosition()).str(), "tokens", *decode);
    out << llvm::formatv(", {0:f1} tokens a second\n", 1 / decode->seconds);
  }
}

/// Stretches of one call on one device, or with `steps` each step.
static void addTasks(const Timeline &timeline, bool steps, Json &list) {
  std::map<std::string, size_t> open; // by device: what a task may add to
  for (const TimelineTask &task : timeline.tasks) {
    auto found = open.find(task.device);
    if (!steps && found != open.end()) {
      Json &last = list[found->second];
      if (last["run"] == timeline.what && last["entry"] == task.entry &&
          last["call"] == task.call) {
        last["end_ms"] = task.end * kMsOfSecond;
        continue;
      }
    }
    open[task.device] = list.size();
    Json one{{"run", timeline.what},
             {"device", task.device},
             {"entry", task.entry},
             {"call", task.call},
             {"count", task.count}};
    if (steps) {
      one["name"] = task.name;
      one["op"] = task.op;
    }
    one["start_ms"] = task.start * kMsOfSecond;
    one["end_ms"] = task.end * kMsOfSecond;
    list.push_back(std::move(one));
  }
}

void Prediction::printJson() {
  auto ms = [](const std::optional<Timeline> &timeline) {
    return timeline ? Json(timeline->seconds * kMsOfSecond) : Json();
  };
  Json calls = Json::array(), tasks = Json::array();
  if (encode)
    for (const TimelineCall &call : encodeCalls(*module, layout.count))
      calls.push_back({{"capacity", call.capacity}, {"tiles", call.count}});
  for (const std::optional<Timeline> *timeline : {&encode, &prefill, &decode})
    if (*timeline)
      addTasks(**timeline, options.steps, tasks);
  Json json;
  json["machine"] = machine.name;
  json["model"] = options.model;
  json["recipe"] = recipe.name;
  json["target"] = facts.getName().str();
  json["target_from"] = whoSaysTarget();
  json["image"] = {options.imageWidth, options.imageHeight};
  json["grid"] = encode ? Json{layout.grid.columns, layout.grid.rows} : Json();
  json["tiles"] = layout.count;
  json["image_tokens"] = layout.tokens;
  json["batch"] = geometry.imageBatch;
  json["calls"] = std::move(calls);
  json["context"] = sizes.context;
  json["chunk"] = sizes.chunk;
  json["tokens"] = prefixTokens();
  json["encode_ms"] = ms(encode);
  json["hidden_ms"] = encode ? Json(encode->hiddenSeconds * kMsOfSecond) : Json();
  json["load_ms"] = loadSeconds() ? Json(*loadSeconds() * kMsOfSecond) : Json();
  json["prefill_ms"] = ms(prefill);
  json["decode_ms"] = ms(decode);
  json["tasks"] = std::move(tasks);
  out << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}
