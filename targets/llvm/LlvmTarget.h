// A target whose code LLVM makes: what all of them share. A folder of an instruction set adds a
// table of levels, their facts, a lowering of kernel.dot, and how LLVM's back end is initialised.
#ifndef BLUEC_TARGETS_LLVM_LLVM_TARGET_H
#define BLUEC_TARGETS_LLVM_LLVM_TARGET_H

#include "targets/interface/Target.h"
#include "targets/llvm/ElfPackager.h"
#include "targets/llvm/LlvmCodeGenerator.h"

namespace bluec::targets {

/// What tells one LLVM target from another.
struct LlvmLevel {
  std::string name;
  std::string description;
  std::string triple;
  std::string cpu;      // LLVM's name; a machine must have what it has
  std::string features; // that the code uses and a machine must have, with commas between them
  std::string tuning;   // hints for LLVM, which machines need not have: "+fast-dpwssd"
  std::string tuneCpu;  // the CPU that instructions are scheduled for; empty: `cpu`
  int64_t vectorBits = 0;
};

class LlvmTarget : public Target {
public:
  llvm::StringRef name() const override { return level.name; }
  llvm::StringRef description() const override { return level.description; }
  llvm::StringRef triple() const override { return level.triple; }
  llvm::StringRef features() const override { return level.features; }
  const CodeGenerator &codeGenerator() const override { return generator; }
  const Packager &packager() const override { return elf; }

  /// In this process, where the machine is of the triple's kind and has the features.
  std::optional<Runner> runner() const override;

protected:
  /// `initialize` makes LLVM's back end for the triple known; it may be called more than once.
  LlvmTarget(LlvmLevel level, void (*initialize)());

  /// The features as LLVM takes them, each with a sign.
  std::string signedFeatures() const;

private:
  LlvmLevel level;
  LlvmCodeGenerator generator;
  ElfPackager elf;
};

} // namespace bluec::targets

#endif // BLUEC_TARGETS_LLVM_LLVM_TARGET_H
