#include "compiler/driver/compile/PhaseDumps.h"

#include "compiler/driver/compile/DumpHeader.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bluec;

/// Elements of a constant that a dump still shows.
static constexpr int64_t kShownElements = 16;

llvm::Error PhaseDumps::write(Phase phase, ModuleOp module, StringRef section) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(kShownElements).elideLargeResourceString(2 * kShownElements);
  flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/false);
  stream << dumpHeader(module);
  module.print(stream, flags);
  stream << '\n';
  return writeText(phase, section.empty() ? ".mlir" : ("." + section + ".mlir").str(), text);
}

llvm::Error PhaseDumps::writeText(Phase phase, StringRef suffix, StringRef text) {
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError(code, "%s: %s", directory.c_str(), code.message().c_str());
  SmallString<256> path(directory);
  llvm::sys::path::append(path, Twine(static_cast<unsigned>(phase) + 1) + "-" + infoOf(phase).name +
                                    suffix);
  std::error_code code;
  llvm::raw_fd_ostream file(path, code);
  if (!code) {
    file << text;
    file.close();
    code = file.error();
    file.clear_error();
  }
  if (code)
    return llvm::createStringError(code, "%s: %s", path.c_str(), code.message().c_str());
  return llvm::Error::success();
}
