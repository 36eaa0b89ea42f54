// The 64-bit Arm targets: NEON with dot products (aarch64-dotprod).
#ifndef BLUEC_TARGETS_AARCH64_AARCH64_H
#define BLUEC_TARGETS_AARCH64_AARCH64_H

#include "targets/interface/Target.h"

namespace bluec::targets {

void addAarch64Targets(TargetRegistry &registry);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_AARCH64_AARCH64_H
