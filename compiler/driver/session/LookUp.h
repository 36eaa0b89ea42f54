// What the command line names: recipes, machines, targets. A name that there is not is the command
// line's fault; a file with something else in it is the input's.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_LOOKUP_H
#define BLUEC_COMPILER_DRIVER_SESSION_LOOKUP_H

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/machine/Machine.h"
#include "compiler/recipe/Recipe.h"
#include "targets/interface/Target.h"

namespace bluec {

/// `--recipe`: a shipped one, a file, or a recipe itself.
mlir::FailureOr<Recipe> lookUpRecipe(llvm::StringRef name, Diagnostics &diagnostics);
/// `--machine`: a shipped one, a file, or a description itself.
mlir::FailureOr<Machine> lookUpMachine(llvm::StringRef name, Diagnostics &diagnostics);
/// `--target`. Null on failure.
const targets::Target *lookUpTarget(llvm::StringRef name, Diagnostics &diagnostics);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_LOOKUP_H
