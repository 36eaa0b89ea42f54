#include "compiler/driver/compile/Compilation.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/driver/bundle/BundleWriter.h"
#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/bundle/WeightsFile.h"
#include "compiler/driver/compile/MemoryWatch.h"
#include "compiler/driver/compile/PhaseDumps.h"
#include "compiler/driver/compile/ProgressLine.h"
#include "compiler/driver/predict/ImageBatch.h"
#include "compiler/driver/predict/PlanReport.h"
#include "compiler/driver/session/MachineTarget.h"
#include "compiler/driver/session/ModelPackage.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/driver/session/Version.h"
#include "compiler/machine/Machine.h"
#include "compiler/recipe/Recipe.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"
#include "runtime/core/Manifest.h"
#include "runtime/platform/Checksums.h"
#include "runtime/vision/Tiles.h"
#include "targets/Registration.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"

#include <chrono>

using namespace mlir;
using namespace bluec;
using Clock = std::chrono::steady_clock;

/// The tiles of pictures that fill each of the grids once.
static SmallVector<int64_t> tilesOfGrids(const PreprocessConfig &from, int64_t tokensPerTile) {
  runtime::Preprocess preprocess;
  preprocess.thumbnail = *runtime::thumbnailByName(from.thumbnail);
  preprocess.tokensPerTile = tokensPerTile;
  for (auto [columns, rows] : from.candidates)
    preprocess.candidates.push_back({static_cast<int>(columns), static_cast<int>(rows)});
  // A cap below that is refused later on, with what it has to be.
  if (from.maxTokens > 0 && from.maxTokens >= runtime::leastTokens(preprocess))
    runtime::capTokens(preprocess, from.maxTokens);
  SmallVector<int64_t> tiles;
  for (const runtime::Grid &grid : preprocess.candidates)
    tiles.push_back(runtime::tokensOf(grid, preprocess) / tokensPerTile);
  return tiles;
}

/// Of the model's image encoder, [tiles, tokens, width]; 0 without one.
static int64_t tokensPerTileOf(ModuleOp model) {
  for (auto function : model.getOps<func::FuncOp>()) {
    auto role = function->getAttrOfType<StringAttr>(blue::kRoleAttr);
    if (!role || role.getValue() != "vision" || function.getNumResults() == 0)
      continue;
    auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[0]);
    if (type && type.getRank() == 3 && !type.isDynamicDim(1))
      return type.getDimSize(1);
  }
  return 0;
}

namespace {

/// Of a phase, or of its part that writes the weights.
struct PhaseTime {
  StringRef name;
  double seconds;
};

/// The state of one run. Phases are methods; each leaves what the next one needs in a member.
class Compilation {
public:
  Compilation(const CompileOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err)
      : options(options), out(out), err(err), diagnostics(err), dumps(options.dumpPhasesTo) {}

  int run();

private:
  LogicalResult checkOptions();
  LogicalResult import();
  LogicalResult model();
  LogicalResult precision();
  LogicalResult schedule();
  LogicalResult kernels();
  LogicalResult object();
  LogicalResult bundle();
  void addTime(StringRef name, Clock::time_point begin);
  LogicalResult runPhase(Phase phase, LogicalResult (Compilation::*body)());
  /// True when the run ends in a directory.
  bool needsWriter() const {
    return !options.stopAfter && (options.emit == Emit::Bundle || options.emit == Emit::Object);
  }
  LogicalResult chooseSizes();
  LogicalResult capImageTokens();
  LogicalResult checkBudget();
  LogicalResult checkForm();
  /// The form of code that the options ask the target's generator for.
  StringRef form() const;
  LogicalResult writeReport();
  LogicalResult checkMachine();
  LogicalResult chooseImageBatch();
  void readDevices();
  LogicalResult calibrate();
  LogicalResult measureCost();
  LogicalResult writeWeightsFile();
  Json manifestFields() const;
  /// Errors of files are of the input: a full disk or a place that may not be written.
  LogicalResult report(llvm::Error error);
  void printSummary();

