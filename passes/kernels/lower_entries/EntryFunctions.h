// The functions of an entry point.
#ifndef BLUEC_PASSES_KERNELS_LOWER_ENTRIES_ENTRY_FUNCTIONS_H
#define BLUEC_PASSES_KERNELS_LOWER_ENTRIES_ENTRY_FUNCTIONS_H

#include "compiler/dialect/plan/Addresses.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bluec::kernels {

struct EntryFunctions {
  mlir::func::FuncOp run;
  llvm::SmallVector<mlir::func::FuncOp> steps; // one for each launch
};

/// Appends them to the module. Fails with an error at the launch whose offsets or kernel are
/// missing.
mlir::FailureOr<EntryFunctions> makeEntryFunctions(plan::EntryOp entry,
                                                   const mlir::SymbolTable &symbols);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_LOWER_ENTRIES_ENTRY_FUNCTIONS_H
