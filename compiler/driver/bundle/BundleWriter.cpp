#include "compiler/driver/bundle/BundleWriter.h"

#include "runtime/platform/Checksums.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

using namespace bluec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error ioError(const llvm::Twine &where, std::error_code code) {
  return llvm::createStringError(code, where + ": " + code.message());
}

std::string bluec::hexDigits(llvm::ArrayRef<uint8_t> bytes) {
  return llvm::toHex(bytes, /*LowerCase=*/true);
}

llvm::Expected<BundleFile> bluec::describeFile(llvm::StringRef name) {
  llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(name);
  if (!file)
    return file.takeError();
  auto close = llvm::make_scope_exit([&] { fs::closeFile(*file); });
  runtime::Sha256 hash = runtime::fastSha256();
  BundleFile result;
  std::vector<char> piece(size_t{1} << 20);
  while (true) {
    llvm::Expected<size_t> read =
        fs::readNativeFile(*file, llvm::MutableArrayRef<char>(piece.data(), piece.size()));
    if (!read)
      return read.takeError();
    if (*read == 0)
      break;
    hash.update(piece.data(), *read);
    result.bytes += *read;
  }
  result.sha256 = hexDigits(hash.finish());
  return result;
}

//===------------------------------------------------------------------------------------------===//
// BundleWriter
//===------------------------------------------------------------------------------------------===//

namespace {

/// The staging directory of this process, for the handler that removes it when a user interrupts.
llvm::SmallString<256> interruptedStaging;

void removeOnInterrupt() {
  if (!interruptedStaging.empty())
    fs::remove_directories(interruptedStaging);
  constexpr int kKilledByInterrupt = 130;
  _exit(kKilledByInterrupt);
}

/// The name of a bundle's target, or "" where it says none; nullopt for what is no bundle.
std::optional<std::string> targetOfBundle(llvm::StringRef directory) {
  llvm::SmallString<256> manifest(directory);
  path::append(manifest, "manifest.json");
  if (!fs::is_regular_file(manifest)) // opening anything else may wait for ever
    return std::nullopt;
  auto buffer = llvm::MemoryBuffer::getFile(manifest);
  if (!buffer)
    return std::nullopt;
  llvm::Expected<llvm::json::Value> json = llvm::json::parse((*buffer)->getBuffer());
  if (!json) {
    llvm::consumeError(json.takeError());
    return std::nullopt;
  }
  llvm::json::Object *object = json->getAsObject();
  if (!object || object->getString("format") != llvm::StringRef("bluec-bundle"))
    return std::nullopt;
  llvm::json::Object *target = object->getObject("target");
  return target ? target->getString("name").value_or("").str() : "";
}

bool isBundle(llvm::StringRef directory) { return targetOfBundle(directory).has_value(); }

/// Bundles that somebody has collected there have other names, and stay.
bool holdsBundlesOfTargets(llvm::StringRef directory) {
  std::error_code code;
  for (fs::directory_iterator entry(directory, code), end; entry != end && !code;
       entry.increment(code))
    if (targetOfBundle(entry->path()) != path::filename(entry->path()).str())
      return false;
  return !code;
}

bool isEmptyDirectory(llvm::StringRef directory) {
  std::error_code code;
  return fs::directory_iterator(directory, code) == fs::directory_iterator() && !code;
}

/// "out/" and "./out" as "out" in the working directory; never empty.
llvm::Expected<std::string> normalised(llvm::StringRef name) {
  llvm::SmallString<256> result(name);
  if (std::error_code code = fs::make_absolute(result))
    return ioError(name, code);
  path::remove_dots(result, /*remove_dot_dot=*/true);
  while (result.size() > 1 && path::is_separator(result.back()))
    result.pop_back();
  return result.str().str();
}

} // namespace

