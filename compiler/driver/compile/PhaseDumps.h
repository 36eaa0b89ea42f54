// --dump-phases-to: what each phase made, as text that bluec-opt reads.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_PHASEDUMPS_H
#define BLUEC_COMPILER_DRIVER_COMPILE_PHASEDUMPS_H

#include "compiler/driver/session/Phase.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace bluec {

/// Writes files such as `4-schedule.mlir` into one directory, which is made if need be. Weights and
/// large constants are left out; locations are kept. A comment at the top says in short what was
/// decided (see dumpHeader).
class PhaseDumps {
public:
  /// An empty directory means no dumps.
  explicit PhaseDumps(std::string directory) : directory(std::move(directory)) {}

  bool enabled() const { return !directory.empty(); }
  /// `section`: of code, where there are several; `5-kernels.npu.mlir`.
  llvm::Error write(Phase phase, mlir::ModuleOp module, llvm::StringRef section = "");
  /// For phases whose result is no MLIR: `suffix` such as ".ll".
  llvm::Error writeText(Phase phase, llvm::StringRef suffix, llvm::StringRef text);

private:
  std::string directory;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_PHASEDUMPS_H
