// What bluec needs to know of a target, and what a target does: from a schedule to object code.
//
//   plan (steps) --addKernelPasses--> plan (launches) + kernels --emitLlvm, emitObject--> code
//
// Adding a target touches its own folder and the one list in targets/Registration.cpp only.
#ifndef BLUEC_TARGETS_INTERFACE_TARGET_H
#define BLUEC_TARGETS_INTERFACE_TARGET_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bluec::targets {

/// What the model's descriptor (struct bluec_model of runtime/abi/bluec_abi.h) says beyond what
/// stands in the plan. Field names are the descriptor's.
struct ModelInfo {
  std::string producer = "bluec"; // with its version
  std::array<uint8_t, 32> weightsSha256{};
  int64_t hidden = 0;
  int64_t vocabulary = 0;
  int64_t tokensPerTile = 0; // 0 without a vision side
  int64_t tileHeight = 0;    // pixels
  int64_t tileWidth = 0;     // pixels
};

class Target {
public:
  virtual ~Target() = default;

  /// The name on the command line, e.g. "x86-64-v4".
  virtual llvm::StringRef name() const = 0;
  /// One line for `list-targets`.
  virtual llvm::StringRef description() const = 0;
  /// LLVM's triple, CPU and comma-separated features of the code (the features without signs).
  virtual llvm::StringRef triple() const = 0;
  virtual llvm::StringRef features() const = 0;
  /// True if code for this target runs on the machine that this process runs on.
  virtual bool runsHere() const = 0;

  /// The attribute that stands on the module as `plan.target` from the schedule phase on.
  virtual plan::TargetAttr facts(mlir::MLIRContext *context) const = 0;

  /// Passes from the schedule to kernels.
  /// Before: plan.entry with plan.step. After: plan.entry with plan.launch, and a func.func of scf,
  /// memref, vector, arith and math for each distinct step.
  virtual void addKernelPasses(mlir::OpPassManager &passes) const = 0;

  /// Writes LLVM IR as text.
  /// Before: what addKernelPasses makes, with offsets of weights, caches, inputs and results
  /// (assign-weights, plan-memory). The module is left as it is.
  virtual llvm::LogicalResult emitLlvm(mlir::ModuleOp module, const ModelInfo &info,
                                       llvm::raw_ostream &out) const = 0;

  /// Writes a relocatable object that exports BLUEC_MODEL_SYMBOL and needs no symbol from outside.
  /// Before: as for emitLlvm. The same module gives the same bytes. Errors stand on the module or
  /// one of its ops.
  virtual llvm::LogicalResult emitObject(mlir::ModuleOp module, const ModelInfo &info,
                                         llvm::raw_pwrite_stream &out) const = 0;

  /// Links an object of emitObject to a shared library at `outPath`. Fails with one line in
  /// `error`.
  virtual llvm::LogicalResult linkShared(llvm::StringRef objectPath, llvm::StringRef outPath,
                                         std::string &error) const = 0;
};

/// The environment variable that says what "host" is, for tests: the name of a target.
inline constexpr const char *kHostVariable = "BLUEC_HOST";

/// All targets, in the order in which `list-targets` shows them.
class TargetRegistry {
public:
  void add(std::unique_ptr<Target> target) { targets.push_back(std::move(target)); }
  llvm::ArrayRef<std::unique_ptr<Target>> all() const { return targets; }

  /// The target of that name; "host" and "native" stand for host(). Null with one line in `error`
  /// when there is none.
  const Target *find(llvm::StringRef name, std::string &error) const;

  /// The target that has this name itself, or null: what does not depend on the machine that bluec
  /// runs on asks so.
  const Target *named(llvm::StringRef name) const;

  /// The last target in the list that runs on this machine, or the one that kHostVariable names,
  /// which has to run here, too. Null with one line in `error` when there is none.
  const Target *host(std::string &error) const;

  /// The names of all, with commas between them.
  std::string names() const;

private:
  std::vector<std::unique_ptr<Target>> targets;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_INTERFACE_TARGET_H