llvm::Expected<std::unique_ptr<BundleWriter>> BundleWriter::create(llvm::StringRef output,
                                                                   Output kind) {
  llvm::Expected<std::string> place = normalised(output);
  if (!place)
    return place.takeError();
  llvm::StringRef parent = path::parent_path(*place);
  if (!fs::is_directory(parent))
    return llvm::createStringError(output + ": expected its parent to be a directory");
  if (fs::is_symlink_file(*place))
    return llvm::createStringError(output + ": expected a directory, found a symbolic link");
  if (fs::exists(*place) && !fs::is_directory(*place))
    return llvm::createStringError(output + ": expected a directory, found a file");
  bool isOne = kind == Output::Bundle;
  if (fs::is_directory(*place) && !isEmptyDirectory(*place) &&
      !(isOne ? isBundle(*place) : holdsBundlesOfTargets(*place)))
    return llvm::createStringError(output + ": expected a new or empty directory or " +
                                   (isOne ? "a bundle" : "one with a bundle for each target") +
                                   ", found one with other files");

  llvm::SmallString<256> prefix(parent), staging;
  path::append(prefix, "." + path::filename(*place) + ".bluec");
  if (std::error_code code = fs::createUniqueDirectory(prefix, staging))
    return ioError(output, code);
  interruptedStaging = staging;
  llvm::sys::SetInterruptFunction(removeOnInterrupt);
  return std::unique_ptr<BundleWriter>(new BundleWriter(*place, staging.str().str()));
}

BundleWriter::~BundleWriter() {
  if (!staging.empty())
    fs::remove_directories(staging);
  interruptedStaging.clear();
}

/// Temporary directories are private to their owner; a bundle is not.
static std::error_code openToAll(llvm::StringRef directory) {
  return fs::setPermissions(directory,
                            fs::perms::all_read | fs::perms::all_exe | fs::perms::owner_write);
}

llvm::Error BundleWriter::enter(llvm::StringRef name) {
  folder = name.str();
  std::string place = pathOf("");
  std::error_code code = fs::create_directory(place);
  if (!code)
    code = openToAll(place);
  return code ? ioError(place, code) : llvm::Error::success();
}

std::string BundleWriter::pathOf(llvm::StringRef name) const {
  llvm::SmallString<256> result(staging);
  path::append(result, folder, name);
  return result.str().str();
}

llvm::Error BundleWriter::copyFolder(llvm::StringRef from) {
  std::error_code code;
  for (fs::recursive_directory_iterator entry(from, code), end; entry != end && !code;
       entry.increment(code)) {
    std::string place = pathOf(llvm::StringRef(entry->path()).drop_front(from.size() + 1));
    code = fs::is_directory(entry->path()) ? fs::create_directory(place)
                                           : fs::copy_file(entry->path(), place);
    if (code)
      return ioError(place, code);
  }
  return code ? ioError(from, code) : llvm::Error::success();
}

llvm::Error BundleWriter::write(llvm::StringRef name, llvm::StringRef content) {
  std::error_code code = fs::create_directories(path::parent_path(pathOf(name)));
  if (code)
    return ioError(name, code);
  llvm::raw_fd_ostream file(pathOf(name), code);
  if (!code) {
    file << content;
    file.close();
    code = file.error();
    file.clear_error();
  }
  return code ? ioError(name, code) : llvm::Error::success();
}

llvm::Error BundleWriter::commit() {
  if (std::error_code code = openToAll(staging))
    return ioError(output, code);
  std::string old;
  if (fs::exists(output)) {
    old = staging + ".old";
    if (std::error_code code = fs::rename(output, old))
      return ioError(output, code);
  }
  if (std::error_code code = fs::rename(staging, output)) {
    if (!old.empty())
      fs::rename(old, output);
    return ioError(output, code);
  }
  staging.clear();
  interruptedStaging.clear();
  if (!old.empty())
    fs::remove_directories(old);
  return llvm::Error::success();
}

llvm::Error bluec::writeFileWhole(llvm::StringRef name, llvm::StringRef content) {
  if (fs::is_directory(name))
    return llvm::createStringError(name + ": expected a file, found a directory");
  // A rename would put a file in the place of a link, a pipe or a device.
  fs::file_status found;
  if (name != "-" && !fs::status(name, found, /*follow=*/false) &&
      found.type() != fs::file_type::regular_file)
    return llvm::createStringError(name + ": expected a file, found something else");
  return llvm::writeToOutput(name, [&](llvm::raw_ostream &out) {
    out << content;
    return llvm::Error::success();
  });
}
