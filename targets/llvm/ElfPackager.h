// Shared libraries and static programs, linked with LLD inside this process.
#ifndef BLUEC_TARGETS_LLVM_ELF_PACKAGER_H
#define BLUEC_TARGETS_LLVM_ELF_PACKAGER_H

#include "targets/interface/Target.h"

namespace bluec::targets {

/// For targets whose objects are ELF.
class ElfPackager : public Packager {
public:
  llvm::StringRef form() const override { return "obj"; }
  llvm::StringRef fileName() const override { return "model.so"; }
  llvm::StringRef loader() const override { return "shared-library"; }
  llvm::LogicalResult package(llvm::ArrayRef<std::string> paths, llvm::StringRef outPath,
                              std::string &error) const override;
  bool makesPrograms() const override { return true; }
  llvm::LogicalResult makeProgram(llvm::ArrayRef<std::string> paths, llvm::StringRef rest,
                                  llvm::StringRef outPath, std::string &error) const override;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_LLVM_ELF_PACKAGER_H
