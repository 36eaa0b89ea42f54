#include "targets/Registration.h"

#include "targets/aarch64/Aarch64.h"
#include "targets/cpp/CppTarget.h"
#include "targets/null/NullTarget.h"
#include "targets/x86_64/X86.h"

const bluec::targets::TargetRegistry &bluec::targets::allTargets() {
  static const TargetRegistry registry = [] {
    TargetRegistry made;
    addX86Targets(made);
    addAarch64Targets(made);
    addCppTarget(made);
    addNullTarget(made);
    return made;
  }();
  return registry;
}
