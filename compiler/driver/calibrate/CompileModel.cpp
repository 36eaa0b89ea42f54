#include "compiler/driver/calibrate/CompileModel.h"

#include "compiler/driver/bundle/BundleWriter.h"
#include "compiler/driver/calibrate/Calibration.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/LookUp.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>

using namespace mlir;
using namespace bluec;

namespace {

/// The float model that a set is put to; targets that follow each other share it if it is theirs.
class Calibrations {
public:
  Calibrations(Diagnostics &diagnostics, llvm::raw_ostream &err)
      : diagnostics(diagnostics), err(err) {}

  /// All phases of a run with these options.
  LogicalResult finish(CompilationRun &run, const CompileOptions &options) {
    bool isUsed = !options.calibration.empty() &&
                  (!options.stopAfter || *options.stopAfter >= Phase::Precision);
    if (isUsed) {
      if (failed(run.runTo(Phase::Model)))
        return failure();
      const targets::Target *target = lookUpTarget(options.targetName(), diagnostics);
      if (!target)
        return failure();
      const targets::Target *its = Calibration::floatTarget(*target);
      if (!calibration || its != compiledFor) {
        calibration.reset(); // one at a time: it may be large
        calibration = Calibration::create(options, diagnostics, err);
        compiledFor = its;
      }
      if (!calibration)
        return failure();
      run.calibrateWith(*calibration);
    }
    return run.runTo(Phase::Bundle);
  }

private:
  Diagnostics &diagnostics;
  llvm::raw_ostream &err;
  std::unique_ptr<Calibration> calibration;
  const targets::Target *compiledFor = nullptr;
};

} // namespace

static LogicalResult compileForOne(const CompileOptions &options, Diagnostics &diagnostics,
                                   llvm::raw_ostream &out, llvm::raw_ostream &err) {
  CompilerSession session(diagnostics, options.jobs);
  Calibrations calibrations(diagnostics, err); // outlives the run
  std::unique_ptr<CompilationRun> run = CompilationRun::begin(options, session, out, err);
  if (!run || failed(calibrations.finish(*run, options)))
    return failure();
  run->printSummary();
  return success();
}

/// Options of several targets: what has one place in the output, or is of one plan, has no place.
static LogicalResult checkSeveral(const CompileOptions &options, Diagnostics &diagnostics) {
  const char *with = !options.report.empty()      ? "--report"
                     : !options.trace.empty()     ? "--trace"
                     : options.emit == Emit::Mlir ? "--emit mlir"
                     : options.emit == Emit::Llvm ? "--emit llvm"
                                                  : nullptr;
  return with ? diagnostics.usageError(Twine("--target: expected one with ") + with +
                                       ", found several")
              : success();
}

static LogicalResult compileForSeveral(const CompileOptions &options, ArrayRef<std::string> targets,
                                       Diagnostics &diagnostics, llvm::raw_ostream &out,
                                       llvm::raw_ostream &err) {
  if (failed(checkSeveral(options, diagnostics)))
    return failure();
  CompilerSession session(diagnostics, options.jobs);
  std::deque<CompileOptions> each;             // stay where they are
  Calibrations calibrations(diagnostics, err); // outlives the runs
  std::vector<std::unique_ptr<CompilationRun>> runs;
  std::vector<std::string> summaries(targets.size());
  std::deque<llvm::raw_string_ostream> streams;
  // All of them are checked before the long work.
  for (auto [name, summary] : llvm::zip_equal(targets, summaries)) {
    const targets::Target *target = lookUpTarget(name, diagnostics);
    if (!target)
      return failure();
    CompileOptions &its = each.emplace_back(options);
    its.target = target->name().str();
    auto same = [&](const CompileOptions &other) { return other.target == its.target; };
    if (llvm::count_if(each, same) > 1)
      return diagnostics.usageError("--target: expected each target once, found " + its.target +
                                    " twice");
    if (!its.dumpPhasesTo.empty())
      its.dumpPhasesTo += "/" + its.target;
    auto source = runs.empty() ? CompilationRun::Source::Files : CompilationRun::Source::Session;
    runs.push_back(CompilationRun::begin(its, session, streams.emplace_back(summary), err, source));
    if (!runs.back())
      return failure();
  }
  std::unique_ptr<BundleWriter> writer;
  if (!options.stopAfter) {
    auto made = BundleWriter::create(options.output, BundleWriter::Output::Bundles);
    if (!made)
      return diagnostics.report(made.takeError());
    writer = std::move(*made);
  }
  OwningOpRef<ModuleOp> model; // as it is for all of them
  for (auto [number, run] : llvm::enumerate(runs)) {
    Diagnostics::About about(diagnostics, "target " + each[number].target);
    if (options.progress)
      err << "target     " << each[number].target << '\n';
    if (writer)
      run->writeTo(*writer, each[number].target);
    for (const auto &earlier : ArrayRef(runs).take_front(number))
      run->shareWeightsWith(*earlier);
    if (model)
      session.module() = model->clone();
    else if (failed(run->runTo(Phase::Model)))
      return failure();
    else
      model = session.module()->clone();
    if (failed(calibrations.finish(*run, each[number])))
      return failure();
    run->printSummary();
  }
  if (writer && (failed(diagnostics.report(session.package().checkUnchanged())) ||
                 failed(diagnostics.report(writer->commit()))))
    return failure();
  if (options.json)
    out << "[\n"
        << llvm::join(llvm::map_range(summaries, [](StringRef one) { return one.rtrim('\n'); }),
                      ",\n")
        << "\n]\n";
  else
    for (StringRef summary : summaries)
      out << summary;
  return success();
}

int bluec::compileModel(const CompileOptions &options, const std::vector<std::string> &targets,
                        llvm::raw_ostream &out, llvm::raw_ostream &err) {
  Diagnostics diagnostics(err);
  diagnostics.warningsAreErrors = options.strict;
  if (targets.size() > 1)
    return diagnostics.exitCode(compileForSeveral(options, targets, diagnostics, out, err),
                                "compile");
  CompileOptions one = options;
  if (!targets.empty())
    one.target = targets.front();
  return diagnostics.exitCode(compileForOne(one, diagnostics, out, err), "compile");
}
