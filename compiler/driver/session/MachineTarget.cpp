#include "compiler/driver/session/MachineTarget.h"

#include "compiler/dialect/plan/Plan.h"
#include "targets/Registration.h"

using namespace bluec;

llvm::Expected<const targets::Target *> bluec::targetOf(const Machine &machine) {
  const auto *name = std::get_if<std::string>(&machine.target);
  if (!name)
    return nullptr;
  if (const targets::Target *target = targets::allTargets().named(*name))
    return target;
  return llvm::createStringError(machine.name + ": machine.target: expected facts or one of " +
                                 targets::allTargets().names() + ", found '" + *name + "'");
}

llvm::Expected<plan::TargetAttr> bluec::targetFactsOf(const Machine &machine,
                                                      mlir::MLIRContext *context) {
  llvm::Expected<const targets::Target *> target = targetOf(machine);
  if (!target)
    return target.takeError();
  return *target ? (*target)->facts(context)
                 : std::get<TargetFacts>(machine.target).attribute(context, machine.name);
}
