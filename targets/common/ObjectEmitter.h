// From kernels to object code with LLVM: what all targets that LLVM compiles for share.
#ifndef BLUEC_TARGETS_COMMON_OBJECT_EMITTER_H
#define BLUEC_TARGETS_COMMON_OBJECT_EMITTER_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// What LLVM is to compile for.
struct CodegenOptions {
  std::string triple;
  std::string cpu;
  std::string features;   // comma-separated, each with + or -
  int64_t vectorBits = 0; // kernels use vectors of that width; LLVM must not split them
};

/// As Target::emitLlvm.
llvm::LogicalResult emitLlvmText(mlir::ModuleOp module, const ModelInfo &info, const Target &target,
                                 const CodegenOptions &options, llvm::raw_ostream &out);

/// As Target::emitObject. An object that needs a symbol from outside, or exports another than the
/// model's, is an error: it would be a kernel that calls a library.
llvm::LogicalResult emitObjectCode(mlir::ModuleOp module, const ModelInfo &info,
                                   const Target &target, const CodegenOptions &options,
                                   llvm::raw_pwrite_stream &out);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_COMMON_OBJECT_EMITTER_H
