// C++17 source of a model's kernels, entry functions and descriptor.
#ifndef BLUEC_TARGETS_CPP_CPP_GENERATOR_H
#define BLUEC_TARGETS_CPP_CPP_GENERATOR_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// Makes the form "cpp": a file a kernel, `entries.cpp`, `model.cpp` with the descriptor, and the
/// headers that they need. Each compiles alone, with these beside it and nothing else.
class CppGenerator : public CodeGenerator {
public:
  llvm::ArrayRef<llvm::StringRef> forms() const override;
  bool writesDots() const override { return true; }
  mlir::FailureOr<std::vector<CodeFile>> generate(mlir::ModuleOp module,
                                                  llvm::StringRef form) const override;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_CPP_GENERATOR_H
