#include "compiler/driver/bundle/StagingDirectory.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Chrono.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace bluec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

constexpr llvm::StringRef kPrefix = ".bluec-staging-", kDigits = "%%%%%%%%";
/// A process needs a moment between making its directory and locking it.
constexpr std::chrono::seconds kSurelyLocked(60);

/// A descriptor of a directory that nobody else holds the lock of; -1: somebody does, or it cannot
/// be opened.
int lockDirectory(const std::string &directory) {
  int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

bool isStagingName(llvm::StringRef name) {
  return name.consume_front(kPrefix) && name.size() == kDigits.size() &&
         llvm::all_of(name, llvm::isHexDigit);
}

/// Removes what killed processes have left in `parent`. What cannot be removed stays.
void sweep(llvm::StringRef parent) {
  std::error_code code;
  for (fs::directory_iterator entry(parent, code, /*follow_symlinks=*/false), end;
       entry != end && !code; entry.increment(code)) {
    fs::file_status status;
    if (!isStagingName(path::filename(entry->path())) ||
        fs::status(entry->path(), status, /*follow=*/false) || status.getUser() != geteuid() ||
        std::chrono::system_clock::now() - status.getLastModificationTime() < kSurelyLocked)
      continue;
    int descriptor = lockDirectory(entry->path());
    if (descriptor < 0)
      continue;
    fs::remove_directories(entry->path());
    close(descriptor);
  }
}

} // namespace

llvm::Expected<std::unique_ptr<StagingDirectory>> StagingDirectory::create(llvm::StringRef parent) {
  sweep(parent);
  constexpr int kTries = 100;
  llvm::SmallString<256> model(parent), place;
  path::append(model, kPrefix + kDigits);
  std::error_code code;
  for (int i = 0; i < kTries; ++i) {
    fs::createUniquePath(model, place, /*MakeAbsolute=*/false);
    std::unique_ptr<StagingDirectory> made(new StagingDirectory(place.str().str(), code));
    if (!code)
      return made;
    if (code != std::errc::file_exists)
      break;
  }
  return llvm::errorCodeToError(code);
}

StagingDirectory::StagingDirectory(std::string wanted, std::error_code &code) {
  removed.emplace(wanted, code);
  if (code)
    return;
  place = std::move(wanted);
  lock = lockDirectory(place);
}

StagingDirectory::~StagingDirectory() {
  if (!place.empty())
    fs::remove_directories(place);
  if (lock >= 0)
    close(lock);
}

llvm::Error StagingDirectory::moveTo(llvm::StringRef output) {
  const std::string to = output.str();
  std::string old;
  if (fs::exists(to)) {
    if (renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
      return llvm::Error::success(); // what was there goes with this object
    // Anything else than a file system without exchange, such as a signal that has removed the
    // directory, leaves the output alone.
    if (errno != EINVAL && errno != ENOSYS)
      return llvm::errorCodeToError(std::error_code(errno, std::generic_category()));
    // The output is away between two renames.
    old = place + ".old";
    if (std::error_code code = fs::rename(to, old))
      return llvm::errorCodeToError(code);
  }
  if (std::error_code code = fs::rename(place, to)) {
    if (!old.empty())
      fs::rename(old, to);
    return llvm::errorCodeToError(code);
  }
  removed.reset();
  place = old;
  return llvm::Error::success();
}