  const CompileOptions &options;
  llvm::raw_ostream &out;
  llvm::raw_ostream &err;
  Diagnostics diagnostics;
  MemoryWatch memory;
  Clock::time_point start = Clock::now();
  PhaseDumps dumps;
  const targets::Target *target = nullptr;
  Recipe recipe;
  std::optional<Machine> machine;
  SmallVector<BatchPrediction> batches;    // what was asked for --image-batch auto, fastest first
  std::unique_ptr<Calibrator> calibration; // null without a set
  quantize::Statistics statistics;
  std::optional<LogitErrors> cost; // of the recipe, on the calibration set
  std::vector<PhaseTime> times;
  Clock::duration weightsTime = {}; // of the phase that runs, counted by itself
  int exitCode = exitInput;         // of the phase that fails

  std::unique_ptr<llvm::StdThreadPool> threads;
  std::unique_ptr<MLIRContext> context;
  std::unique_ptr<Diagnostics::Scope> handler;
  std::unique_ptr<PassRunner> passes;
  OwningOpRef<ModuleOp> module;
  ModelPackage package;
  ScheduleOptions sizes;
  std::unique_ptr<WeightReader> weights;
  std::unique_ptr<BundleWriter> writer;
  Geometry geometry;
  WeightsDigest weightsDigest;
  std::vector<std::string> codeFiles; // in the writer's directory, until they are packaged
  Json entryPoints, memoryPlan, precisionSummary, fusions;
  Json devices = Json::array();
  bool hasWholeEncoders = false, hasStages = false;
};

} // namespace

int bluec::compile(const CompileOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err) {
  return Compilation(options, out, err).run();
}

//===------------------------------------------------------------------------------------------===//
// The run
//===------------------------------------------------------------------------------------------===//

int Compilation::run() {
  exitCode = exitUsage;
  if (failed(checkOptions()))
    return exitCode;

  DialectRegistry registry;
  registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  int jobs = options.jobs > 0
                 ? options.jobs
                 : static_cast<int>(llvm::hardware_concurrency().compute_thread_count());
  if (jobs > 1) {
    threads = std::make_unique<llvm::StdThreadPool>(
        llvm::hardware_concurrency(static_cast<unsigned>(jobs)));
    context->setThreadPool(*threads);
  }
  handler = std::make_unique<Diagnostics::Scope>(*context, diagnostics);
  passes = std::make_unique<PassRunner>();
  module = ModuleOp::create(UnknownLoc::get(context.get()));
  weights = std::make_unique<WeightReader>(options.model);

  struct Step {
    Phase phase;
    LogicalResult (Compilation::*body)();
    int blame; // the exit code when it fails
  };
  // Until a schedule stands, what goes wrong lies in the model; from there on it is ours.
  const Step steps[] = {
      {Phase::Import, &Compilation::import, exitInput},
      {Phase::Model, &Compilation::model, exitInput},
      {Phase::Precision, &Compilation::precision, exitInput},
      {Phase::Schedule, &Compilation::schedule, exitInput},
      {Phase::Kernels, &Compilation::kernels, exitInternal},
      {Phase::Object, &Compilation::object, exitInternal},
      {Phase::Bundle, &Compilation::bundle, exitInternal},
  };
  for (const Step &step : steps) {
    exitCode = step.blame;
    if (failed(runPhase(step.phase, step.body))) {
      if (diagnostics.errors() == 0)
        (void)diagnostics.error(infoOf(step.phase).name + ": failed without saying why");
      return exitCode;
    }
    if (options.stopAfter == step.phase)
      break;
  }
  printSummary();
  return exitDone;
}

LogicalResult Compilation::runPhase(Phase phase, LogicalResult (Compilation::*body)()) {
  Clock::time_point begin = Clock::now();
  if (failed((this->*body)()))
    return failure();
  bool isText = phase == Phase::Object || phase == Phase::Bundle;
  if (dumps.enabled() && !isText && failed(report(dumps.write(phase, *module))))
    return failure();
  addTime(infoOf(phase).name, begin + weightsTime);
  weightsTime = {};
  return success();
}

void Compilation::addTime(StringRef name, Clock::time_point begin) {
  times.push_back({name, std::chrono::duration<double>(Clock::now() - begin).count()});
  if (options.progress)
    err << llvm::formatv("{0,-10} {1,7:f2} s\n", name, times.back().seconds);
}

