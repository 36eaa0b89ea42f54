// Calls of LLVM's intrinsics, for the lowerings of instruction sets.
#ifndef BLUEC_TARGETS_LLVM_INTRINSICS_H
#define BLUEC_TARGETS_LLVM_INTRINSICS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace bluec::targets {

/// The result of the intrinsic of that name ("llvm.aarch64.neon.sdot.v4i32.v16i8").
inline mlir::Value callIntrinsic(mlir::ImplicitLocOpBuilder &b, mlir::Type result,
                                 llvm::StringRef name, mlir::ValueRange arguments) {
  return mlir::LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name), arguments)
      .getResult(0);
}

} // namespace bluec::targets

#endif // BLUEC_TARGETS_LLVM_INTRINSICS_H
