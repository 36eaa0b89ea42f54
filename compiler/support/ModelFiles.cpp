#include "compiler/support/ModelFiles.h"

using namespace bluec;

llvm::Expected<llvm::ArrayRef<char>> ModelFiles::bytes(llvm::StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  if (auto given = provided.find(std::string_view(name)); given != provided.end())
    return given->second;
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

void ModelFiles::provide(llvm::StringRef name, llvm::ArrayRef<char> contents) {
  std::lock_guard<std::mutex> lock(mutex);
  provided[name.str()] = contents;
}
