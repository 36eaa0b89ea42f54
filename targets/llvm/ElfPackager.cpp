#include "targets/llvm/ElfPackager.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

llvm::LogicalResult bluec::targets::ElfPackager::package(llvm::ArrayRef<std::string> paths,
                                                         llvm::StringRef outPath,
                                                         std::string &error) const {
  std::string library = outPath.str(), text;
  llvm::raw_string_ostream out(text);
  llvm::SmallVector<const char *> arguments = {
      "ld.lld",       "-shared", "--build-id=none", "--no-undefined",   "--threads=1",   "-z",
      "now",          "-z",      "relro",           "--hash-style=gnu", "--strip-debug", "-o",
      library.c_str()};
  for (const std::string &path : paths)
    arguments.push_back(path.c_str());
  lld::Result result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return llvm::success();
  error = "link: " + llvm::StringRef(text).split('\n').first.str();
  return llvm::failure();
}
