// What bluec needs to know of a target, and what a target does: from a schedule to files that run.
//
//   plan (steps) --buildKernelPipeline, lower-entries--> kernels, entry functions, abi.model
//                --CodeGenerator--> code --Packager--> what a bundle holds --Runner--> answers
//
// Adding a target touches its own folder and the one list in targets/Registration.cpp only; tests
// of one that an emulator runs need its compiler too (README.md).
#ifndef BLUEC_TARGETS_INTERFACE_TARGET_H
#define BLUEC_TARGETS_INTERFACE_TARGET_H

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bluec::targets {

/// A file that a code generator makes.
struct CodeFile {
  std::string name; // as in a bundle: "model.o"
  llvm::SmallVector<char, 0> bytes;
};

/// From IR to code.
class CodeGenerator {
public:
  virtual ~CodeGenerator() = default;

  /// The forms of code that it makes, by their names on the command line (`--emit`): "obj", "llvm".
  virtual llvm::ArrayRef<llvm::StringRef> forms() const = 0;

  /// Whether it writes kernel.dot itself; else there is none left for it.
  virtual bool writesDots() const { return false; }

  /// Makes one of the forms.
  /// Before: the kernels phase has run: an abi.model and the functions that it names, in func, scf,
  /// memref, vector, arith, math and what the target's own passes have made. The module is left as
  /// it is.
  /// After: files; the same module gives the same bytes. Errors stand on the module or one of its
  /// ops.
  virtual mlir::FailureOr<std::vector<CodeFile>> generate(mlir::ModuleOp module,
                                                          llvm::StringRef form) const = 0;
};

/// From code to the file of a bundle that holds it.
class Packager {
public:
  virtual ~Packager() = default;

  /// The form of code that it takes: one of the target's code generator.
  virtual llvm::StringRef form() const = 0;
  /// The file that it makes, as in a bundle: "model.so".
  virtual llvm::StringRef fileName() const = 0;
  /// How the runtime loads it: one of its loaders (runtime/device/CodeLoader.h), "shared-library".
  virtual llvm::StringRef loader() const = 0;

  /// Fails with one line in `error` when something that it needs is missing on this machine.
  virtual llvm::LogicalResult check(std::string &error) const { return llvm::success(); }

  /// Makes the file at `outPath` of the code files at `paths`. Fails with one line in `error`.
  virtual llvm::LogicalResult package(llvm::ArrayRef<std::string> paths, llvm::StringRef outPath,
                                      std::string &error) const = 0;

  virtual bool makesPrograms() const { return false; }
  /// Makes the program at `outPath` of the code files at `paths` and of `rest`, an object that has
  /// all else: main(), the runtime and the system's libraries. Fails with one line in `error`.
  virtual llvm::LogicalResult makeProgram(llvm::ArrayRef<std::string> paths, llvm::StringRef rest,
                                          llvm::StringRef outPath, std::string &error) const {
    error = "internal error: expected a packager that makes programs, found another one";
    return llvm::failure();
  }
};

/// How code of a target is run on the machine that this process runs on.
struct Runner {
  /// An emulator with its arguments, which runs executables of the target; empty: the code is
  /// loaded into this process.
  std::vector<std::string> command;

  bool isInProcess() const { return command.empty(); }
};

class Target {
public:
  virtual ~Target() = default;

  /// The name on the command line.
  virtual llvm::StringRef name() const = 0;
  /// One line for `list-targets`.
  virtual llvm::StringRef description() const = 0;
  /// The triple of the code, and the CPU features that it needs, by LLVM's names, with commas
  /// between them.
  virtual llvm::StringRef triple() const = 0;
  virtual llvm::StringRef features() const = 0;

  /// The attribute that stands on the module as `plan.target` from the precision phase on.
  virtual plan::TargetAttr facts(mlir::MLIRContext *context) const = 0;

  /// True if kernels may have operands with elements of that type: f32, f16, i32, or the integers
  /// that quantized tensors store. Most targets have them all.
  virtual bool supports(mlir::Type element) const { return true; }

  /// Passes that replace ops of `kernel` by instructions of the target; the others are expanded.
  /// Before: func.func of scf, memref, vector, arith, math and kernel. After: the same with the
  /// target's own ops, or calls of LLVM's intrinsics, in place of some. Bits stay the same.
  virtual void addLoweringPasses(mlir::OpPassManager &passes) const {}

  virtual const CodeGenerator &codeGenerator() const = 0;
  virtual const Packager &packager() const = 0;

  /// What runs its code: one of the runtime's kinds of devices (runtime/device/Device.h).
  virtual llvm::StringRef runsOn() const { return "cpu"; }

  /// Whether "host" may be it: a target for want of a better one is asked for by name.
  virtual bool canBeHost() const { return true; }

  /// Nullopt when nothing here runs the code.
  virtual std::optional<Runner> runner() const { return std::nullopt; }
  bool runsInProcess() const {
    std::optional<Runner> found = runner();
    return found && found->isInProcess();
  }
  bool canBeHostHere() const { return canBeHost() && runsInProcess(); }
};

/// The environment variable that says what "host" is, for tests: the name of a target.
inline constexpr const char *kHostVariable = "BLUEC_HOST";

/// All targets, in the order in which `list-targets` shows them.
class TargetRegistry {
public:
  void add(std::unique_ptr<Target> target) { targets.push_back(std::move(target)); }
  /// A target that is found by its name but never listed, and never the host.
  void addUnlisted(std::unique_ptr<Target> target) { unlisted.push_back(std::move(target)); }

  llvm::ArrayRef<std::unique_ptr<Target>> all() const { return targets; }

  /// The target of that name; "host" and "native" stand for host(). Null with one line in `error`
  /// when there is none.
  const Target *find(llvm::StringRef name, std::string &error) const;

  /// The target that has this name itself, or null: what does not depend on the machine that bluec
  /// runs on asks so.
  const Target *named(llvm::StringRef name) const;

  /// The last target in the list that may be it and runs on this machine, or the one that
  /// kHostVariable names, which has to run here, too. Null with one line in `error` when there is
  /// none.
  const Target *host(std::string &error) const;

  /// The first target in the list that may be the host here: one that all machines of the kind
  /// run. Null when there is none.
  const Target *baseline() const;

  /// The first target in the list whose code generator makes that form, or null.
  const Target *withForm(llvm::StringRef form) const;

  /// The names of all, with commas between them.
  std::string names() const;

private:
  std::vector<std::unique_ptr<Target>> targets, unlisted;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_INTERFACE_TARGET_H
