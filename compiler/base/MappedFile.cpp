#include "compiler/base/MappedFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error fault(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<std::unique_ptr<bluec::MappedFile>>
bluec::MappedFile::open(const std::string &filePath) {
  // The kind is asked before the file is opened: opening a FIFO would wait for a writer.
  fs::file_status status;
  if (std::error_code code = fs::status(filePath, status))
    return fault(code == std::errc::no_such_file_or_directory ? "not found" : code.message());
  if (status.type() != fs::file_type::regular_file)
    return fault("not a regular file");
  llvm::Expected<fs::file_t> handle = fs::openNativeFileForRead(filePath);
  if (!handle)
    return handle.takeError();
  auto close = llvm::scope_exit([&] { fs::closeFile(*handle); });
  if (std::error_code code = fs::status(*handle, status))
    return fault(code.message());
  auto file = std::make_unique<MappedFile>();
  file->path = filePath;
  file->opened = status;
  file->size = status.getSize();
  if (file->size == 0)
    return file; // nothing to map
  std::error_code code;
  file->region =
      fs::mapped_file_region(*handle, fs::mapped_file_region::readonly, file->size, 0, code);
  if (code)
    return fault(code.message());
  file->guard.emplace(file->bytes(), filePath);
  return file;
}

llvm::Error bluec::MappedFile::checkUnchanged() const {
  fs::file_status now;
  if (fs::status(path, now) || now.getUniqueID() != opened.getUniqueID() ||
      (now.getSize() == opened.getSize() &&
       now.getLastModificationTime() == opened.getLastModificationTime()))
    return llvm::Error::success();
  return fault("expected a file that stays as it is, found one that was written to while it was "
               "read");
}

/// The folder whose files links of a directory may lead to: `models--x--y/blobs` of
/// `models--x--y/snapshots/REVISION`, as Hugging Face's cache has it. Empty for any other
/// directory.
static std::string blobsBeside(llvm::StringRef root) {
  llvm::StringRef snapshots = path::parent_path(root), model = path::parent_path(snapshots);
  if (path::filename(snapshots) != "snapshots" || !path::filename(model).starts_with("models--"))
    return "";
  return (model + "/blobs/").str();
}

llvm::Expected<std::string> bluec::resolveInside(const std::string &directory,
                                                 llvm::StringRef name) {
  if (name.empty() || name.contains('\0'))
    return fault("expected a file name");
  if (path::is_absolute(name, path::Style::posix) ||
      path::is_absolute(name, path::Style::windows) || name.starts_with("\\"))
    return fault("expected a path relative to the model directory, found an absolute one");
  for (llvm::StringRef part :
       llvm::make_range(path::begin(name, path::Style::windows), path::end(name)))
    if (part == "..")
      return fault("expected a path inside the model directory, found '..'");
  llvm::SmallString<256> root, file, joined(directory);
  path::append(joined, name);
  if (std::error_code code = fs::real_path(directory, root))
    return fault(code.message());
  if (std::error_code code = fs::real_path(joined, file))
    return fault(code == std::errc::no_such_file_or_directory ? "not found" : code.message());
  std::string blobs = blobsBeside(root);
  bool isBlob = !blobs.empty() && llvm::StringRef(file).starts_with(blobs);
  if (!isBlob && !llvm::StringRef(file).starts_with((root + "/").str()))
    return fault("expected a file inside the model directory, found a symbolic link out of it");
  return std::string(file);
}
