#include "compiler/base/ModelFiles.h"

#include <sys/mman.h>
#include <unistd.h>

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

void ModelFiles::release(llvm::StringRef name, llvm::ArrayRef<char> part) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (provided.find(std::string_view(name)) != provided.end())
      return;
  }
  auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<uintptr_t>(part.data()), end = begin + part.size();
  begin = (begin + page - 1) / page * page;
  end = end / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

llvm::Error ModelFiles::checkUnchanged() {
  std::lock_guard<std::mutex> lock(mutex);
  for (const auto &[name, file] : files)
    if (llvm::Error changed = file->checkUnchanged())
      return llvm::createStringError(name + ": " + llvm::toString(std::move(changed)));
  return llvm::Error::success();
}
