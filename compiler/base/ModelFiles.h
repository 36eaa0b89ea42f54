// The files of one model directory, mapped at first use.
#ifndef BLUEC_COMPILER_BASE_MODELFILES_H
#define BLUEC_COMPILER_BASE_MODELFILES_H

#include "compiler/base/MappedFile.h"

#include <map>
#include <mutex>

namespace bluec {

/// Names are relative to the directory and may come from a model file; see resolveInside. Files
/// stay mapped as long as the object lives. May be used by several threads.
class ModelFiles {
public:
  explicit ModelFiles(std::string directory) : root(std::move(directory)) {}

  const std::string &directory() const { return root; }
  /// All bytes of a file. The error is one line without the file's name.
  llvm::Expected<llvm::ArrayRef<char>> bytes(llvm::StringRef name);
  /// Lets `contents`, which have to outlive the object, stand for the file `name`.
  void provide(llvm::StringRef name, llvm::ArrayRef<char> contents);
  /// Lets pages that lie wholly within `part` of a file leave memory; a later read brings them
  /// back. Does nothing for contents that were provided.
  void release(llvm::StringRef name, llvm::ArrayRef<char> part);
  /// An error, with the file's name, when somebody has written to one of the files.
  llvm::Error checkUnchanged();

private:
  std::string root;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<MappedFile>, std::less<>> files;
  std::map<std::string, llvm::ArrayRef<char>, std::less<>> provided;
};

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_MODELFILES_H