LogicalResult Compilation::report(llvm::Error error) {
  if (!error)
    return success();
  exitCode = exitInput;
  return diagnostics.error(llvm::toString(std::move(error)));
}

LogicalResult Compilation::checkMachine() {
  if (options.machine.empty())
    return options.imageBatch > 0
               ? success()
               : diagnostics.error("--image-batch: auto: expected a machine to ask (--machine), "
                                   "found none");
  if (!machineExists(options.machine)) {
    std::vector<std::string> names;
    for (const ShippedMachine &shipped : shippedMachines())
      names.push_back(shipped.name);
    return diagnostics.error("--machine: expected " + llvm::join(names, ", ") +
                             " or a file, found '" + options.machine + "'");
  }
  llvm::Expected<Machine> loaded = Machine::load(options.machine);
  if (!loaded)
    return report(loaded.takeError());
  machine = std::move(*loaded);
  // The bundle is laid out for --target; a name that is none is a mistake all the same.
  return report(targetOf(*machine).takeError());
}

/// Whether `place` is `folder` or lies below it, by their names.
static bool isWithin(StringRef place, StringRef folder) {
  auto parts = [](StringRef name) {
    SmallString<256> text(name);
    (void)llvm::sys::fs::make_absolute(text);
    llvm::sys::path::remove_dots(text, /*remove_dot_dot=*/true);
    return text.str().rtrim('/').str();
  };
  std::string inner = parts(place), outer = parts(folder);
  return inner == outer || StringRef(inner).starts_with(outer + "/");
}

LogicalResult Compilation::checkOptions() {
  if (!recipeExists(options.recipe)) {
    std::vector<std::string> names;
    for (const ShippedRecipe &shipped : shippedRecipes())
      names.push_back(shipped.name);
    return diagnostics.error("--recipe: expected " + llvm::join(names, ", ") +
                             " or a file, found '" + options.recipe + "'");
  }
  std::string why;
  target = targets::allTargets().find(options.target, why);
  if (!target)
    return diagnostics.error(why);
  llvm::Expected<Recipe> loaded = Recipe::load(options.recipe);
  if (!loaded)
    return report(loaded.takeError());
  recipe = std::move(*loaded);
  if (failed(checkMachine()))
    return failure();
  if (options.accuracyBudget && !options.calibrate)
    return diagnostics.error("--accuracy-budget: expected a calibration set to measure on "
                             "(--calibration), found none");
  if (failed(checkForm()))
    return failure();
  if (options.accuracyBudget && (!target->runsInProcess() || options.emit != Emit::Bundle))
    return diagnostics.error("--accuracy-budget: expected a bundle that runs here, found " +
                             (target->runsInProcess() ? std::string("another --emit")
                                                      : "target " + target->name().str()));
  bool looksAtPlan = !options.report.empty() || !options.trace.empty();
  if (looksAtPlan && options.stopAfter && *options.stopAfter < Phase::Schedule)
    return diagnostics.error(StringRef(options.report.empty() ? "--trace" : "--report") +
                             ": expected the schedule phase to run, found --stop-after " +
                             infoOf(*options.stopAfter).name);
  if (!options.trace.empty() && options.machine.empty())
    return diagnostics.error(
        "--trace: expected a machine to time steps by (--machine), found none");
  if (!options.stopAfter && options.output.empty())
    return diagnostics.error("-o: expected a place for the output, found none");
  if (!options.stopAfter && !options.dumpPhasesTo.empty() &&
      isWithin(options.dumpPhasesTo, options.output))
    return diagnostics.error("--dump-phases-to: expected a place outside of the output, found '" +
                             options.dumpPhasesTo + "'");
  return success();
}

StringRef Compilation::form() const {
  switch (options.emit) {
  case Emit::Bundle:
    return target->packager().form();
  case Emit::Llvm:
    return "llvm";
  default:
    return "obj";
  }
}

LogicalResult Compilation::checkForm() {
  ArrayRef<StringRef> forms = target->codeGenerator().forms();
  if (options.emit == Emit::Mlir || llvm::is_contained(forms, form()))
    return success();
  return diagnostics.error("--emit: expected bundle, mlir or one of what target " + target->name() +
                           " has (" + llvm::join(forms, ", ") + "), found " + form());
}

