#include "targets/common/Link.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

llvm::LogicalResult bluec::targets::linkSharedElf(llvm::StringRef objectPath,
                                                  llvm::StringRef outPath, std::string &error) {
  std::string object = objectPath.str(), library = outPath.str();
  std::string text;
  llvm::raw_string_ostream out(text);
  const char *arguments[] = {
      "ld.lld",        "-shared",     "--build-id=none", "--no-undefined",   "--threads=1",   "-z",
      "now",           "-z",          "relro",           "--hash-style=gnu", "--strip-debug", "-o",
      library.c_str(), object.c_str()};
  lld::Result result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return llvm::success();
  error = "link: " + llvm::StringRef(text).split('\n').first.str();
  return llvm::failure();
}
