// How the code files of a bundle get into the process. Which device runs the code is another
// matter: a loader knows a form of file, not a processor.
#ifndef BLUEC_RUNTIME_DEVICE_CODELOADER_H
#define BLUEC_RUNTIME_DEVICE_CODELOADER_H

#include "abi/bluec_abi.h"
#include "base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bluec::runtime {

// Code that is there as long as this is.
class LoadedCode {
public:
  virtual ~LoadedCode() = default;

  // As the code has it: nothing of it has been checked.
  virtual const bluec_model &model() const = 0;
};

struct CodeFile {
  std::string name; // in the bundle; of linked code what messages call it
  std::string path; // absolute; empty, as `bytes` is, where code is linked
  std::span<const std::uint8_t> bytes;
  std::string weightsSha256; // that the code has to be for
};

// Makes code that is a part of this program known to the loader of linked code. It is used once a
// bundle is opened whose weights it is for. Any thread; the descriptor is never freed.
void linkCode(const bluec_model &model);

struct CodeLoader {
  // As `loader` in a manifest says it.
  std::string_view name;
  // Ok when the file is of the loader's form and for this machine, as far as one can see without
  // running any of it. BadBundle, Incompatible.
  Status (*check)(const CodeFile &file);
  // May run code of the file, so check the file before, and that it is what the manifest says.
  // BadBundle.
  Result<std::unique_ptr<LoadedCode>> (*load)(const CodeFile &file);
};

// Incompatible, with `where` in front, when this runtime has none of that name.
Result<const CodeLoader *> findLoader(std::string_view name, const std::string &where);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_DEVICE_CODELOADER_H
