// The one place that knows every target.
#ifndef BLUEC_TARGETS_REGISTRATION_H
#define BLUEC_TARGETS_REGISTRATION_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// All of bluec's targets.
const TargetRegistry &allTargets();

} // namespace bluec::targets

#endif // BLUEC_TARGETS_REGISTRATION_H
