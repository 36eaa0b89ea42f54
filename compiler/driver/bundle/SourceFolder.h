// What stands beside a model's code in a folder of C++ source: the runtime as source, a program,
// how both are built. It comes with bluec, in share/bluec/cpp beside the folder of its program.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_SOURCEFOLDER_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_SOURCEFOLDER_H

#include "llvm/Support/Error.h"

#include <string>

namespace bluec {

/// Where it is; an error when it is not there.
llvm::Expected<std::string> findSourceFolder();

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_SOURCEFOLDER_H
