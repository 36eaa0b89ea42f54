// Linking with LLD, inside this process.
#ifndef BLUEC_TARGETS_COMMON_LINK_H
#define BLUEC_TARGETS_COMMON_LINK_H

#include "mlir/Support/LLVM.h"

#include <string>

namespace bluec::targets {

/// As Target::linkShared, for targets whose objects are ELF.
llvm::LogicalResult linkSharedElf(llvm::StringRef objectPath, llvm::StringRef outPath,
                                  std::string &error);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_COMMON_LINK_H