//===------------------------------------------------------------------------------------------===//
// Phases
//===------------------------------------------------------------------------------------------===//

LogicalResult Compilation::import() {
  if (!llvm::sys::fs::is_directory(options.model))
    return diagnostics.error(options.model + ": expected a model directory, found none");
  if (needsWriter()) {
    // Before the long work, so that a place that may not be written is known at once.
    llvm::Expected<std::unique_ptr<BundleWriter>> made = BundleWriter::create(options.output);
    if (!made)
      return report(made.takeError());
    writer = std::move(*made);
  }
  if (options.makeModel)
    return failed(chooseSizes()) ? failure() : report(options.makeModel(*module, package.config));
  if (failed(readPackage(options.model, *module, package, diagnostics)) || failed(chooseSizes()) ||
      failed(capImageTokens()))
    return failure();
  return passes->run(*module, "import", buildImportPipeline);
}

LogicalResult Compilation::capImageTokens() {
  if (options.maxImageTokens == 0)
    return success();
  if (!package.config.preprocess)
    return diagnostics.error("--max-image-tokens: expected a model with an image encoder, found "
                             "none");
  package.config.preprocess->maxTokens = options.maxImageTokens;
  package.config.preprocess->maxTokensSource = "--max-image-tokens";
  return success();
}

LogicalResult Compilation::chooseSizes() {
  sizes.imageBatch = options.imageBatch;
  exitCode = exitUsage;
  if (failed(
          bluec::chooseSizes(package.config, options.context, options.chunk, sizes, diagnostics)))
    return failure();
  exitCode = exitInput;
  return success();
}

LogicalResult Compilation::model() {
  if (options.makeModel)
    return passes->run(*module, "model", buildCheckPipeline);
  auto build = [&](OpPassManager &to) { buildModelPipeline(to, options.model, sizes.context); };
  return passes->run(*module, "model", build);
}

LogicalResult Compilation::precision() {
  // Which types there are depends on the target.
  (*module)->setAttr(plan::kTargetAttr, target->facts(context.get()));
  if (options.calibrate && failed(calibrate()))
    return failure();
  bool calibrated = calibration != nullptr;
  auto build = [&](OpPassManager &to) { buildPrecisionPipeline(to, recipe.text, calibrated); };
  return passes->run(*module, "precision", build);
}

LogicalResult Compilation::calibrate() {
  calibration = options.calibrate(options, diagnostics, err, exitCode);
  if (!calibration)
    return failure();
  if (!recipe.needsCalibration())
    return success();
  weights->statistics = &statistics;
  return calibration->gather(*module, recipe, statistics);
}

/// Runs the bundle as it stands in its temporary directory.
LogicalResult Compilation::measureCost() {
  auto opened = runtime::Bundle::open(writer->pathOf(""), {});
  if (!opened.ok())
    return diagnostics.error(opened.status().message());
  exitCode = exitInput;
  FailureOr<LogitErrors> measured = calibration->compare(**opened);
  if (failed(measured))
    return failure();
  cost = *measured;
  if (options.progress)
    err << llvm::formatv("recipe costs {0:e2} nats a token on {1} tokens of {2} answers\n",
                         cost->mean(), cost->rows, calibration->questionCount());
  if (options.accuracyBudget && !(cost->mean() <= *options.accuracyBudget))
    return diagnostics.error(
        llvm::formatv(
            "--accuracy-budget: expected a mean KL divergence of at most {0:e3} nats a token, "
            "found {1:e3} on {2} tokens of {3} answers",
            *options.accuracyBudget, cost->mean(), cost->rows, calibration->questionCount())
            .str());
  return success();
}

/// The batch with which pictures of all grids are encoded fastest, in the mean.
LogicalResult Compilation::chooseImageBatch() {
  int64_t tokens = tokensPerTileOf(*module);
  if (!package.config.preprocess || tokens < 1) {
    sizes.imageBatch = 1; // no pictures
    return success();
  }
  FailureOr<SmallVector<BatchPrediction>> predicted = predictImageBatches(
      *module, sizes, *machine, tilesOfGrids(*package.config.preprocess, tokens), *passes);
  if (failed(predicted))
    return failure();
  batches = std::move(*predicted);
  sizes.imageBatch = batches.empty() ? 1 : batches.front().tiles;
  return success();
}

