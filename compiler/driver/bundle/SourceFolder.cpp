#include "compiler/driver/bundle/SourceFolder.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace bluec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

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
