// The ops of entry functions as LLVM: what they do with struct bluec_call.
#ifndef BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_ABI_TO_LLVM_H
#define BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_ABI_TO_LLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace bluec::kernels {

/// True for the functions of entry points, false for kernels.
bool takesCall(mlir::func::FuncOp function);

/// Adds llvm.func @run_steps(call, function, tasks, first, end), which holds the loop of abi.run,
/// before the first function that takes a call; nothing in a module without any.
void addRunSteps(mlir::ModuleOp module);

/// Adds the conversion of !abi.call to a pointer, and patterns for abi.buffer, abi.count,
/// abi.position and abi.run, which calls @run_steps.
void populateAbiToLlvmPatterns(mlir::LLVMTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_KERNELS_TO_LLVM_ABI_TO_LLVM_H
