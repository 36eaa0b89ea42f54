// Bundles whose code is for other machines, opened here all the same: an emulator runs it.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H
#define BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H

#include "runtime/device/Device.h"
#include "runtime/emulate/EmulatedProcess.h"
#include "targets/interface/Target.h"

#include "llvm/Support/Error.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bluec {

/// Success if bundles of that target can be run here, in this process or by an emulator; else what
/// is missing.
llvm::Error checkRunsHere(const targets::Target &target);

/// To be put into runtime::OpenOptions. A target's runner says what runs its code; the server
/// comes with bluec (SharedFiles.h).
class Emulation : public runtime::DeviceSource {
public:
  /// `threads` of a process: 0: one for each CPU.
  explicit Emulation(int threads = 0) : threads(threads) {}

  runtime::Result<std::unique_ptr<runtime::Device>> open(const runtime::CodeTarget &target,
                                                         const std::string &where) override;

  /// The commands of the emulators that run code of what was opened, in no order.
  std::vector<std::string> used() const;

private:
  int threads;
  /// By their commands. What a bundle has been opened with stays for the next one.
  std::map<std::vector<std::string>, std::shared_ptr<runtime::EmulatedProcess>> processes;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_EMULATION_H
