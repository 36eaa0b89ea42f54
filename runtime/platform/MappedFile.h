// A file mapped read-only into memory. Its bytes stay valid as long as the object lives.
#ifndef BLUEC_RUNTIME_PLATFORM_MAPPEDFILE_H
#define BLUEC_RUNTIME_PLATFORM_MAPPEDFILE_H

#include "base/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace bluec::runtime {

class MappedFile {
public:
  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  // NotFound when there is no regular file at `path` or it cannot be read. An empty file maps to an
  // empty span.
  static Result<MappedFile> open(const std::string &path);

  std::span<const std::uint8_t> bytes() const { return {data, size}; }
  // To map it elsewhere, too; -1 of an empty file.
  int descriptor() const { return file; }

  // Copies bytes from `offset` on out of the file, past the mapping: its pages stay out of this
  // process's memory. NotFound when the file cannot be read or has become shorter.
  Status read(std::size_t offset, std::span<std::uint8_t> to) const;

  // Tells the system that [offset, offset + count) is not needed for now: its pages leave memory
  // and come back from the file when they are touched again.
  void release(std::size_t offset, std::size_t count) const;

private:
  const std::uint8_t *data = nullptr;
  std::size_t size = 0;
  int file = -1; // the descriptor
  std::string path;
};

// Zeroed memory from the system, page-aligned; pages cost nothing until they are touched.
class PageBuffer {
public:
  PageBuffer() = default;
  PageBuffer(PageBuffer &&other) noexcept;
  PageBuffer &operator=(PageBuffer &&other) noexcept;
  ~PageBuffer();

  enum class Pages { Small, Large };

  // OutOfMemory when the system has no such amount. Zero bytes give a null pointer. Large pages
  // cost less to touch and to find, but come into memory in pieces of 2 MiB (on most CPUs); the
  // system is asked for them, and may have none.
  static Result<PageBuffer> allocate(std::size_t bytes, const char *purpose,
                                     Pages pages = Pages::Small);

  std::uint8_t *get() const { return data; }
  std::size_t bytes() const { return size; }

  // Gives the memory back to the system; it is zero when it is touched again.
  void release() const;

private:
  std::uint8_t *data = nullptr;
  std::size_t size = 0;
};

// The absolute path of `path` with links resolved; NotFound when it does not exist.
Result<std::string> resolvePath(const std::string &path);

// Whole contents of a file of at most `limit` bytes.
Result<std::string> readFile(const std::string &path, std::size_t limit);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_MAPPEDFILE_H
