// A target that runs nowhere: the one to clone for a new target, and the proof that nothing above
// the targets' own folders counts on one of them. It is not listed.
#ifndef BLUEC_TARGETS_NULL_NULL_TARGET_H
#define BLUEC_TARGETS_NULL_NULL_TARGET_H

#include "targets/interface/Target.h"

namespace bluec::targets {

void addNullTarget(TargetRegistry &registry);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_NULL_NULL_TARGET_H
