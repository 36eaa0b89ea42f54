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
  const char *name;
  const char *description;
  const char *cpu;      // LLVM's name
  const char *features; // that the code uses and a machine must have
  int64_t vectorBits;
  int64_t vectorRegisters;
  int64_t vnniBits; // of vectors that dot products are one instruction for; 0: none
  bool isListed = true;
};

// Cache sizes are those of the smallest cores in use: 32 KiB and 512 KiB.
constexpr int64_t kL1Bytes = 32 * 1024;
constexpr int64_t kL2Bytes = 512 * 1024;
constexpr int64_t kLineBytes = 64;
constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

constexpr Level kLevels[] = {
    {"x86-64-v3", "AVX2 and FMA: Haswell, Zen and later", "x86-64-v3",
     "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe", 256, 16, 0},
    {"x86-64-v3-vnni", "AVX2 with AVX-VNNI: Alder Lake, Zen 5 and later", "x86-64-v3",
     "avx,avx2,avxvnni,bmi,bmi2,f16c,fma,lzcnt,movbe", 256, 16, 256},
    {"x86-64-v4", "AVX-512 with VNNI: Ice Lake, Zen 4 and later", "x86-64-v4",
     "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,"
     "avx512vnni",
     512, 32, 512},
    // Narrower than need be: so that a machine that has AVX2 and no more runs code of two targets
    // with two layouts, for tests of bundles with two code sections.
    {"x86-64-v3-narrow", "AVX2 in vectors of 128 bits, for tests", "x86-64-v3",
     "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe", 128, 16, 0, /*isListed=*/false},
};

/// All levels have the same two: without VNNI they are a few instructions each.
ArrayAttr dots(MLIRContext *context) {
  auto integer = [&](unsigned bits, IntegerType::SignednessSemantics sign) -> Type {
    return IntegerType::get(context, bits, sign);
  };
  Type bytes = integer(8, IntegerType::Signed), words = integer(16, IntegerType::Signed);
  return ArrayAttr::get(context,
                        {plan::DotAttr::get(context, integer(8, IntegerType::Unsigned), bytes, 4),
                         plan::DotAttr::get(context, words, words, 2)});
}

/// How far ahead one row's form asks: of 1 to 16 KiB, 4 to 6 do best over quantized panels (Zen 5);
/// dots in flight are latency times rate.
plan::TuningAttr tuning(MLIRContext *context) {
  return plan::TuningAttr::get(context, /*floatAheadBytes=*/2048, /*quantizedAheadBytes=*/5120,
                               /*dotsInFlight=*/8, /*cacheBlock=*/128, /*panelVectors=*/2,
                               /*laneOperands=*/false);
}

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
      : LlvmTarget({level.name, level.description, kTriple, level.cpu, level.features,
                    level.vnniBits ? "+fast-dpwssd" : "", /*tuneCpu=*/"", level.vectorBits},
                   initialize),
        level(level) {}

  plan::TargetAttr facts(MLIRContext *context) const override {
    return plan::TargetAttr::get(
        context, level.name, kTriple, level.cpu, signedFeatures(), level.vectorBits,
        level.vectorRegisters, kL1Bytes, kL2Bytes, /*scalable=*/false, plan::kAbiAlignment,
        kLineBytes, /*pointerBits=*/64, dots(context), /*mmas=*/{},
        Builder(context).getTypeArrayAttr(Float32Type::get(context)), tuning(context));
  }

  void addLoweringPasses(OpPassManager &passes) const override {
    LowerDotsToX86Options lowering;
    lowering.vnniBits = level.vnniBits;
    passes.addPass(createLowerDotsToX86(lowering));
  }

private:
  const Level &level;
};

} // namespace

void targets::addX86Targets(TargetRegistry &registry) {
  for (const Level &level : kLevels) {
    auto target = std::make_unique<X86Target>(level);
    if (level.isListed)
      registry.add(std::move(target));
    else
      registry.addUnlisted(std::move(target));
  }
}
