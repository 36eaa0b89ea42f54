#include "compiler/driver/bundle/SourceFolder.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace bluec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error ioError(const llvm::Twine &where, std::error_code code) {
  return llvm::createStringError(code, where + ": " + code.message());
}

llvm::Expected<std::string> bluec::findSourceFolder() {
  static int here; // any address in this program
  std::string program = fs::getMainExecutable(nullptr, &here);
  llvm::SmallString<256> folder(path::parent_path(path::parent_path(program)));
  path::append(folder, "share", "bluec", "cpp");
  if (!fs::exists(folder + "/CMakeLists.txt"))
    return llvm::createStringError(folder + ": expected the runtime's sources, which come with "
                                            "bluec, found none");
  return folder.str().str();
}

llvm::Error bluec::copyFolder(llvm::StringRef from, llvm::StringRef to) {
  std::error_code code;
  for (fs::recursive_directory_iterator entry(from, code), end; entry != end && !code;
       entry.increment(code)) {
    llvm::SmallString<256> place(to);
    path::append(place, llvm::StringRef(entry->path()).drop_front(from.size() + 1));
    code = fs::is_directory(entry->path()) ? fs::create_directory(place)
                                           : fs::copy_file(entry->path(), place);
    if (code)
      return ioError(place, code);
  }
  return code ? ioError(from, code) : llvm::Error::success();
}
