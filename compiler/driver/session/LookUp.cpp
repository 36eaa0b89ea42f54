#include "compiler/driver/session/LookUp.h"

#include "targets/Registration.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace bluec;

template <typename Shipped>
static LogicalResult noSuch(StringRef option, ArrayRef<Shipped> shipped, StringRef found,
                            Diagnostics &diagnostics) {
  auto names = llvm::map_range(shipped, [](const Shipped &one) { return StringRef(one.name); });
  return diagnostics.usageError(option + ": expected " + llvm::join(names, ", ") +
                                " or a file, found '" + found + "'");
}

template <typename T>
static FailureOr<T> loaded(llvm::Expected<T> found, Diagnostics &diagnostics) {
  if (!found)
    return diagnostics.report(found.takeError());
  return std::move(*found);
}

FailureOr<Recipe> bluec::lookUpRecipe(StringRef name, Diagnostics &diagnostics) {
  if (!recipeExists(name))
    return noSuch("--recipe", shippedRecipes(), name, diagnostics);
  return loaded(Recipe::load(name), diagnostics);
}

FailureOr<Machine> bluec::lookUpMachine(StringRef name, Diagnostics &diagnostics) {
  if (!machineExists(name))
    return noSuch("--machine", shippedMachines(), name, diagnostics);
  return loaded(Machine::load(name), diagnostics);
}

const targets::Target *bluec::lookUpTarget(StringRef name, Diagnostics &diagnostics) {
  std::string why;
  const targets::Target *target = targets::allTargets().find(name, why);
  if (!target)
    (void)diagnostics.usageError(why);
  return target;
}
