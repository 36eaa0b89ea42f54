#include "compiler/driver/bundle/BundleWriter.h"

#include "compiler/base/Quoted.h"
#include "runtime/platform/Checksums.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <set>

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

/// What a directory's manifest says, if it is a bundle's.
struct FoundBundle {
  std::string target; // its name; empty where it says none
  std::set<std::string> files;
};

/// nullopt for what is no bundle.
std::optional<FoundBundle> findBundle(llvm::StringRef directory) {
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
  FoundBundle found;
  if (llvm::json::Object *target = object->getObject("target"))
    found.target = target->getString("name").value_or("");
  found.files.insert("manifest.json");
  if (llvm::json::Object *files = object->getObject("files"))
    for (const auto &[name, file] : *files)
      found.files.insert(std::string(llvm::StringRef(name)));
  if (llvm::json::Array *others = object->getArray("other_files"))
    for (const llvm::json::Value &name : *others)
      found.files.insert(name.getAsString().value_or("").str());
  return found;
}

/// All that is in a directory but folders, by its path from there, in alphabetical order.
llvm::Expected<std::vector<std::string>> filesIn(llvm::StringRef directory) {
  std::vector<std::string> found;
  std::error_code code;
  for (fs::recursive_directory_iterator entry(directory, code, /*follow_symlinks=*/false), end;
       entry != end && !code; entry.increment(code))
    if (entry->type() != fs::file_type::directory_file)
      found.push_back(entry->path().substr(directory.size() + 1));
  if (code)
    return ioError(directory, code);
  llvm::sort(found);
  return found;
}

/// A file that somebody else has put into a bundle, or nothing.
llvm::Expected<std::string> findStranger(llvm::StringRef directory, const FoundBundle &bundle) {
  llvm::Expected<std::vector<std::string>> files = filesIn(directory);
  if (!files)
    return files.takeError();
  auto stranger =
      llvm::find_if(*files, [&](const std::string &name) { return bundle.files.count(name) == 0; });
  return stranger == files->end() ? "" : *stranger;
}

/// An error unless all of a directory is of a bundle, or of bundles in folders with their targets'
/// names: bundles that somebody has collected have other names, and stay.
llvm::Error checkReplaceable(llvm::StringRef output, llvm::StringRef directory,
                             BundleWriter::Output kind) {
  const bool isOne = kind == BundleWriter::Output::Bundle;
  auto refuse = [&](const llvm::Twine &found) {
    return llvm::createStringError(output + ": expected a new or empty directory or " +
                                   (isOne ? "a bundle" : "one with a bundle for each target") +
                                   ", found " + found);
  };
  std::vector<std::string> folders;
  if (isOne)
    folders.push_back(directory.str());
  std::error_code code;
  for (fs::directory_iterator entry(directory, code), end; !isOne && entry != end && !code;
       entry.increment(code))
    folders.push_back(entry->path());
  if (code)
    return ioError(output, code);
  for (const std::string &folder : folders) {
    std::optional<FoundBundle> bundle = findBundle(folder);
    if (!bundle || (!isOne && bundle->target != path::filename(folder)))
      return refuse("one with other files");
    llvm::Expected<std::string> stranger = findStranger(folder, *bundle);
    if (!stranger)
      return stranger.takeError();
    if (!stranger->empty())
      return refuse("one with a file of somebody else's: " + inQuotes(*stranger));
  }
  return llvm::Error::success();
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
  if (fs::is_directory(*place) && !isEmptyDirectory(*place))
    if (llvm::Error refused = checkReplaceable(output, *place, kind))
      return refused;
  llvm::Expected<std::unique_ptr<StagingDirectory>> staging = StagingDirectory::create(parent);
  if (!staging)
    return llvm::createStringError(output + ": " + llvm::toString(staging.takeError()));
  return std::unique_ptr<BundleWriter>(new BundleWriter(*place, kind, std::move(*staging)));
}

llvm::Error BundleWriter::enter(llvm::StringRef name) {
  folder = name.str();
  std::string place = pathOf("");
  std::error_code code = fs::create_directory(place, /*IgnoreExisting=*/true, fs::perms::all_all);
  return code ? ioError(place, code) : llvm::Error::success();
}

std::string BundleWriter::pathOf(llvm::StringRef name) const {
  llvm::SmallString<256> result(staging->path());
  path::append(result, folder, name);
  return result.str().str();
}

llvm::Error BundleWriter::copyFolder(llvm::StringRef from) {
  std::error_code code;
  for (fs::recursive_directory_iterator entry(from, code), end; entry != end && !code;
       entry.increment(code)) {
    std::string place = pathOf(llvm::StringRef(entry->path()).drop_front(from.size() + 1));
    code = fs::is_directory(entry->path())
               ? fs::create_directory(place, /*IgnoreExisting=*/true, fs::perms::all_all)
               : fs::copy_file(entry->path(), place);
    if (code)
      return ioError(place, code);
  }
  return code ? ioError(from, code) : llvm::Error::success();
}

llvm::Error BundleWriter::write(llvm::StringRef name, llvm::StringRef content) {
  std::error_code code = fs::create_directories(path::parent_path(pathOf(name)),
                                                /*IgnoreExisting=*/true, fs::perms::all_all);
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

llvm::Expected<std::vector<std::string>> BundleWriter::files() const {
  return filesIn(path::parent_path(pathOf("x")));
}

llvm::Error BundleWriter::commit() {
  // Somebody may have come while this was made.
  if (fs::is_directory(output) && !isEmptyDirectory(output))
    if (llvm::Error refused = checkReplaceable(output, output, kind))
      return refused;
  if (llvm::Error failed = staging->moveTo(output))
    return llvm::createStringError(output + ": " + llvm::toString(std::move(failed)));
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