LogicalResult Compilation::schedule() {
  if (machine)
    sizes.machine = machine->text;
  if (options.imageBatch == 0 && failed(chooseImageBatch()))
    return failure();
  auto build = [&](OpPassManager &pipeline) { buildSchedulePipeline(pipeline, sizes); };
  if (failed(passes->run(*module, "schedule", build)) || failed(digestWeights(*module, *weights)) ||
      failed(passes->run(*module, "placement", buildPlacementPipeline)))
    return failure();
  FailureOr<Geometry> found = geometryOf(*module);
  if (failed(found))
    return failure();
  geometry = *found;
  readDevices();
  if (options.onPlan)
    options.onPlan(*module);
  if (failed(checkConfig(package.config, geometry, diagnostics)))
    return failure();
  return failed(checkBudget()) ? failure() : writeReport();
}

/// What stands for each device that entry points are on. A compiled target has one device.
void Compilation::readDevices() {
  llvm::SmallSetVector<StringRef, 4> names;
  for (auto entry : module->getOps<plan::EntryOp>()) {
    names.insert(entry.getDevice());
    hasWholeEncoders |= entry.getKind() == plan::EntryKind::Encode;
    hasStages |= entry.getKind() == plan::EntryKind::EncodePatches;
  }
  for (StringRef name : names)
    devices.push_back({{"name", name.str()}, {"runs_on", "cpu"}});
}

/// The plan as a page and as a trace, for the largest picture and a full context.
LogicalResult Compilation::writeReport() {
  if (options.report.empty() && options.trace.empty())
    return success();
  PlanReport plan{options.model, recipe.name, machine ? &*machine : nullptr, {}};
  if (machine) {
    int64_t tiles = 0;
    if (package.config.preprocess && geometry.tokensPerTile > 0)
      for (int64_t count : tilesOfGrids(*package.config.preprocess, geometry.tokensPerTile))
        tiles = std::max(tiles, count);
    FailureOr<std::vector<PlanRun>> runs = planRuns(*module, *machine, tiles, geometry.context);
    if (failed(runs))
      return failure();
    plan.runs = std::move(*runs);
  }
  if (!options.report.empty() &&
      failed(report(writeFileWhole(options.report, renderPlanPage(*module, plan)))))
    return failure();
  return options.trace.empty() ? success()
                               : report(writeFileWhole(options.trace, renderPlanTrace(plan)));
}

LogicalResult Compilation::checkBudget() {
  auto bytes = [&](StringRef name) {
    auto attr = (*module)->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : int64_t{0};
  };
  int64_t peak = bytes(plan::kPeakBytesAttr);
  if (options.memoryBudget == 0 || peak <= options.memoryBudget)
    return success();
  int64_t cache = bytes(plan::kCacheBytesAttr);
  return diagnostics.error("--memory-budget: expected at most " + Twine(options.memoryBudget) +
                           " bytes, found a predicted peak of " + Twine(peak) + " (kv cache " +
                           Twine(cache) + ", weights of a segment and their arena " +
                           Twine(peak - cache) + ")");
}

LogicalResult Compilation::kernels() {
  // What the manifest says about steps is read off before they become launches.
  entryPoints = describeEntryPoints(*module);
  memoryPlan = describeMemoryPlan(*module);
  precisionSummary = describePrecision(*module);
  fusions = describeFusions(*module);
  if (failed(targets::checkSupport(*module, *target))) {
    exitCode = exitInput; // another recipe would do
    return failure();
  }
  kernels::LowerEntriesOptions entries;
  entries.producer = kProducer;
  entries.hidden = geometry.hidden;
  entries.vocabulary = geometry.vocabulary;
  entries.tokensPerTile = geometry.tokensPerTile;
  entries.tileHeight = geometry.tileHeight;
  entries.tileWidth = geometry.tileWidth;
  auto build = [&](OpPassManager &pipeline) {
    targets::buildKernelPipeline(pipeline, *target);
    pipeline.addPass(createVerifyPlan());
    pipeline.addPass(kernels::createLowerEntries(entries));
  };
  if (failed(passes->run(*module, "kernels", build)))
    return failure();
  if (options.onKernels)
    options.onKernels(*module);
  if (options.emit != Emit::Mlir || options.stopAfter)
    return success();
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().elideLargeElementsAttrs().elideLargeResourceString());
  return report(writeFileWhole(options.output, text + "\n"));
}

