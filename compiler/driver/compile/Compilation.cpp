#include "compiler/driver/compile/Compilation.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/driver/bundle/BundleWriter.h"
#include "compiler/driver/bundle/Geometry.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/bundle/SharedFiles.h"
#include "compiler/driver/bundle/WeightsFile.h"
#include "compiler/driver/compile/CodeSections.h"
#include "compiler/driver/compile/MemoryWatch.h"
#include "compiler/driver/compile/PhaseDumps.h"
#include "compiler/driver/compile/ProgressLine.h"
#include "compiler/driver/predict/ImageBatch.h"
#include "compiler/driver/predict/PlanReport.h"
#include "compiler/driver/session/ConfigCheck.h"
#include "compiler/driver/session/Emulation.h"
#include "compiler/driver/session/LookUp.h"
#include "compiler/driver/session/MachineTarget.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/driver/session/RowPlaces.h"
#include "compiler/driver/session/Version.h"
#include "passes/kernels/extract_section/ExtractSection.h"
#include "passes/kernels/lower_entries/LowerEntries.h"
#include "passes/kernels/lower_kernels_to_llvm/LowerKernelsToLlvm.h"
#include "passes/schedule/verify_plan/VerifyPlan.h"
#include "runtime/core/Manifest.h"
#include "runtime/platform/Checksums.h"
#include "runtime/vision/Tiles.h"
#include "targets/Registration.h"
#include "targets/interface/KernelPipeline.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>

using namespace mlir;
using namespace bluec;
using Clock = std::chrono::steady_clock;

/// The tiles of pictures that fill each of the grids once.
static SmallVector<int64_t> tilesOfGrids(const runtime::Preprocess &preprocess) {
  SmallVector<int64_t> tiles;
  for (const runtime::Grid &grid : preprocess.candidates)
    tiles.push_back(runtime::tokensOf(grid, preprocess) / preprocess.tokensPerTile);
  return tiles;
}

