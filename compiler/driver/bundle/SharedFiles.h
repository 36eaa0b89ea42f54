// What comes with bluec for its outputs, in share/bluec beside the folder of its program.
#ifndef BLUEC_COMPILER_DRIVER_BUNDLE_SHAREDFILES_H
#define BLUEC_COMPILER_DRIVER_BUNDLE_SHAREDFILES_H

#include "llvm/Support/Error.h"

#include <string>

namespace bluec {

/// What stands beside a model's code in a folder of C++ source: the runtime as source, a program,
/// how both are built. An error when it is not there.
llvm::Expected<std::string> findSourceFolder();

/// An object that is a static program but for a model's code, for machines of `triple`'s kind. An
/// error when it is not there.
llvm::Expected<std::string> findProgramObject(llvm::StringRef triple);

/// The program that an emulator runs code for machines of `triple`'s kind with
/// (runtime/emulate/serve.cpp). An error when it is not there.
llvm::Expected<std::string> findServer(llvm::StringRef triple);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_BUNDLE_SHAREDFILES_H
