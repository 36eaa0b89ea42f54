// A directory in the making beside the place where it will be.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_STAGINGDIRECTORY_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_STAGINGDIRECTORY_H

#include "compiler/base/Interruption.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>

namespace bluec {

/// `.bluec-staging-` and eight digits in `parent`, with the permissions that the umask leaves. It
/// is removed when the object goes or a signal ends the process. What processes left behind that
/// were killed is removed by the next one: as long as a process lives it holds a lock on its own.
class StagingDirectory {
public:
  /// `parent` is a directory.
  static llvm::Expected<std::unique_ptr<StagingDirectory>> create(llvm::StringRef parent);
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory &) = delete;
  StagingDirectory &operator=(const StagingDirectory &) = delete;

  const std::string &path() const { return place; }

  /// Makes it `output`, which is not there or a directory that it takes the place of: at every
  /// moment one of the two is there, where the file system can exchange names.
  llvm::Error moveTo(llvm::StringRef output);

private:
  /// Makes `wanted`, or says in `code` why not.
  StagingDirectory(std::string wanted, std::error_code &code);

  std::string place;
  int lock = -1; // descriptor of the directory
  std::optional<RemovedOnSignal> removed;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_STAGINGDIRECTORY_H