/// Of the model's image encoder, [tiles, tokens, width]; 0 without one.
static int64_t tokensPerTileOf(ModuleOp model) {
  for (auto function : model.getOps<func::FuncOp>()) {
    if (blue::roleOf(function) != blue::Role::Vision || function.getNumResults() == 0)
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

/// Phases are methods; each leaves what the next one needs in a member.
class Compilation : public CompilationRun {
public:
  Compilation(const CompileOptions &options, CompilerSession &session, Source source,
              llvm::raw_ostream &out, llvm::raw_ostream &err)
      : options(options), source(source), out(out), err(err), session(session),
        diagnostics(session.diagnostics()), passes(session.passes()), module(session.module()),
        package(session.package()), dumps(options.dumpPhasesTo), weights(options.model) {}

  LogicalResult checkOptions();
  void writeTo(BundleWriter &to, StringRef of) override {
    writer = &to;
    folder = of.str();
  }
  void shareWeightsWith(const CompilationRun &run) override {
    earlier.push_back(static_cast<const Compilation *>(&run));
  }
  void calibrateWith(Calibrator &calibrator) override { calibration = &calibrator; }
  LogicalResult runTo(Phase last) override;
  void printSummary() override;

private:
  LogicalResult import();
  LogicalResult model();
  LogicalResult precision();
  LogicalResult schedule();
  LogicalResult kernels();
  LogicalResult object();
  LogicalResult bundle();
  struct Step {
    Phase phase;
    LogicalResult (Compilation::*body)();
    Fault blame; // for what MLIR reports in it
  };
  LogicalResult runPhase(const Step &step);
  void addTime(StringRef name, Clock::time_point begin);
  std::string outputName() const {
    return folder.empty() ? options.output : options.output + "/" + folder;
  }
  /// True when the run ends in a directory.
  bool needsWriter() const {
    return !options.stopAfter && options.emit != Emit::Mlir && options.emit != Emit::Llvm;
  }
  LogicalResult chooseSizes();
  LogicalResult capImageTokens();
  LogicalResult checkBudget();
  LogicalResult checkForm(const targets::Target &of);
  /// The form of code that the options ask the target's generator for.
  StringRef form(const targets::Target &of) const;
  StringRef codeFolder() const;
  /// Whether sections are made files of: of a bundle, or a program.
  bool isPackaged() const {
    return options.emit == Emit::Bundle || options.emit == Emit::Executable;
  }
  /// Whether the code is a part of a program, which is no file that a loader opens.
  bool isInProgram() const { return options.emit == Emit::Executable || options.emit == Emit::Cpp; }
  LogicalResult checkDevices();
  LogicalResult writeReport();
  LogicalResult checkMachine();
  LogicalResult checkCalibration();
  llvm::Error checkRunsBundle() const;
  LogicalResult chooseImageBatch();
  void declareTargets();
  LogicalResult readDevices();
  /// The part of the plan that becomes a section's code, and what that becomes.
  ModuleOp partOf(CodeSection &section) { return section.part ? *section.part : *module; }
  LogicalResult makeKernels(CodeSection &section);
  LogicalResult makeCode(CodeSection &section);
  LogicalResult packageCode(CodeSection &section);
  LogicalResult commitTo(BundleWriter &place);
  LogicalResult writeDumps(Phase phase);
  LogicalResult measureCost();
  LogicalResult writeWeightsFile();
  LogicalResult takeWeights(StringRef path);
  LogicalResult stampWeights();
  Json describeAllDevices();
  Json manifestFields();
  LogicalResult report(llvm::Error error) { return diagnostics.report(std::move(error)); }

  const CompileOptions &options;
  const Source source;
  llvm::raw_ostream &out;
  llvm::raw_ostream &err;
  CompilerSession &session;
  Diagnostics &diagnostics;
  PassRunner &passes;
  OwningOpRef<ModuleOp> &module;
  ModelPackage &package;
  MemoryWatch memory;
  Clock::time_point start = Clock::now(), phaseStart = start;
  size_t phasesDone = 0;
  PhaseDumps dumps;
  const targets::Target *target = nullptr;
  /// Of the devices that have one of their own.
  llvm::MapVector<StringRef, const targets::Target *> deviceTargets;
  Recipe recipe;
  std::optional<Machine> machine;
  SmallVector<BatchPrediction> batches; // what was asked for --image-batch auto, fastest first
  Calibrator *calibration = nullptr;    // none without a set
  bool canMeasure = false;              // what the recipe costs
  quantize::Statistics statistics;
  std::optional<LogitErrors> cost; // of the recipe, on the calibration set
  std::vector<PhaseTime> times;
  Clock::duration weightsTime = {}; // of the phase that runs, counted by itself

  ScheduleOptions sizes;
  WeightReader weights;
  std::unique_ptr<BundleWriter> ownWriter; // null: the output is a folder of somebody's
  BundleWriter *writer = nullptr;
  std::string folder;                             // of the writer's
  SmallVector<const Compilation *> earlier;       // whose weights may be this one's, too
  SmallVector<std::pair<Attribute, Type>> stored; // each weight with all that its bytes depend on
  std::string weightsPath;
  const Compilation *weightsFrom = nullptr; // an earlier one
  std::string sourceFolder;                 // for C++ source
  std::string programObject;                // for a program
  Geometry geometry;
  runtime::PositionRule rowPlaces;
  WeightsDigest weightsDigest;
  std::vector<CodeSection> sections;
  Json entryPoints, memoryPlan, precisionSummary, fusions;
  bool hasWholeEncoders = false, hasStages = false;
};

} // namespace

std::unique_ptr<CompilationRun> CompilationRun::begin(const CompileOptions &options,
                                                      CompilerSession &session,
                                                      llvm::raw_ostream &out,
                                                      llvm::raw_ostream &err, Source source) {
  auto run = std::make_unique<Compilation>(options, session, source, out, err);
  if (failed(run->checkOptions()))
    return nullptr;
  if (options.printPipelines)
    session.printPipelines(out);
  return run;
}

LogicalResult bluec::compile(const CompileOptions &options, Diagnostics &diagnostics,
                             llvm::raw_ostream &out, llvm::raw_ostream &err) {
  CompilerSession session(diagnostics, options.jobs);
  std::unique_ptr<CompilationRun> run = CompilationRun::begin(options, session, out, err);
  if (!run || failed(run->runTo(Phase::Bundle)))
    return failure();
  run->printSummary();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// The run
//===------------------------------------------------------------------------------------------===//

LogicalResult Compilation::runTo(Phase last) {
  // Until a schedule stands, what goes wrong lies in the model; from there on it is ours.
  const Step steps[] = {
      {Phase::Import, &Compilation::import, Fault::Input},
      {Phase::Model, &Compilation::model, Fault::Input},
      {Phase::Precision, &Compilation::precision, Fault::Input},
      {Phase::Schedule, &Compilation::schedule, Fault::Input},
      {Phase::Kernels, &Compilation::kernels, Fault::Internal},
      {Phase::Object, &Compilation::object, Fault::Internal},
      {Phase::Bundle, &Compilation::bundle, Fault::Internal},
  };
  if (options.stopAfter)
    last = std::min(last, *options.stopAfter);
  if (phasesDone == 0)
    start = phaseStart = Clock::now();
  for (; phasesDone < std::size(steps) && steps[phasesDone].phase <= last; ++phasesDone)
    if (failed(runPhase(steps[phasesDone])))
      return failure();
  return success();
}

LogicalResult Compilation::runPhase(const Step &step) {
  Diagnostics::Blame blame(diagnostics, step.blame);
  const PhaseInfo &info = infoOf(step.phase);
  if (failed(diagnostics.explained((this->*step.body)(), info.name)))
    return failure();
  bool isText = step.phase == Phase::Object || step.phase == Phase::Bundle;
  // A module that came with the session is imported already.
  bool isMade = source == Source::Files || step.phase != Phase::Import;
  if (dumps.enabled() && !isText && isMade && failed(writeDumps(step.phase)))
    return failure();
  addTime(info.name, phaseStart + weightsTime);
  weightsTime = {};
  phaseStart = Clock::now(); // what is done between two phases counts with the second
  return success();
}

/// From the kernels phase on a file for each section.
LogicalResult Compilation::writeDumps(Phase phase) {
  if (phase < Phase::Kernels)
    return report(dumps.write(phase, *module));
  for (CodeSection &section : sections)
    if (failed(report(dumps.write(phase, partOf(section), section.name))))
      return failure();
  return success();
}

std::string CompileOptions::targetName() const {
  if (!target.empty())
    return target;
  return emit == Emit::Cpp ? targets::allTargets().withForm("cpp")->name().str() : "host";
}

void Compilation::addTime(StringRef name, Clock::time_point begin) {
  times.push_back({name, std::chrono::duration<double>(Clock::now() - begin).count()});
  if (options.progress)
    err << llvm::formatv("{0,-10} {1,7:f2} s\n", name, times.back().seconds);
}

LogicalResult Compilation::checkMachine() {
  if (options.machine.empty())
    return options.imageBatch > 0
               ? success()
               : diagnostics.usageError("--image-batch: auto: expected a machine to ask "
                                        "(--machine), found none");
  FailureOr<Machine> found = lookUpMachine(options.machine, diagnostics);
  if (failed(found))
    return failure();
  machine = std::move(*found);
  // The bundle is laid out for --target; a name that is none is a mistake all the same.
  return report(targetOf(*machine).takeError());
}

/// What --emit exe makes beside the weights.
static constexpr StringRef kProgramFile = "ask";

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

/// Success if what the recipe costs can be measured: the bundle has to run here.
llvm::Error Compilation::checkRunsBundle() const {
  if (options.emit != Emit::Bundle)
    return llvm::createStringError("another --emit");
  SmallVector<const targets::Target *> all{target};
  for (auto [device, itsTarget] : deviceTargets) {
    if (!itsTarget->runner())
      return llvm::createStringError("device " + device + " with target " + itsTarget->name());
    all.push_back(itsTarget);
  }
  return checkRunsHere(all);
}

LogicalResult Compilation::checkCalibration() {
  std::string found;
  if (!options.calibration.empty())
    if (llvm::Error error = checkRunsBundle())
      found = llvm::toString(std::move(error));
  canMeasure = found.empty();
  if (options.accuracyBudget && options.calibration.empty())
    return diagnostics.usageError("--accuracy-budget: expected a calibration set to measure on "
                                  "(--calibration), found none");
  if (options.accuracyBudget && !canMeasure)
    return diagnostics.usageError("--accuracy-budget: expected a bundle that runs here, found " +
                                  found);
  if (options.calibration.empty() || options.stopAfter || canMeasure)
    return success();
  if (!recipe.needsCalibration())
    return diagnostics.usageError(
        "--calibration: expected a bundle that runs here, to measure what recipe " + recipe.name +
        " costs, or a recipe with gptq or static activations, found " + found);
  return diagnostics.warning("--calibration: what recipe " + recipe.name +
                             " costs is not measured: expected a bundle that runs here, found " +
                             found);
}

LogicalResult Compilation::checkOptions() {
  FailureOr<Recipe> found = lookUpRecipe(options.recipe, diagnostics);
  if (failed(found))
    return failure();
  recipe = std::move(*found);
  target = lookUpTarget(options.targetName(), diagnostics);
  if (!target)
    return failure();
  if (failed(checkMachine()) || failed(checkForm(*target)) || failed(checkDevices()) ||
      failed(checkCalibration()))
    return failure();
  bool looksAtPlan = !options.report.empty() || !options.trace.empty();
  if (looksAtPlan && options.stopAfter && *options.stopAfter < Phase::Schedule)
    return diagnostics.usageError(StringRef(options.report.empty() ? "--trace" : "--report") +
                                  ": expected the schedule phase to run, found --stop-after " +
                                  infoOf(*options.stopAfter).name);
  if (!options.trace.empty() && options.machine.empty())
    return diagnostics.usageError(
        "--trace: expected a machine to time steps by (--machine), found none");
  if (options.emit == Emit::Cpp) {
    llvm::Expected<std::string> found = findSourceFolder();
    if (!found)
      return diagnostics.internalError(llvm::toString(found.takeError()));
    sourceFolder = *found;
  }
  if (options.emit == Emit::Executable && !options.stopAfter) {
    llvm::Expected<std::string> found = findProgramObject(target->triple());
    if (!found)
      return diagnostics.usageError("--emit exe: " + llvm::toString(found.takeError()));
    programObject = *found;
  }
  if (!options.stopAfter && options.output.empty())
    return diagnostics.usageError("-o: expected a place for the output, found none");
  // What is in the output is replaced in the end.
  const std::pair<StringRef, StringRef> places[] = {{"--dump-phases-to", options.dumpPhasesTo},
                                                    {"--report", options.report},
                                                    {"--trace", options.trace}};
  for (auto [flag, place] : places)
    if (!options.stopAfter && !place.empty() && isWithin(place, options.output))
      return diagnostics.usageError(flag + ": expected a place outside of the output, found '" +
                                    place + "'");
  return success();
}

/// Where code files stand in the output: those of a bundle or a program until they are packaged.
StringRef Compilation::codeFolder() const {
  return isPackaged() ? "code/" : options.emit == Emit::Cpp ? "model/" : "";
}

StringRef Compilation::form(const targets::Target &of) const {
  switch (options.emit) {
  case Emit::Bundle:
    return of.packager().form();
  case Emit::Llvm:
    return "llvm";
  case Emit::Cpp:
    return "cpp";
  default:
    return "obj";
  }
}

LogicalResult Compilation::checkForm(const targets::Target &of) {
  std::string missing;
  if (options.emit == Emit::Bundle && !options.stopAfter && failed(of.packager().check(missing)))
    return diagnostics.usageError("--target " + of.name() + ": " + missing);
  if (options.emit == Emit::Executable && !of.packager().makesPrograms())
    return diagnostics.usageError("--emit: expected a target that programs are made for, found " +
                                  of.name() + " with exe");
  ArrayRef<StringRef> forms = of.codeGenerator().forms();
  if (options.emit == Emit::Mlir || llvm::is_contained(forms, form(of)))
    return success();
  const targets::Target *other = targets::allTargets().withForm(form(of));
  return diagnostics.usageError("--emit: expected bundle, mlir or one of what target " + of.name() +
                                " has (" + llvm::join(forms, ", ") + "), found " + form(of) +
                                (other ? ", which target " + other->name() + " has" : ""));
}

LogicalResult Compilation::checkDevices() {
  for (StringRef said : options.devices) {
    auto [name, targetName] = said.split('=');
    if (name.empty() || targetName.empty())
      return diagnostics.usageError("--device: expected NAME=TARGET, found '" + said + "'");
    if (!machine)
      return diagnostics.usageError("--device: expected a machine that has the device '" + name +
                                    "' (--machine), found none");
    if (!machine->find(name))
      return diagnostics.usageError(
          "--device: expected a device of machine " + machine->name + " (" +
          llvm::join(llvm::map_range(machine->devices,
                                     [](const Machine::Device &one) { return one.name; }),
                     ", ") +
          "), found '" + name + "'");
    std::string why;
    const targets::Target *found = targets::allTargets().find(targetName, why);
    if (!found)
      return diagnostics.usageError("--device " + name + ": " + why);
    if (failed(checkForm(*found)))
      return failure();
    if (found != target && options.emit != Emit::Bundle && !options.stopAfter)
      return diagnostics.usageError("--device: expected --emit bundle, the only one that holds "
                                    "code for several targets, found another --emit");
    if (!deviceTargets.insert({name, found}).second)
      return diagnostics.usageError("--device: expected one target for device '" + name +
                                    "', found two");
  }
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Phases
//===------------------------------------------------------------------------------------------===//

LogicalResult Compilation::import() {
  if (writer) {
    if (failed(report(writer->enter(folder))))
      return failure();
  } else if (needsWriter()) {
    // Before the long work, so that a place that may not be written is known at once.
    llvm::Expected<std::unique_ptr<BundleWriter>> made = BundleWriter::create(options.output);
    if (!made)
      return report(made.takeError());
    ownWriter = std::move(*made);
    writer = ownWriter.get();
  }
  if (source == Source::Session)
    return chooseSizes();
  if (failed(session.read({options.model, options.variant, options.imageSize})) ||
      failed(chooseSizes()) || failed(capImageTokens()))
    return failure();
  return session.run("import", buildImportPipeline);
}

LogicalResult Compilation::capImageTokens() {
  if (options.maxImageTokens == 0)
    return success();
  if (!package.config.preprocess)
    return diagnostics.inputError(
        "--max-image-tokens: expected a model with an image encoder, found none");
  package.config.imageTokenCap = {options.maxImageTokens, "--max-image-tokens"};
  return success();
}

LogicalResult Compilation::chooseSizes() {
  sizes.imageBatch = options.imageBatch;
  sizes.rewind = options.rewind;
  return bluec::chooseSizes(package.config, options.context, options.chunk, sizes, diagnostics);
}

LogicalResult Compilation::model() {
  if (source == Source::Session)
    return session.run("model", buildCheckPipeline);
  if (failed(session.run("model", [&](OpPassManager &to) {
        buildModelPipeline(to, options.model, sizes.context);
      })))
    return failure();
  for (const std::string &line : contradictions(package.config, *module))
    if (failed(diagnostics.warning(line)))
      return failure();
  return success();
}

LogicalResult Compilation::precision() {
  // Which types there are depends on the target.
  declareTargets();
  if (calibration && recipe.needsCalibration()) {
    weights.statistics = &statistics;
    if (failed(calibration->gather(*module, recipe, statistics)))
      return failure();
  }
  return session.run("precision", [&](OpPassManager &to) {
    buildPrecisionPipeline(to, recipe.text, calibration != nullptr, options.model);
  });
}

/// Runs the bundle as it stands in its temporary directory.
LogicalResult Compilation::measureCost() {
  Emulation emulation;
  runtime::OpenOptions how;
  how.devices = &emulation;
  auto opened = runtime::Bundle::open(writer->pathOf(""), how);
  if (!opened.ok())
    return diagnostics.internalError(opened.status().message());
  FailureOr<LogitErrors> measured = calibration->compare(**opened);
  if (failed(measured))
    return failure();
  cost = *measured;
  if (options.progress)
    err << llvm::formatv("recipe costs {0:e2} nats a token on {1} tokens of {2} answers\n",
                         cost->mean(), cost->rows, calibration->questionCount());
  if (options.accuracyBudget && !(cost->mean() <= *options.accuracyBudget))
    return diagnostics.inputError(
        llvm::formatv(
            "--accuracy-budget: expected a mean KL divergence of at most {0:e3} nats a token, "
            "found {1:e3} on {2} tokens of {3} answers",
            *options.accuracyBudget, cost->mean(), cost->rows, calibration->questionCount())
            .str());
  return success();
}

/// The batch with which pictures of all grids are encoded fastest, in the mean.
LogicalResult Compilation::chooseImageBatch() {
  Geometry encoder;
  encoder.tokensPerTile = tokensPerTileOf(*module);
  if (!package.config.preprocess || encoder.tokensPerTile < 1) {
    sizes.imageBatch = 1; // no pictures
    return success();
  }
  FailureOr<runtime::Preprocess> preprocess = preprocessOf(package.config, encoder, diagnostics);
  if (failed(preprocess))
    return failure();
  FailureOr<SmallVector<BatchPrediction>> predicted =
      predictImageBatches(*module, sizes, *machine, tilesOfGrids(*preprocess), passes);
  if (failed(predicted))
    return failure();
  batches = std::move(*predicted);
  sizes.imageBatch = batches.empty() ? 1 : batches.front().tiles;
  return success();
}

/// What the bundle is compiled for, and the devices that have targets of their own.
void Compilation::declareTargets() {
  (*module)->setAttr(plan::kTargetAttr, target->facts(session.context()));
  OpBuilder builder = OpBuilder::atBlockBegin(module->getBody());
  for (auto [device, itsTarget] : deviceTargets)
    plan::DeviceOp::create(builder, module->getLoc(), device, itsTarget->facts(session.context()));
}

LogicalResult Compilation::schedule() {
  if (machine)
    sizes.machine = machine->text;
  if (options.imageBatch == 0 && failed(chooseImageBatch()))
    return failure();
  auto build = [&](OpPassManager &pipeline) { buildSchedulePipeline(pipeline, sizes); };
  if (failed(session.run("schedule", build)) || failed(digestWeights(*module, weights)) ||
      failed(session.run("placement", buildPlacementPipeline)))
    return failure();
  FailureOr<Geometry> found = geometryOf(*module);
  if (failed(found))
    return failure();
  geometry = *found;
  if (failed(readDevices()))
    return failure();
  if (failed(checkConfig(package.config, geometry, diagnostics)))
    return failure();
  FailureOr<runtime::PositionRule> places = rowPlacesOf(package.config, geometry, diagnostics);
  if (failed(places))
    return failure();
  rowPlaces = *places;
  return failed(checkBudget()) ? failure() : writeReport();
}

/// Which devices entry points are on, and the code that they need.
LogicalResult Compilation::readDevices() {
  sections = sectionsOf(*module, *target);
  if (sections.front().target != target)
    return diagnostics.usageError("--target " + target->name() +
                                  ": expected an entry that is compiled for it, found --device for "
                                  "all of them");
  for (auto entry : module->getOps<plan::EntryOp>()) {
    hasWholeEncoders |= entry.isEncoder() && entry.isWhole();
    hasStages |= entry.isEncoder() && !entry.isWhole();
  }
  for (auto [device, itsTarget] : deviceTargets) {
    auto has = [&](const CodeSection &section) {
      return llvm::is_contained(section.devices, device);
    };
    if (llvm::none_of(sections, has) &&
        failed(diagnostics.warning("--device " + device + "=" + itsTarget->name() + ": machine " +
                                   machine->name + " places no step on it")))
      return failure();
  }
  return success();
}

Json Compilation::describeAllDevices() {
  Json devices = Json::array();
  for (CodeSection &section : sections) {
    const targets::Packager &packager = section.target->packager();
    bool isFile = options.emit == Emit::Bundle || section.files.empty();
    // Nothing loads an object before it has been linked.
    StringRef loader = isInProgram() ? StringRef(runtime::kLinkedLoader)
                       : isFile      ? packager.loader()
                                     : "none";
    std::string code;
    if (!isInProgram())
      code = isFile ? section.fileName(packager.fileName()) : section.files.front();
    for (Json &device : describeDevices(*module, section, code, loader))
      devices.push_back(std::move(device));
  }
  return devices;
}

/// The plan as a page and as a trace, for the largest picture and a full context.
LogicalResult Compilation::writeReport() {
  if (options.report.empty() && options.trace.empty())
    return success();
  PlanReport plan{options.model, recipe.name, machine ? &*machine : nullptr, {}};
  if (machine) {
    int64_t tiles = 0;
    if (package.config.preprocess && geometry.tokensPerTile > 0) {
      FailureOr<runtime::Preprocess> preprocess =
          preprocessOf(package.config, geometry, diagnostics);
      if (failed(preprocess))
        return failure();
      for (int64_t count : tilesOfGrids(*preprocess))
        tiles = std::max(tiles, count);
    }
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
  return diagnostics.inputError("--memory-budget: expected at most " + Twine(options.memoryBudget) +
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
  for (CodeSection &section : sections)
    if (failed(makeKernels(section)))
      return failure();
  if (options.emit != Emit::Mlir || options.stopAfter)
    return success();
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().elideLargeElementsAttrs().elideLargeResourceString());
  return report(writeFileWhole(options.output, text + "\n"));
}

LogicalResult Compilation::makeKernels(CodeSection &section) {
  // Of pipelines, where they are printed.
  auto named = [&](StringRef pipeline) {
    return section.name.empty() ? pipeline.str() : (pipeline + "." + section.name).str();
  };
  if (sections.size() > 1) {
    section.part = module->clone();
    kernels::ExtractSectionOptions kept;
    kept.target = section.target->name().str();
    if (failed(session.run(*section.part, named("section"), [&](OpPassManager &to) {
          to.addPass(kernels::createExtractSection(kept));
        })))
      return failure();
  }
  {
    Diagnostics::Blame blame(diagnostics, Fault::Input); // another recipe would do
    if (failed(targets::checkSupport(partOf(section), *section.target)))
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
    targets::buildKernelPipeline(pipeline, *section.target);
    pipeline.addPass(createVerifyPlan());
    pipeline.addPass(kernels::createLowerEntries(entries));
  };
  return session.run(partOf(section), named("kernels"), build);
}

LogicalResult Compilation::object() {
  if (options.emit == Emit::Mlir)
    return success();
  if (failed(writeWeightsFile()))
    return failure();
  for (CodeSection &section : sections)
    if (failed(makeCode(section)))
      return failure();
  return success();
}

LogicalResult Compilation::makeCode(CodeSection &section) {
  ModuleOp part = partOf(section);
  // What has no LLVM IR is its own dump.
  bool hasLlvm = llvm::is_contained(section.target->codeGenerator().forms(), "llvm");
  if (dumps.enabled() && hasLlvm) {
    OwningOpRef<ModuleOp> lowered = part.clone();
    if (failed(passes.run(*lowered, "dump",
                          [](OpPassManager &pipeline) {
                            pipeline.addPass(kernels::createLowerKernelsToLlvm());
                          })) ||
        failed(report(dumps.write(Phase::Object, *lowered, section.name))))
      return failure();
  }
  FailureOr<std::vector<targets::CodeFile>> files =
      section.target->codeGenerator().generate(part, form(*section.target));
  if (failed(files))
    return failure();
  auto textOf = [](const targets::CodeFile &file) {
    return StringRef(file.bytes.data(), file.bytes.size());
  };
  if (options.emit == Emit::Llvm)
    return options.stopAfter ? success()
                             : report(writeFileWhole(options.output, textOf(files->front())));
  for (const targets::CodeFile &file : *files) {
    std::string name = (codeFolder() + section.fileName(file.name)).str();
    if (writer && failed(report(writer->write(name, textOf(file)))))
      return failure();
    section.files.push_back(std::move(name));
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
  if (writer && failed(takeWeights(path)))
    return failure();
  if (weightsFrom) {
    weightsDigest = weightsFrom->weightsDigest;
    addTime("weights", begin);
    weightsTime = Clock::now() - begin;
    return stampWeights();
  }
  ProgressLine line(err, "weights", options.progress);
  // A file that has changed, or numbers that are not finite.
  Diagnostics::Blame blame(diagnostics, Fault::Input);
  auto written = writeWeights(*module, weights, path,
                              [&](int64_t done, int64_t total) { line.update(done, total); });
  line.clear();
  if (!written)
    return report(written.takeError());
  if (failed(*written))
    return failure();
  addTime("weights", begin);
  weightsTime = Clock::now() - begin;
  weightsDigest = std::move(**written);
  return stampWeights();
}

/// Links the weights of an earlier run to `path` where they are the same.
LogicalResult Compilation::takeWeights(StringRef path) {
  weightsPath = path.str();
  // GPTQ rounds by what a run has gathered.
  if (recipe.needsCalibration())
    return success();
  stored.push_back({(*module)->getAttr(plan::kWeightsBytesAttr), Type()});
  for (auto weight : module->getOps<plan::WeightOp>())
    stored.push_back(
        {ArrayAttr::get(module->getContext(),
                        {weight.getValue(), weight.getTransforms(), weight.getOffsetAttr()}),
         weight.getPacked()});
  auto found =
      llvm::find_if(earlier, [&](const Compilation *run) { return run->stored == stored; });
  if (found == earlier.end())
    return success();
  weightsFrom = *found;
  std::error_code code = llvm::sys::fs::create_hard_link(weightsFrom->weightsPath, path);
  if (code) // of a file system that has none
    code = llvm::sys::fs::copy_file(weightsFrom->weightsPath, path);
  return code ? report(llvm::createStringError(code, path + ": " + code.message())) : success();
}

/// Code says which weights it is for.
LogicalResult Compilation::stampWeights() {
  SmallVector<int8_t> hash(weightsDigest.sha256.begin(), weightsDigest.sha256.end());
  for (CodeSection &section : sections)
    for (auto model : partOf(section).getOps<abi::ModelOp>())
      model.setWeightsSha256(hash);
  return success();
}

/// Makes one file of a section's code files: of a bundle, or the program.
LogicalResult Compilation::packageCode(CodeSection &section) {
  const targets::Packager &packager = section.target->packager();
  std::vector<std::string> paths;
  for (const std::string &name : section.files)
    paths.push_back(writer->pathOf(name));
  std::string file = section.fileName(packager.fileName()), why;
  LogicalResult made =
      options.emit == Emit::Executable
          ? packager.makeProgram(paths, programObject, writer->pathOf(kProgramFile), why)
          : packager.package(paths, writer->pathOf(file), why);
  if (failed(made))
    return diagnostics.internalError(why);
  section.files = {file};
  return success();
}

LogicalResult Compilation::bundle() {
  if (!writer)
    return success();
  std::vector<std::string> names;
  for (CodeSection &section : sections) {
    if (isPackaged() && failed(packageCode(section)))
      return failure();
    // Sources are for who reads and builds them; what a bundle loads, it has checksums of.
    if (!isInProgram())
      llvm::append_range(names, section.files);
  }
  if (isPackaged())
    llvm::sys::fs::remove_directories(writer->pathOf(codeFolder()));
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
  if (options.emit == Emit::Cpp && failed(report(writer->copyFolder(sourceFolder))))
    return failure();
  llvm::Expected<std::vector<std::string>> all = writer->files();
  if (!all)
    return report(all.takeError());
  llvm::erase_if(*all, [&](const std::string &name) { return files.count(name) != 0; });
  auto writeManifest = [&] {
    return report(writer->write("manifest.json", renderManifest(manifestFields(), files, *all)));
  };
  if (failed(writeManifest()))
    return failure();
  if (calibration && canMeasure && (failed(measureCost()) || failed(writeManifest())))
    return failure();
  return ownWriter ? commitTo(*ownWriter) : success();
}

LogicalResult Compilation::commitTo(BundleWriter &place) {
  return failed(report(package.checkUnchanged())) ? failure() : report(place.commit());
}

static Json describe(const LogitErrors &cost) {
  return {{"tokens", cost.rows},
          {"mean_divergence", cost.mean()},
          {"largest_divergence", cost.largest},
          {"same_likeliest", cost.agreeing}};
}

Json Compilation::manifestFields() {
  Json fields;
  fields["format"] = "bluec-bundle";
  fields["version"] = runtime::kManifestVersion;
  fields["producer"] = kProducer;
  fields["target"] = describeTarget(target->facts(session.context()));
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
  addPlaces(rowPlaces, fields);
  if (machine) {
    runtime::Sha256 hash = runtime::fastSha256();
    hash.update(machine->text.data(), machine->text.size());
    fields["machine"] = {{"name", machine->name}, {"sha256", hexDigits(hash.finish())}};
  }
  fields["devices"] = describeAllDevices();
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
    err << "pictures   two stages, which run in order unless they are asked to overlap\n";
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
  summary["output"] = options.stopAfter ? Json() : Json(outputName());
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
  summary["devices"] = describeAllDevices();
  summary["warnings"] = diagnostics.warnings();
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
