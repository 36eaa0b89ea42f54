// Loading of a shared object, and a look at its header without loading it.
#ifndef BLUEC_RUNTIME_PLATFORM_SHAREDLIBRARY_H
#define BLUEC_RUNTIME_PLATFORM_SHAREDLIBRARY_H

#include "base/Status.h"

#include <cstdint>
#include <span>
#include <string>

namespace bluec::runtime {

class SharedLibrary {
public:
  SharedLibrary() = default;
  SharedLibrary(SharedLibrary &&other) noexcept;
  SharedLibrary &operator=(SharedLibrary &&other) noexcept;
  ~SharedLibrary();

  // Runs the constructors of the object at `path` (absolute), so check the file first. BadBundle
  // with the loader's reason when it cannot be loaded.
  static Result<SharedLibrary> load(const std::string &path);

  // Null when there is no such symbol. Valid while the object lives.
  const void *symbol(const char *name) const;

private:
  void *handle = nullptr;
};

// Ok when `file` begins like a shared object for the machine that this runtime was built for;
// BadBundle when it is none, Incompatible when it is one for another machine. `where` names it.
Status checkSharedObject(std::span<const std::uint8_t> file, const std::string &where);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_SHAREDLIBRARY_H
