#include "targets/x86_64/X86.h"

#include "targets/llvm/LlvmTarget.h"
#include "targets/x86_64/lower_dots_to_x86/LowerDotsToX86.h"

#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

namespace {

/// What tells one level of x86-64 from another.
struct Level {
  const char *name; // also LLVM's name of the CPU
  const char *description;
  const char *features; // that the code uses and a machine must have
  int64_t vectorBits;
  int64_t vectorRegisters;
  bool vnni; // dot products of 512 bits
};

// Cache sizes are those of the smallest cores in use: 32 KiB and 512 KiB.
constexpr int64_t kL1Bytes = 32 * 1024;
constexpr int64_t kL2Bytes = 512 * 1024;
constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

constexpr Level kLevels[] = {
    {"x86-64-v3", "AVX2 and FMA: Haswell, Zen and later", "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe",
     256, 16, false},
    {"x86-64-v4", "AVX-512 with VNNI: Ice Lake, Zen 4 and later",
     "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,"
     "avx512vnni",
     512, 32, true},
};

void initialize() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
}

class X86Target : public LlvmTarget {
public:
  // The tuning is no feature but a hint: left alone, LLVM takes vpdpwssd apart into a product and a
  // sum.
  explicit X86Target(const Level &level)
      : LlvmTarget({level.name, level.description, kTriple, level.name, level.features,
                    level.vnni ? "+fast-dpwssd" : "", level.vectorBits},
                   initialize),
        level(level) {}

  plan::TargetAttr facts(MLIRContext *context) const override {
    return plan::TargetAttr::get(context, level.name, kTriple, level.name, signedFeatures(),
                                 level.vectorBits, level.vectorRegisters, kL1Bytes, kL2Bytes);
  }

  void addLoweringPasses(OpPassManager &passes) const override {
    LowerDotsToX86Options dots;
    dots.vnni = level.vnni;
    passes.addPass(createLowerDotsToX86(dots));
  }

private:
  const Level &level;
};

} // namespace

void targets::addX86Targets(TargetRegistry &registry) {
  for (const Level &level : kLevels)
    registry.add(std::make_unique<X86Target>(level));
}
