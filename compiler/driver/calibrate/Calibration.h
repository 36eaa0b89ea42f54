// Calibration: a set of questions, put to a model.
//
// A set is a directory with `prompts.txt`: one question a line, as UTF-8. Names of pictures in the
// same directory (PNG or JPEG) come before their question, each with a tab after it; "\n" in
// a question is a new line. Empty lines and lines that begin with # are left out.
//
//   What is the capital of France?
//   receipt.png<tab>What is the total?
#ifndef BLUEC_COMPILER_DRIVER_CALIBRATE_CALIBRATION_H
#define BLUEC_COMPILER_DRIVER_CALIBRATE_CALIBRATION_H

#include "compiler/driver/compile/Compilation.h"
#include "compiler/driver/compile/LogitErrors.h"
#include "compiler/recipe/Recipe.h"
#include "compiler/weights/quantize/Statistics.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/Session.h"
#include "targets/interface/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace bluec {

struct CalibrationQuestion {
  std::vector<std::string> pictures; // paths
  std::string text;
};

/// Reads a set. Errors are one line: where, expected, found.
llvm::Expected<std::vector<CalibrationQuestion>> readCalibrationSet(const std::string &directory);

/// Tokens of each answer that are compared.
inline constexpr int64_t kAnswerTokens = 16;

/// A set and the float model that it is put to: compiled into a temporary directory, which goes
/// with the object, for floatTarget().
class Calibration : public Calibrator {
public:
  /// `like` says which model, set, sizes and target. Null on failure.
  static std::unique_ptr<Calibration> create(const CompileOptions &like, Diagnostics &diagnostics,
                                             llvm::raw_ostream &err);
  ~Calibration() override;

  /// What the float model is compiled for when calibrating for `target`: that one if its code runs
  /// in this process, else what all machines of this kind run. (Which one answers shows in the last
  /// bits of what is gathered: a set has to be gathered again on a machine of the same kind.)
  /// Null when there is none.
  static const targets::Target *floatTarget(const targets::Target &target);

  /// Answers have kAnswerTokens tokens.
  mlir::LogicalResult gather(mlir::ModuleOp model, const Recipe &recipe,
                             quantize::Statistics &statistics) override;
  mlir::FailureOr<LogitErrors> compare(const runtime::Bundle &bundle) override;
  int64_t questionCount() const override { return static_cast<int64_t>(questions.size()); }

private:
  explicit Calibration(Diagnostics &diagnostics) : diagnostics(diagnostics) {}
  mlir::LogicalResult prepare(const CompileOptions &like, llvm::raw_ostream &err);
  using Logits = std::vector<std::vector<float>>; // of each token of an answer
  mlir::LogicalResult report(const runtime::Status &status, const CalibrationQuestion &question);
  /// The logits of an answer. `tokens` are those of the answer, or empty: then it gets them.
  mlir::LogicalResult ask(runtime::Session &session, const runtime::Bundle &bundle,
                          const CalibrationQuestion &question, std::vector<int32_t> &tokens,
                          Logits &logits);

  Diagnostics &diagnostics;
  std::vector<CalibrationQuestion> questions;
  std::string scratch; // directory
  std::unique_ptr<runtime::Bundle> model;
  std::unique_ptr<runtime::Session> session;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_CALIBRATE_CALIBRATION_H
