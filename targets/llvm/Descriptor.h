// The model's descriptor as constants of an LLVM module.
#ifndef BLUEC_TARGETS_LLVM_DESCRIPTOR_H
#define BLUEC_TARGETS_LLVM_DESCRIPTOR_H

#include "compiler/dialect/abi/Abi.h"

namespace llvm {
class Module;
} // namespace llvm

namespace bluec::targets {

/// Adds the constant BLUEC_MODEL_SYMBOL, the only symbol that others see, and the tables that it
/// points to, laid out by the module's data layout: with pointers of 32 bits as with 64. The module
/// has the functions that `model` names.
void addDescriptor(llvm::Module &module, abi::ModelOp model);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_LLVM_DESCRIPTOR_H
