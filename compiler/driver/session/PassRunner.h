// Runs pass pipelines with the instrumentation that the command line asks for.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_PASSRUNNER_H
#define BLUEC_COMPILER_DRIVER_SESSION_PASSRUNNER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace bluec {

/// Options such as --mlir-print-ir-after and --mlir-timing become known to LLVM's command line, for
/// `bluec` as for `bluec-opt`. Once, before they are parsed.
void registerInstrumentationOptions();

/// Applies those options to every pipeline that it runs. The timing report comes at the end of its
/// life, if it was asked for.
class PassRunner {
public:
  PassRunner();

  mlir::LogicalResult run(mlir::ModuleOp module, llvm::StringRef name,
                          llvm::function_ref<void(mlir::OpPassManager &)> build);

private:
  mlir::DefaultTimingManager timing;
  mlir::TimingScope root;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_PASSRUNNER_H
