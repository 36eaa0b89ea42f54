// One run of `bluec compile`: from a model directory to a bundle.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H
#define BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H

#include "compiler/driver/compile/LogitErrors.h"
#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/session/Phase.h"
#include "compiler/import/ModelConfig.h"

#include "compiler/recipe/Recipe.h"
#include "compiler/weights/quantize/Statistics.h"
#include "runtime/core/Bundle.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bluec {

/// What `-o` names: a directory (bundle; obj, which holds model.o in place of model.so), or one
/// file of text (mlir: the kernels; llvm: LLVM IR).
enum class Emit { Bundle, Object, Mlir, Llvm };

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

struct CompileOptions;
/// Makes the calibrator for a compilation. Errors have been printed, and `exitCode` says whose
/// fault it is.
using MakeCalibrator = std::function<std::unique_ptr<Calibrator>(
    const CompileOptions &like, Diagnostics &diagnostics, llvm::raw_ostream &err, int &exitCode)>;

struct CompileOptions {
  std::string model;           // directory
  std::string output;          // may be empty with stopAfter
  std::string target = "host"; // a name that TargetRegistry::find knows
  std::string recipe = "bluelm-v";
  /// What recipes with gptq or static activations need, and what the recipe's cost is measured on
  /// (calibrateOn in driver/calibrate). Empty: none.
  MakeCalibrator calibrate;
  /// Fail when the recipe costs more on the calibration set: the mean KL divergence of the logits
  /// of answers from the float model's, in nats a token.
  std::optional<double> accuracyBudget;
  Emit emit = Emit::Bundle;
  std::optional<int64_t> context; // tokens; absent: 2048, or all positions that the model has
  std::optional<int64_t> chunk;   // tokens; absent: 128, or the context if that is less
  int64_t imageBatch = 4;         // tiles; 0: what `machine` is predicted to be fastest with
  std::string machine;            // a name or a file that Machine::load knows; empty: none
  int64_t maxImageTokens = 0;     // of a picture; 0: what the model's preprocessor says
  int64_t memoryBudget = 0;       // bytes; 0: none
  std::optional<Phase> stopAfter;
  std::string report;       // file; empty: no page of the plan (PlanReport.h)
  std::string trace;        // file; empty: no trace of the plan, which needs a machine
  std::string dumpPhasesTo; // directory; empty: no dumps
  int jobs = 0;             // threads; 0: one for each CPU
  bool json = false;
  bool progress = false; // phases and their time on stderr, as they pass
  /// For models that bluec makes itself: adds the functions of a `blue` module and says what a
  /// configuration would, in place of the files in `model`, which then holds nothing but weights.
  std::function<llvm::Error(mlir::ModuleOp, ModelConfig &)> makeModel;
  /// Is shown the plan behind the schedule phase.
  std::function<void(mlir::ModuleOp)> onPlan;
  /// Is shown the kernels and entry functions behind the kernels phase.
  std::function<void(mlir::ModuleOp)> onKernels;
};

/// Runs the phases. With `json`, `out` gets one object at the end: output, phases with seconds,
/// sizes. Returns an exit code; errors have been printed to `err`, and nothing is left behind.
int compile(const CompileOptions &options, llvm::raw_ostream &out, llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_COMPILATION_H
