// C++17 source: for every toolchain that has no target of its own here.
#ifndef BLUEC_TARGETS_CPP_CPP_TARGET_H
#define BLUEC_TARGETS_CPP_CPP_TARGET_H

#include "targets/interface/Target.h"

namespace bluec::targets {

void addCppTarget(TargetRegistry &registry);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_CPP_TARGET_H
