#include "device/CodeLoader.h"

#include "abi/BundleFormat.h"
#include "base/Mutex.h"
#include "base/Sha256.h"
#include "platform/SharedLibrary.h"

#include <algorithm>
#include <iterator>
#include <vector>

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

class LinkedCode final : public LoadedCode {
public:
  explicit LinkedCode(const bluec_model &descriptor) : descriptor(descriptor) {}

  const bluec_model &model() const override { return descriptor; }

private:
  const bluec_model &descriptor;
};

struct Linked {
  Mutex guard;
  std::vector<const bluec_model *> models BLUEC_GUARDED_BY(guard);
};

Linked &linked() {
  static Linked all;
  return all;
}

Result<const bluec_model *> findLinked(const CodeFile &file) {
  const MutexLock lock(linked().guard);
  std::string others;
  for (const bluec_model *model : linked().models) {
    Sha256::Digest digest;
    std::copy(std::begin(model->weights_sha256), std::end(model->weights_sha256), digest.begin());
    const std::string its = toHex(digest);
    if (its == file.weightsSha256)
      return model;
    others += (others.empty() ? "code for sha-256 " : ", ") + its;
  }
  return Status(Code::Incompatible, file.name + ": expected code for weights.bin of sha-256 " +
                                        file.weightsSha256 + ", found " +
                                        (others.empty() ? "none in this program" : others));
}

// That it is there and for these weights is all that can be seen of it.
Status checkLinked(const CodeFile &file) { return findLinked(file).status(); }

Result<std::unique_ptr<LoadedCode>> loadLinked(const CodeFile &file) {
  const Result<const bluec_model *> found = findLinked(file);
  if (!found.ok())
    return found.status();
  return std::unique_ptr<LoadedCode>(std::make_unique<LinkedCode>(**found));
}

// A loader is one row.
constexpr CodeLoader kLoaders[] = {{"shared-library", checkLibrary, loadLibrary},
                                   {kLinkedLoader, checkLinked, loadLinked}};

} // namespace

void linkCode(const bluec_model &model) {
  const MutexLock lock(linked().guard);
  linked().models.push_back(&model);
}

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
