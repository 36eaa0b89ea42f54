#include "device/CodeLoader.h"

#include "platform/SharedLibrary.h"

#include <algorithm>
#include <iterator>

namespace bluec::runtime {
namespace {

class LibraryCode final : public LoadedCode {
public:
  LibraryCode(SharedLibrary library, const bluec_model &descriptor)
      : library(std::move(library)), descriptor(descriptor) {}

  const bluec_model &model() const override { return descriptor; }

private:
  SharedLibrary library;
  const bluec_model &descriptor;
};

Status checkLibrary(const CodeFile &file) { return checkSharedObject(file.bytes, file.name); }

Result<std::unique_ptr<LoadedCode>> loadLibrary(const CodeFile &file) {
  Result<SharedLibrary> library = SharedLibrary::load(file.path);
  if (!library.ok())
    return library.status();
  const void *symbol = library->symbol(BLUEC_MODEL_SYMBOL);
  if (!symbol)
    return Status(Code::BadBundle,
                  file.name + ": expected a symbol '" BLUEC_MODEL_SYMBOL "', found none");
  return std::unique_ptr<LoadedCode>(std::make_unique<LibraryCode>(
      std::move(*library), *static_cast<const bluec_model *>(symbol)));
}

// A loader is one row.
constexpr CodeLoader kLoaders[] = {{"shared-library", checkLibrary, loadLibrary}};

} // namespace

Result<const CodeLoader *> findLoader(std::string_view name, const std::string &where) {
  const auto found = std::find_if(std::begin(kLoaders), std::end(kLoaders),
                                  [&](const CodeLoader &loader) { return loader.name == name; });
  if (found != std::end(kLoaders))
    return found;
  std::string known;
  for (const CodeLoader &loader : kLoaders)
    known += (known.empty() ? "" : ", ") + inQuotes(loader.name);
  return Status(Code::Incompatible, where + ": expected " + known + ", found " + inQuotes(name));
}

} // namespace bluec::runtime
