#include "platform/MappedFile.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace bluec::runtime {
namespace {

// Closes the descriptor on every way out.
struct FileDescriptor {
  int number;
  ~FileDescriptor() {
    if (number >= 0)
      ::close(number);
  }
};

Status systemError(const std::string &path) {
  return {Code::NotFound, path + ": " + reasonOf(errno)};
}

// O_NONBLOCK: opening a FIFO must not wait for a writer.
int openForReading(const std::string &path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

Status requireRegular(int file, const std::string &path, struct stat &facts) {
  if (::fstat(file, &facts) != 0)
    return systemError(path);
  if (!S_ISREG(facts.st_mode))
    return {Code::NotFound, path + ": expected a file, found something else"};
  return {};
}

} // namespace

MappedFile::MappedFile(MappedFile &&other) noexcept
    : data(std::exchange(other.data, nullptr)), size(std::exchange(other.size, 0)),
      file(std::exchange(other.file, -1)), path(std::move(other.path)) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  std::swap(file, other.file);
  std::swap(path, other.path);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<std::uint8_t *>(data), size);
  if (file >= 0)
    ::close(file);
}

Result<MappedFile> MappedFile::open(const std::string &path) {
  FileDescriptor file{openForReading(path)};
  if (file.number < 0)
    return systemError(path);
  struct stat facts;
  BLUEC_RETURN_IF_ERROR(requireRegular(file.number, path, facts));
  MappedFile result;
  if (facts.st_size == 0)
    return result;
  void *address =
      ::mmap(nullptr, std::size_t(facts.st_size), PROT_READ, MAP_SHARED, file.number, 0);
  if (address == MAP_FAILED)
    return systemError(path);
  result.data = static_cast<const std::uint8_t *>(address);
  result.size = std::size_t(facts.st_size);
  result.file = std::exchange(file.number, -1);
  result.path = path;
  return result;
}

Status MappedFile::read(std::size_t offset, std::span<std::uint8_t> to) const {
  while (!to.empty()) {
    const ssize_t got = ::pread(file, to.data(), to.size(), off_t(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(path);
    if (got == 0)
      return {Code::NotFound, path + ": expected " + std::to_string(to.size()) + " more bytes at " +
                                  std::to_string(offset) + ", found its end"};
    to = to.subspan(std::size_t(got));
    offset += std::size_t(got);
  }
  return {};
}

void MappedFile::release(std::size_t offset, std::size_t count) const {
  if (data && offset <= size && count <= size - offset && count != 0)
    ::madvise(const_cast<std::uint8_t *>(data) + offset, count, MADV_DONTNEED);
}

PageBuffer::PageBuffer(PageBuffer &&other) noexcept
    : data(std::exchange(other.data, nullptr)), size(std::exchange(other.size, 0)) {}

PageBuffer &PageBuffer::operator=(PageBuffer &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  return *this;
}

PageBuffer::~PageBuffer() {
  if (data)
    ::munmap(data, size);
}

Result<PageBuffer> PageBuffer::allocate(std::size_t bytes, const char *purpose, Pages pages) {
  PageBuffer result;
  if (bytes == 0)
    return result;
  void *address =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return Status(Code::OutOfMemory, std::string(purpose) + ": cannot get " +
                                         std::to_string(bytes) + " bytes of memory");
#ifdef MADV_HUGEPAGE
  if (pages == Pages::Large)
    ::madvise(address, bytes, MADV_HUGEPAGE); // advice: whether it is taken makes no difference
#endif
  result.data = static_cast<std::uint8_t *>(address);
  result.size = bytes;
  return result;
}

void PageBuffer::release() const {
  if (data)
    ::madvise(data, size, MADV_DONTNEED);
}

Result<std::string> resolvePath(const std::string &path) {
  char *resolved = ::realpath(path.c_str(), nullptr);
  if (!resolved)
    return systemError(path);
  std::string result = resolved;
  std::free(resolved);
  return result;
}

Result<std::string> readFile(const std::string &path, std::size_t limit) {
  FileDescriptor file{openForReading(path)};
  if (file.number < 0)
    return systemError(path);
  struct stat facts;
  BLUEC_RETURN_IF_ERROR(requireRegular(file.number, path, facts));
  if (std::uint64_t(facts.st_size) > limit)
    return Status(Code::InvalidArgument, path + ": expected at most " + std::to_string(limit) +
                                             " bytes, found " + std::to_string(facts.st_size));
  std::string contents(std::size_t(facts.st_size), '\0');
  std::size_t done = 0;
  while (done < contents.size()) {
    ssize_t got = ::read(file.number, contents.data() + done, contents.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(path);
    if (got == 0)
      break;
    done += std::size_t(got);
  }
  contents.resize(done);
  return contents;
}

} // namespace bluec::runtime
