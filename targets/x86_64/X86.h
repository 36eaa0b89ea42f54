// The x86-64 targets: AVX2 with FMA (x86-64-v3), that with AVX-VNNI (x86-64-v3-vnni), and AVX-512
// (x86-64-v4).
#ifndef BLUEC_TARGETS_X86_64_X86_H
#define BLUEC_TARGETS_X86_64_X86_H

#include "targets/interface/Target.h"

namespace bluec::targets {

void addX86Targets(TargetRegistry &registry);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_X86_64_X86_H
