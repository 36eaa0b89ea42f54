#include "targets/Registration.h"

#include "targets/cpu/X86.h"

const bluec::targets::TargetRegistry &bluec::targets::allTargets() {
  static const TargetRegistry registry = [] {
    TargetRegistry made;
    addX86Targets(made);
    return made;
  }();
  return registry;
}
