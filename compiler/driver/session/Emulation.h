// Bundles whose code is for other machines, opened here all the same: an emulator runs it.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H
#define BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H

#include "runtime/device/Device.h"
#include "runtime/emulate/EmulatedProcess.h"
#include "targets/interface/Target.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>

namespace bluec {

/// Success if bundles with code for these targets, at least one, can be run here: in this process,
/// or all of it by one emulator, which is started to see that it does. Else what is in the way.
llvm::Error checkRunsHere(llvm::ArrayRef<const targets::Target *> targets);

/// To be put into runtime::OpenOptions of one bundle. A target's runner says what runs its code;
/// the server comes with bluec (SharedFiles.h).
class Emulation : public runtime::DeviceSource {
public:
  /// `threads` of a process: 0: one for each CPU.
  explicit Emulation(int threads = 0) : threads(threads) {}

  runtime::Result<std::unique_ptr<runtime::Device>> open(const runtime::CodeTarget &target,
                                                         const std::string &where) override;

  /// The command of the emulator that runs the code of what was opened; empty: none does.
  std::string command() const;

private:
  int threads;
  /// What runs the code that was opened first. Devices of one process see each other's memory, so
  /// it has to be that for all of the bundle.
  std::optional<targets::Runner> runner;
  std::shared_ptr<runtime::EmulatedProcess> process;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H
