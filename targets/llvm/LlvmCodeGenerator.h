// From kernels and entry functions to LLVM IR and object code: the same for all targets of LLVM.
#ifndef BLUEC_TARGETS_LLVM_LLVM_CODE_GENERATOR_H
#define BLUEC_TARGETS_LLVM_LLVM_CODE_GENERATOR_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// What LLVM is to compile for.
struct CodegenOptions {
  std::string triple;
  std::string cpu;
  std::string features;   // comma-separated, each with + or -
  std::string tuneCpu;    // that instructions are scheduled for; empty: `cpu`
  int64_t vectorBits = 0; // kernels use vectors of that width; LLVM must not split them
};

/// Forms: "obj", a relocatable object that exports BLUEC_MODEL_SYMBOL, and "llvm", the same as
/// LLVM's IR. An object that needs a symbol from outside, or exports another than the model's, is
/// an error: it would be a kernel that calls a library.
class LlvmCodeGenerator : public CodeGenerator {
public:
  /// `initialize` makes LLVM's back end for the triple known; it may be called more than once.
  LlvmCodeGenerator(CodegenOptions options, void (*initialize)())
      : options(std::move(options)), initialize(initialize) {}

  llvm::ArrayRef<llvm::StringRef> forms() const override;
  mlir::FailureOr<std::vector<CodeFile>> generate(mlir::ModuleOp module,
                                                  llvm::StringRef form) const override;

private:
  CodegenOptions options;
  void (*initialize)();
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_LLVM_LLVM_CODE_GENERATOR_H
