// What a plan's devices are compiled to: a code section for each of their targets.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_CODESECTIONS_H
#define BLUEC_COMPILER_DRIVER_COMPILE_CODESECTIONS_H

#include "compiler/driver/bundle/Manifest.h"
#include "targets/interface/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace bluec {

/// The entries of all devices that have one target. They share kernels, so they share a file.
struct CodeSection {
  const targets::Target *target = nullptr;
  std::vector<std::string> devices; // in the order of their entries
  /// What tells its files from those of other sections: empty for the first, else its first device.
  std::string name;
  /// Its part of the plan, and what that becomes; null while there is one section: the plan itself.
  mlir::OwningOpRef<mlir::ModuleOp> part;
  std::vector<std::string> files; // in the bundle, until they are packaged

  /// "model.so" or "model.npu.so".
  std::string fileName(llvm::StringRef file) const;
};

/// The sections of a plan, that of `target`, the module's, first; a target that no entry is for has
/// none. The others are looked up by name.
std::vector<CodeSection> sectionsOf(mlir::ModuleOp plan, const targets::Target &target);

/// As the manifest has it: for each device of a section what it runs on, by which loader `code` is
/// loaded, and, where it is another one than the bundle's, its target. Linked code has no file:
/// `code` is empty.
Json describeDevices(mlir::ModuleOp plan, const CodeSection &section, llvm::StringRef code,
                     llvm::StringRef loader);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_CODESECTIONS_H