LogicalResult Compilation::object() {
  if (options.emit == Emit::Mlir)
    return success();
  if (failed(writeWeightsFile()))
    return failure();
  if (dumps.enabled()) {
    OwningOpRef<ModuleOp> lowered = module->clone();
    if (failed(passes->run(*lowered, "dump",
                           [](OpPassManager &pipeline) {
                             pipeline.addPass(kernels::createLowerKernelsToLlvm());
                           })) ||
        failed(report(dumps.write(Phase::Object, *lowered))))
      return failure();
  }
  FailureOr<std::vector<targets::CodeFile>> files =
      target->codeGenerator().generate(*module, form());
  if (failed(files))
    return failure();
  auto textOf = [](const targets::CodeFile &file) {
    return StringRef(file.bytes.data(), file.bytes.size());
  };
  if (options.emit == Emit::Llvm)
    return options.stopAfter ? success()
                             : report(writeFileWhole(options.output, textOf(files->front())));
  for (const targets::CodeFile &file : *files) {
    if (writer && failed(report(writer->write(file.name, textOf(file)))))
      return failure();
    codeFiles.push_back(file.name);
  }
  return success();
}

/// Into the bundle, or to a file that is removed again: the descriptor in the code carries the hash
/// either way.
LogicalResult Compilation::writeWeightsFile() {
  SmallString<128> path;
  std::optional<llvm::FileRemover> remover;
  if (writer) {
    path = writer->pathOf("weights.bin");
  } else {
    if (std::error_code code = llvm::sys::fs::createTemporaryFile("bluec", "weights", path))
      return report(llvm::createStringError(code, "temporary file: " + code.message()));
    remover.emplace(path);
  }
  Clock::time_point begin = Clock::now();
  ProgressLine line(err, "weights", options.progress);
  auto written = writeWeights(*module, *weights, path,
                              [&](int64_t done, int64_t total) { line.update(done, total); });
  line.clear();
  if (!written)
    return report(written.takeError());
  if (failed(*written)) {
    exitCode = exitInput; // a file that has changed, or numbers that are not finite
    return failure();
  }
  addTime("weights", begin);
  weightsTime = Clock::now() - begin;
  weightsDigest = std::move(**written);
  SmallVector<int8_t> hash(weightsDigest.sha256.begin(), weightsDigest.sha256.end());
  for (auto model : module->getOps<abi::ModelOp>())
    model.setWeightsSha256(hash);
  return success();
}

LogicalResult Compilation::bundle() {
  if (!writer)
    return success();
  std::vector<std::string> names = codeFiles;
  if (options.emit == Emit::Bundle) {
    const targets::Packager &packager = target->packager();
    std::vector<std::string> paths;
    for (const std::string &name : codeFiles)
      paths.push_back(writer->pathOf(name));
    std::string why;
    if (failed(packager.package(paths, writer->pathOf(packager.fileName()), why)))
      return diagnostics.error(why);
    for (const std::string &path : paths)
      llvm::sys::fs::remove(path);
    names = {packager.fileName().str()};
  }
  if (!package.tokenizer.empty()) {
    StringRef table(reinterpret_cast<const char *>(package.tokenizer.data()),
                    package.tokenizer.size());
    if (failed(report(writer->write("tokenizer.bin", table))))
      return failure();
    names.push_back("tokenizer.bin");
  }
  // Hashed while it was written; reading gigabytes again would say the same.
  auto weightBytes = (*module)->getAttrOfType<IntegerAttr>(plan::kWeightsBytesAttr);
  std::map<std::string, BundleFile> files;
  files["weights.bin"] = {static_cast<uint64_t>(weightBytes.getInt()),
                          hexDigits(weightsDigest.sha256), weightsDigest.blocks};
  for (const std::string &name : names) {
    llvm::Expected<BundleFile> file = describeFile(writer->pathOf(name));
    if (!file)
      return report(file.takeError());
    files[name] = *file;
  }
  auto writeManifest = [&] {
    return report(writer->write("manifest.json", renderManifest(manifestFields(), files)));
  };
  if (failed(writeManifest()))
    return failure();
  if (calibration && target->runsInProcess() && options.emit == Emit::Bundle &&
      (failed(measureCost()) || failed(writeManifest())))
    return failure();
  return report(writer->commit());
}

