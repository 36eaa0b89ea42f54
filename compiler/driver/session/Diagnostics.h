// Errors of a command: one line each on stderr, and whose fault they are.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H
#define BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bluec {

namespace runtime {
class Status;
} // namespace runtime

/// Whose fault an error is. Whoever says an error says this too; the exit code follows from it.
enum class Fault { Input, Usage, Internal };

/// How a command ends (DESIGN: 0 done, 1 the input is at fault, 2 the command line is, 3 bluec is).
enum ExitCode : int { exitDone = 0, exitInput = 1, exitUsage = 2, exitInternal = 3 };

/// Prints errors as `error: <where>: <message>`, and MLIR's diagnostics in the same form: where is
/// the ONNX node or the file. What fails in many places at once (a model with many nodes that bluec
/// does not know) is still one line, of the first few; `verbose` has a line for each, and notes.
class Diagnostics {
public:
  explicit Diagnostics(llvm::raw_ostream &err, bool verbose = false) : err(err), verbose(verbose) {}

  /// `message` says where, what was expected and what was found. Always failure.
  mlir::LogicalResult error(Fault fault, const llvm::Twine &message);
  mlir::LogicalResult inputError(const llvm::Twine &message) {
    return error(Fault::Input, message);
  }
  mlir::LogicalResult usageError(const llvm::Twine &message) {
    return error(Fault::Usage, message);
  }
  mlir::LogicalResult internalError(const llvm::Twine &message) {
    return error(Fault::Internal, message);
  }
  /// Success if there is no error. Those of files, and of what is in them, are the input's fault: a
  /// full disk, or a place that may not be written.
  mlir::LogicalResult report(llvm::Error error);
  /// The same; the input's fault unless the runtime takes it on itself.
  mlir::LogicalResult report(const runtime::Status &status);

  /// A line that is no error.
  void note(const llvm::Twine &message);
  /// What the input asks for and does not get, or may not mean: a line, once. Failure, and an error
  /// of the input, where warnings are errors.
  mlir::LogicalResult warning(const llvm::Twine &message);
  const std::vector<std::string> &warnings() const { return warned; }
  bool warningsAreErrors = false;
  unsigned errors() const { return count; }
  /// Prints what MLIR has reported and no line shows yet.
  void flush();
  /// The exit code of a command that ended with `result`: its first error's. `what` failed without
  /// saying why if it said nothing.
  int exitCode(mlir::LogicalResult result, llvm::StringRef what);

  /// While alive, the diagnostics of `context` go to `diagnostics`.
  class Scope {
  public:
    Scope(mlir::MLIRContext &context, Diagnostics &diagnostics);
    ~Scope() { diagnostics.flush(); }

  private:
    Diagnostics &diagnostics;
    mlir::ScopedDiagnosticHandler handler;
  };

  /// While alive, errors begin with `subject`.
  class About {
  public:
    About(Diagnostics &diagnostics, std::string subject)
        : diagnostics(diagnostics),
          before(std::exchange(diagnostics.subject, std::move(subject) + ": ")) {}
    ~About() {
      diagnostics.flush();
      diagnostics.subject = before;
    }
    About(const About &) = delete;
    About &operator=(const About &) = delete;

  private:
    Diagnostics &diagnostics;
    std::string before;
  };

  /// While alive, what MLIR reports is `fault`, and so is a failure that says nothing. Without one
  /// it is the input's.
  class Blame {
  public:
    Blame(Diagnostics &diagnostics, Fault fault)
        : diagnostics(diagnostics), before(std::exchange(diagnostics.blamed, fault)) {}
    ~Blame() { diagnostics.blamed = before; }
    Blame(const Blame &) = delete;
    Blame &operator=(const Blame &) = delete;

  private:
    Diagnostics &diagnostics;
    Fault before;
  };

  /// `result`, and an error if that is a failure about which nothing was said.
  mlir::LogicalResult explained(mlir::LogicalResult result, llvm::StringRef what);

private:
  void print(mlir::Diagnostic &diagnostic);
  void record(Fault fault); // with the mutex held
  void printPending();      // with the mutex held

  llvm::raw_ostream &err;
  bool verbose;
  std::mutex mutex; // passes may run on several threads
  unsigned count = 0;
  std::optional<Fault> first;       // error's
  Fault blamed = Fault::Input;      // for what MLIR reports
  std::string subject;              // what errors begin with
  std::vector<std::string> pending; // errors from MLIR, in their order
  std::vector<std::string> warned;
};

/// Where a location is, for a reader of the model: the name of its ONNX node, or file and line.
/// Empty when it says nothing.
std::string describe(mlir::Location location);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H
