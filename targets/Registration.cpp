#include "targets/Registration.h"

#include "targets/aarch64/Aarch64.h"
#include "targets/cpp/CppTarget.h"
#include "targets/null/NullTarget.h"
#include "targets/x86_64/X86.h"

const bluec::targets::TargetRegistry &bluec::targets::allTargets() {
  static const TargetRegistry registry = [] {
    TargetRegistry made;
    // The host is the last one that runs here: native code comes behind what a compiler makes.
    addCppTarget(made);
    addX86Targets(made);
    addAarch64Targets(made);
    addNullTarget(made);
    return made;
  }();
  return registry;
}