static Json describe(const LogitErrors &cost) {
  return {{"tokens", cost.rows},
          {"mean_divergence", cost.mean()},
          {"largest_divergence", cost.largest},
          {"same_likeliest", cost.agreeing}};
}

Json Compilation::manifestFields() const {
  Json fields;
  fields["format"] = "bluec-bundle";
  fields["version"] = runtime::manifestVersion;
  fields["producer"] = kProducer;
  fields["target"] = describeTarget(*module);
  fields["recipe"] = Json::parse(recipe.text);
  if (cost)
    fields["accuracy"] = describe(*cost);
  fields["geometry"] = {
      {"context", geometry.context},        {"chunk", geometry.chunk},
      {"image_batch", geometry.imageBatch}, {"hidden", geometry.hidden},
      {"vocabulary", geometry.vocabulary},  {"tokens_per_tile", geometry.tokensPerTile},
      {"tile_height", geometry.tileHeight}, {"tile_width", geometry.tileWidth}};
  if (auto calls = plan::encodeCallsOf(*module)) {
    Json lists = Json::array();
    for (ArrayRef<int64_t> capacities : *calls)
      lists.push_back(std::vector<int64_t>(capacities.begin(), capacities.end()));
    fields["geometry"]["encode_calls"] = std::move(lists);
  }
  if (machine) {
    runtime::Sha256 hash = runtime::fastSha256();
    hash.update(machine->text.data(), machine->text.size());
    fields["machine"] = {{"name", machine->name}, {"sha256", hexDigits(hash.finish())}};
  }
  fields["devices"] = devices;
  addConfig(package.config, fields);
  fields["entry_points"] = entryPoints;
  fields["memory_plan"] = memoryPlan;
  fields["precision"] = precisionSummary;
  fields["fusions"] = fusions;
  return fields;
}

void Compilation::printSummary() {
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  MemoryPeaks peaks = memory.peaks();
  auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  if (options.progress)
    err << llvm::formatv(
        "{0,-10} {1,7:f2} s; peak memory {2:f0} MB, {3:f0} MB anonymous and {4:f0} "
        "MB of mapped files\n",
        "all", seconds, megabytes(peaks.resident), megabytes(peaks.anonymous),
        megabytes(peaks.file));
  if (options.progress && machine && hasWholeEncoders)
    err << "pictures   no stages: machine " << machine->name << " encodes on one device\n";
  if (options.progress && hasStages)
    err << "pictures   two stages, which run in order here: target " << target->name()
        << " has one device\n";
  for (const BatchPrediction &batch : batches)
    if (options.progress)
      err << llvm::formatv("pictures   {0} tiles a call: {1:f1} ms predicted in the mean\n",
                           batch.tiles, batch.seconds * 1e3);
  if (!options.json)
    return;
  Json phases = Json::array();
  for (const PhaseTime &time : times)
    phases.push_back({{"name", time.name.str()}, {"seconds", time.seconds}});
  Json summary;
  summary["output"] = options.stopAfter ? Json() : Json(options.output);
  summary["target"] = target->name().str();
  summary["recipe"] = recipe.name;
  if (cost)
    summary["accuracy"] = describe(*cost);
  if (machine)
    summary["machine"] = machine->name;
  summary["image_batch"] = sizes.imageBatch;
  for (const BatchPrediction &batch : batches)
    summary["image_batches"].push_back(
        {{"tiles", batch.tiles}, {"predicted_seconds", batch.seconds}});
  summary["devices"] = devices;
  summary["phases"] = std::move(phases);
  summary["seconds"] = seconds;
  summary["peak_memory"] = {
      {"resident", peaks.resident}, {"anonymous", peaks.anonymous}, {"mapped_files", peaks.file}};
  if (!memoryPlan.is_null()) {
    summary["memory"] = memoryPlan;
    summary["memory"].erase("entries");
    summary["fusions"] = fusions;
  }
  out << summary.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}
