#include "compiler/support/ModelFiles.h"

using namespace bluec;

llvm::Expected<llvm::ArrayRef<char>> ModelFiles::bytes(llvm::StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  auto known = files.find(std::string_view(name));
  if (known != files.end())
    return known->second->bytes();
  llvm::Expected<std::string> path = resolveInside(root, name);
  if (!path)
    return path.takeError();
  llvm::Expected<std::unique_ptr<MappedFile>> file = MappedFile::open(*path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<char> bytes = (*file)->bytes();
  files.emplace(name.str(), std::move(*file));
  return bytes;
}
