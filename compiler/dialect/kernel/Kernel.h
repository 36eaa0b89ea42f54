// The `kernel` dialect; its purpose is in README.md beside this file.
#ifndef BLUEC_COMPILER_DIALECT_KERNEL_KERNEL_H
#define BLUEC_COMPILER_DIALECT_KERNEL_KERNEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/dialect/kernel/KernelDialect.h.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/kernel/KernelOps.h.inc"

namespace bluec::kernel {

/// On the function of a kernel: what it computes, the ops of its step a line each, with the types
/// and layouts of what they take and give (a string, for readers).
inline constexpr llvm::StringLiteral kComputesAttr = "kernel.computes";

} // namespace bluec::kernel

#endif // BLUEC_COMPILER_DIALECT_KERNEL_KERNEL_H
