// The target that a machine description names.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_MACHINETARGET_H
#define BLUEC_COMPILER_DRIVER_SESSION_MACHINETARGET_H

#include "compiler/machine/Machine.h"
#include "targets/interface/Target.h"

namespace bluec {

/// One of bluec's targets, or null for a machine that states facts. The machine that bluec runs on
/// is never asked, so "host" is no name here. Errors are one line.
llvm::Expected<const targets::Target *> targetOf(const Machine &machine);

/// What plans for the machine are laid out by.
llvm::Expected<plan::TargetAttr> targetFactsOf(const Machine &machine, mlir::MLIRContext *context);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_MACHINETARGET_H
