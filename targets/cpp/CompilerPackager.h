// Code of a bundle by the C++ compiler of this machine.
#ifndef BLUEC_TARGETS_CPP_COMPILER_PACKAGER_H
#define BLUEC_TARGETS_CPP_COMPILER_PACKAGER_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// Makes a shared library of the form "cpp" with `c++`, or what the environment variable CXX names;
/// CXXFLAGS come behind its own flags. The library needs the C library's fmaf where the flags name
/// no machine that has the instruction.
class CompilerPackager : public Packager {
public:
  llvm::StringRef form() const override { return "cpp"; }
  llvm::StringRef fileName() const override { return "model.so"; }
  llvm::StringRef loader() const override { return "shared-library"; }

  llvm::LogicalResult check(std::string &error) const override;
  llvm::LogicalResult package(llvm::ArrayRef<std::string> paths, llvm::StringRef outPath,
                              std::string &error) const override;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_COMPILER_PACKAGER_H
