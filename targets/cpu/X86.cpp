#include "targets/cpu/X86.h"

#include "passes/kernels/lower_steps_to_kernels/LowerStepsToKernels.h"
#include "targets/common/Link.h"
#include "targets/common/ObjectEmitter.h"
#include "targets/cpu/lower_dots_to_x86/LowerDotsToX86.h"

#include "mlir/Transforms/Passes.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

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

class X86Target : public Target {
public:
  explicit X86Target(const Level &level) : level(level) {}

  StringRef name() const override { return level.name; }
  StringRef description() const override { return level.description; }
  StringRef triple() const override { return kTriple; }
  StringRef features() const override { return level.features; }

  bool runsHere() const override {
    if (llvm::Triple(llvm::sys::getProcessTriple()).getArch() != llvm::Triple::x86_64)
      return false;
    llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
    SmallVector<StringRef> needed;
    features().split(needed, ',');
    return llvm::all_of(needed, [&](StringRef feature) { return host.lookup(feature); });
  }

  plan::TargetAttr facts(MLIRContext *context) const override {
    return plan::TargetAttr::get(context, level.name, kTriple, level.name, signedFeatures(),
                                 level.vectorBits, level.vectorRegisters, kL1Bytes, kL2Bytes);
  }

  void addKernelPasses(OpPassManager &passes) const override {
    passes.addPass(kernels::createLowerStepsToKernels());
    LowerDotsToX86Options dots;
    dots.vnni = level.vnni;
    passes.addPass(createLowerDotsToX86(dots));
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
  }

  LogicalResult emitLlvm(ModuleOp module, const ModelInfo &info,
                         llvm::raw_ostream &out) const override {
    initialize();
    return emitLlvmText(module, info, *this, options(), out);
  }
  LogicalResult emitObject(ModuleOp module, const ModelInfo &info,
                           llvm::raw_pwrite_stream &out) const override {
    initialize();
    return emitObjectCode(module, info, *this, options(), out);
  }
  LogicalResult linkShared(StringRef objectPath, StringRef outPath,
                           std::string &error) const override {
    return linkSharedElf(objectPath, outPath, error);
  }

private:
  std::string signedFeatures() const {
    std::string text = "+";
    for (char c : features())
      text += c == ',' ? std::string(",+") : std::string(1, c);
    return text;
  }
  CodegenOptions options() const {
    // Not a feature but a hint: left alone, LLVM takes vpdpwssd apart into a product and a sum.
    const char *tuning = level.vnni ? ",+fast-dpwssd" : "";
    return {kTriple, level.name, signedFeatures() + tuning, level.vectorBits};
  }
  static void initialize() {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  }

  const Level &level;
};

} // namespace

void targets::addX86Targets(TargetRegistry &registry) {
  for (const Level &level : kLevels)
    registry.add(std::make_unique<X86Target>(level));
}
