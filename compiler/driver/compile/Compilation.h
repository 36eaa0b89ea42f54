// One run of `bluec compile`: from a model directory to a bundle.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H
#define BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H

#include "compiler/driver/compile/LogitErrors.h"
#include "compiler/driver/session/CompilerSession.h"
#include "compiler/driver/session/Phase.h"
#include "compiler/recipe/Recipe.h"
#include "compiler/weights/quantize/Statistics.h"
#include "runtime/core/Bundle.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// What `-o` names: a directory (bundle; exe, with a program in place of model.so; obj, which holds
/// model.o, for who links it; cpp, with sources to build), or one file of text (mlir: the kernels;
/// llvm: LLVM IR).
enum class Emit { Bundle, Object, Executable, Cpp, Mlir, Llvm };

class BundleWriter;

/// Questions that are put to a model; driver/calibrate has it, and compiles the float model.
class Calibrator {
public:
  virtual ~Calibrator() = default;
  /// Puts every question to the float model and gathers what `recipe` needs of the linear layers of
  /// `model` (blue, in floats): their inputs where gptq finds the weights, and blue.input_max where
  /// activations are static.
  virtual mlir::LogicalResult gather(mlir::ModuleOp model, const Recipe &recipe,
                                     quantize::Statistics &statistics) = 0;
  /// Puts every question to the float model and to `bundle`, which gets the float model's answers,
  /// and compares the logits of their tokens.
  virtual mlir::FailureOr<LogitErrors> compare(const runtime::Bundle &bundle) = 0;
  virtual int64_t questionCount() const = 0;
};

struct CompileOptions {
  std::string model;                  // directory
  std::string variant;                // of its graphs (PackagePlace)
  std::optional<ImageSize> imageSize; // of all pictures (PackagePlace)
  std::string output;                 // may be empty with stopAfter
  /// A name that TargetRegistry::find knows; empty: "host", or the target of C++ source for cpp.
  std::string target;
  std::string targetName() const;
  /// NAME=TARGET: devices of `machine` that are compiled for another target than `target`.
  std::vector<std::string> devices;
  std::string recipe = "bluelm-v";
  /// Directory of a set: what recipes with gptq or static activations need, and what the recipe's
  /// cost is measured on; empty: none. driver/calibrate knows how.
  std::string calibration;
  /// Fail when the recipe costs more on the calibration set: the mean KL divergence of the logits
  /// of answers from the float model's, in nats a token.
  std::optional<double> accuracyBudget;
  Emit emit = Emit::Bundle;
  std::optional<int64_t> context; // tokens; absent: 2048, or all positions that the model has
  std::optional<int64_t> chunk;   // tokens; absent: 128, or the context if that is less
  int64_t imageBatch = 4;         // tiles; 0: what `machine` is predicted to be fastest with
  int64_t rewind = 512; // tokens that a conversation may go back where layers keep a window's only
  std::string machine;  // a name or a file that Machine::load knows; empty: none
  int64_t maxImageTokens = 0; // of a picture; 0: what the model's preprocessor says
  int64_t memoryBudget = 0;   // bytes; 0: none
  std::optional<Phase> stopAfter;
  std::string report;          // file; empty: no page of the plan (PlanReport.h)
  std::string trace;           // file; empty: no trace of the plan, which needs a machine
  std::string dumpPhasesTo;    // directory; empty: no dumps
  bool printPipelines = false; // the passes of each phase, on `out`
  int jobs = 0;                // threads; 0: one for each CPU
  bool strict = false;         // a warning is an error
  bool json = false;
  bool progress = false; // phases and their time on stderr, as they pass
};

/// One compilation, phase after phase, for who has to look at what a phase made, or to do something
/// between two. Nothing is left behind when it does not get to its end.
class CompilationRun {
public:
  /// Where the model comes from: the files of CompileOptions::model, or the session, whose module
  /// is `blue` already and whose package has its configuration; files are then those of weights.
  enum class Source { Files, Session };

  /// Checks the options. Null when they are at fault.
  static std::unique_ptr<CompilationRun> begin(const CompileOptions &options,
                                               CompilerSession &session, llvm::raw_ostream &out,
                                               llvm::raw_ostream &err,
                                               Source source = Source::Files);
  virtual ~CompilationRun() = default;

  /// Before anything has run: the output is a folder of `writer`'s, who commits it when all is
  /// done.
  virtual void writeTo(BundleWriter &writer, llvm::StringRef folder) = 0;
  /// Before anything has run: where weights are laid out as those of `earlier`, which is a run of
  /// the same session with a folder of the same writer's and outlives this one, its file is taken.
  virtual void shareWeightsWith(const CompilationRun &earlier) = 0;
  /// Before the precision phase. `calibrator` outlives the run.
  virtual void calibrateWith(Calibrator &calibrator) = 0;
  /// Runs the phases that have not run yet, up to `last` and with it, or up to the one that
  /// CompileOptions::stopAfter names. The session's module is what the last one made.
  virtual mlir::LogicalResult runTo(Phase last) = 0;
  /// With CompileOptions::json, on `out`: an object with the output, phases with seconds, sizes.
  virtual void printSummary() = 0;
};

/// All of a run without a calibration set.
mlir::LogicalResult compile(const CompileOptions &options, Diagnostics &diagnostics,
                            llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H
