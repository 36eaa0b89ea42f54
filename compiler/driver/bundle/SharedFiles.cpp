#include "compiler/driver/bundle/SharedFiles.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Triple.h"

using namespace bluec;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static std::string sharedPath(const llvm::Twine &name) {
  static int here; // any address in this program
  std::string program = fs::getMainExecutable(nullptr, &here);
  llvm::SmallString<256> place(path::parent_path(path::parent_path(program)));
  path::append(place, "share", "bluec", name);
  return place.str().str();
}

llvm::Expected<std::string> bluec::findSourceFolder() {
  std::string folder = sharedPath("cpp");
  if (!fs::exists(folder + "/CMakeLists.txt"))
    return llvm::createStringError(folder + ": expected the runtime's sources, which come with "
                                            "bluec, found none");
  return folder;
}

llvm::Expected<std::string> bluec::findServer(llvm::StringRef triple) {
  llvm::Triple machine(triple);
  std::string file = sharedPath("serve/" + machine.getArchName() + "-" + machine.getOSName());
  if (!fs::exists(file))
    return llvm::createStringError(file + ": expected the program that an emulator of " +
                                   machine.getArchName() +
                                   " runs code with, which `scripts/setup --arm` builds, found "
                                   "none");
  return file;
}

llvm::Expected<std::string> bluec::findProgramObject(llvm::StringRef triple) {
  llvm::Triple machine(triple);
  std::string file = sharedPath("ask/" + machine.getArchName() + "-" + machine.getOSName() + ".o");
  if (!fs::exists(file))
    return llvm::createStringError(
        file + ": expected the runtime for " + machine.getArchName() +
        (machine.isAArch64() ? ", which `scripts/setup --arm` builds"
                             : ", which comes with bluec where the system has static libraries") +
        ", found none");
  return file;
}
