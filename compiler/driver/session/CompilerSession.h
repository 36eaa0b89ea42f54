// What every command that works on a model sets up.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_COMPILERSESSION_H
#define BLUEC_COMPILER_DRIVER_SESSION_COMPILERSESSION_H

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/session/ModelPackage.h"
#include "compiler/driver/session/PassRunner.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace llvm {
class StdThreadPool;
} // namespace llvm

namespace bluec {

/// A context with all of bluec's dialects, whose errors go to `diagnostics`; one model as IR and
/// data, empty at first; and what passes are run with.
class CompilerSession {
public:
  /// `jobs` threads at most work for the context; 0: one for each CPU.
  explicit CompilerSession(Diagnostics &diagnostics, int jobs = 0);
  ~CompilerSession();

  Diagnostics &diagnostics() { return says; }
  mlir::MLIRContext *context() { return mlirContext.get(); }
  mlir::OwningOpRef<mlir::ModuleOp> &module() { return model; }
  ModelPackage &package() { return data; }
  PassRunner &passes() { return runner; }

  /// Reads the graphs into the module, everything else into the package.
  mlir::LogicalResult read(const PackagePlace &from) {
    return readPackage(from, *model, data, says);
  }
  /// Runs passes on the module, or on a part of it that stands by itself.
  mlir::LogicalResult run(llvm::StringRef name,
                          llvm::function_ref<void(mlir::OpPassManager &)> build) {
    return run(*model, name, build);
  }
  mlir::LogicalResult run(mlir::ModuleOp part, llvm::StringRef name,
                          llvm::function_ref<void(mlir::OpPassManager &)> build);
  /// From now on, the passes that are run so go to `out`, too: a line `name: pipeline`
  /// each, which bluec-opt takes as --pass-pipeline.
  void printPipelines(llvm::raw_ostream &out) { pipelines = &out; }

private:
  Diagnostics &says;
  std::unique_ptr<llvm::StdThreadPool> threads; // null: this one only
  std::unique_ptr<mlir::MLIRContext> mlirContext;
  Diagnostics::Scope handler;
  PassRunner runner;
  mlir::OwningOpRef<mlir::ModuleOp> model;
  ModelPackage data;
  llvm::raw_ostream *pipelines = nullptr;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_COMPILERSESSION_H
