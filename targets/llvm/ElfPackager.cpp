#include "targets/llvm/ElfPackager.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

using namespace bluec::targets;

/// Links `paths` with `options` to the file at `outPath`.
static llvm::LogicalResult link(llvm::ArrayRef<const char *> options,
                                llvm::ArrayRef<std::string> paths, llvm::StringRef outPath,
                                std::string &error) {
  std::string output = outPath.str(), text;
  llvm::raw_string_ostream out(text);
  llvm::SmallVector<const char *> arguments = {
      "ld.lld", "--build-id=none", "--threads=1", "-z", "relro", "-z", "now", "-o", output.c_str()};
  arguments.append(options.begin(), options.end());
  for (const std::string &path : paths)
    arguments.push_back(path.c_str());
  lld::Result result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return llvm::success();
  error = "link: " + llvm::StringRef(text).split('\n').first.str();
  return llvm::failure();
}

llvm::LogicalResult ElfPackager::package(llvm::ArrayRef<std::string> paths, llvm::StringRef outPath,
                                         std::string &error) const {
  return link({"-shared", "--no-undefined", "--hash-style=gnu", "--strip-debug"}, paths, outPath,
              error);
}

llvm::LogicalResult ElfPackager::makeProgram(llvm::ArrayRef<std::string> paths,
                                             llvm::StringRef rest, llvm::StringRef outPath,
                                             std::string &error) const {
  std::vector<std::string> files = {rest.str()};
  files.insert(files.end(), paths.begin(), paths.end());
  // Exceptions are unwound by the header of their frames.
  return link({"-static", "--gc-sections", "--eh-frame-hdr", "--strip-all"}, files, outPath, error);
}
