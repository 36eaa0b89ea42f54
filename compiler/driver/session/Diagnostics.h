// Errors of a command: one line each on stderr.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H
#define BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <string>
#include <vector>

namespace bluec {

/// How a command ends (DESIGN: 0 done, 1 the input is at fault, 2 the command line is, 3 bluec is).
enum ExitCode : int { exitDone = 0, exitInput = 1, exitUsage = 2, exitInternal = 3 };

/// Prints errors as `error: <where>: <message>`, and MLIR's diagnostics in the same form: where is
/// the ONNX node or the file. What fails in many places at once (a model with many nodes that bluec
/// does not know) is still one line, of the first few; `verbose` has a line for each, and notes.
class Diagnostics {
public:
  explicit Diagnostics(llvm::raw_ostream &err, bool verbose = false) : err(err), verbose(verbose) {}

  /// `message` says where, what was expected and what was found. Always failure.
  mlir::LogicalResult error(const llvm::Twine &message);
  /// A line that is no error.
  void note(const llvm::Twine &message);
  unsigned errors() const { return count; }
  /// Prints what MLIR has reported and no line shows yet.
  void flush();

  /// While alive, the diagnostics of `context` go to `diagnostics`.
  class Scope {
  public:
    Scope(mlir::MLIRContext &context, Diagnostics &diagnostics);
    ~Scope() { diagnostics.flush(); }

  private:
    Diagnostics &diagnostics;
    mlir::ScopedDiagnosticHandler handler;
  };

private:
  void print(mlir::Diagnostic &diagnostic);
  void printPending(); // with the mutex held

  llvm::raw_ostream &err;
  bool verbose;
  std::mutex mutex; // passes may run on several threads
  unsigned count = 0;
  std::vector<std::string> pending; // errors from MLIR, in their order
};

/// Where a location is, for a reader of the model: the name of its ONNX node, or file and line.
/// Empty when it says nothing.
std::string describe(mlir::Location location);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_DIAGNOSTICS_H
