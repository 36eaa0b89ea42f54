// Read-only views of files that a model package names.
#ifndef BLUEC_COMPILER_BASE_MAPPEDFILE_H
#define BLUEC_COMPILER_BASE_MAPPEDFILE_H

#include "compiler/base/Interruption.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bluec {

/// A regular file, mapped read-only. Errors are one line without the path: "not found",
/// "not a regular file", ... Reading what somebody has cut off ends the process; see
/// GuardedMapping.
class MappedFile {
public:
  static llvm::Expected<std::unique_ptr<MappedFile>> open(const std::string &path);

  /// All bytes of the file; valid as long as the object lives.
  llvm::ArrayRef<char> bytes() const { return {region.const_data(), size}; }

  /// An error when somebody has written to the file since it was opened, so that what was read may
  /// be of two files. A new file in its place is none: the old one stays mapped.
  llvm::Error checkUnchanged() const;

private:
  std::string path;
  llvm::sys::fs::file_status opened; // as the file was
  llvm::sys::fs::mapped_file_region region;
  std::optional<GuardedMapping> guard;
  size_t size = 0;
};

/// The real path of `name`, a file inside `directory`. `name` comes from a model file and may be
/// hostile: it has to be relative, must not contain "..", and neither it nor a symbolic link on the
/// way may lead out of the directory. A snapshot in Hugging Face's cache
/// (models--x--y/snapshots/REVISION) is one directory with the blobs of its model, to which its
/// files are links; what lies there is of the same model, so no flag has to say that they may be
/// followed.
llvm::Expected<std::string> resolveInside(const std::string &directory, llvm::StringRef name);

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_MAPPEDFILE_H
