// The phases of a compilation.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_PHASE_H
#define BLUEC_COMPILER_DRIVER_SESSION_PHASE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace bluec {

/// In the order in which they run.
enum class Phase { Import, Model, Precision, Schedule, Kernels, Object, Bundle };

struct PhaseInfo {
  Phase phase;
  llvm::StringRef name; // on the command line and in the names of dumps
  llvm::StringRef help; // one line
};

/// All phases, in order.
llvm::ArrayRef<PhaseInfo> allPhases();
const PhaseInfo &infoOf(Phase phase);
std::optional<Phase> parsePhase(llvm::StringRef name);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_PHASE_H
