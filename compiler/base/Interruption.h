// What still happens when a signal ends the process.
//
// Handlers only write a byte to a pipe. A thread that reads it does the rest, so nothing here
// depends on what the interrupted thread was doing: it may have been inside malloc.
#ifndef BLUEC_COMPILER_BASE_INTERRUPTION_H
#define BLUEC_COMPILER_BASE_INTERRUPTION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <system_error>

namespace bluec {

/// A directory that goes when SIGINT, SIGTERM or SIGHUP ends the process, whose exit code is then
/// 128 + the signal's number. Signals that the process ignores stay ignored.
class RemovedOnSignal {
public:
  explicit RemovedOnSignal(std::string directory);
  /// Makes the directory, with the permissions that the umask leaves: no signal comes between that
  /// and this. With an error in `code` nothing was made, and what is there stays.
  RemovedOnSignal(std::string directory, std::error_code &code);
  ~RemovedOnSignal();
  RemovedOnSignal(const RemovedOnSignal &) = delete;
  RemovedOnSignal &operator=(const RemovedOnSignal &) = delete;

private:
  std::string directory;
};

/// While it lives, a read of mapped `bytes` that their file does not have any more ends the process
/// with exit code 1 and one line with the file's name, not by SIGBUS.
class GuardedMapping {
public:
  GuardedMapping(llvm::ArrayRef<char> bytes, llvm::StringRef name);
  ~GuardedMapping();
  GuardedMapping(const GuardedMapping &) = delete;
  GuardedMapping &operator=(const GuardedMapping &) = delete;

private:
  int slot; // of the table of mappings; -1 when it is full
};

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_INTERRUPTION_H
