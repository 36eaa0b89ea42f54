#include "targets/aarch64/Aarch64.h"

#include "targets/aarch64/lower_dots_to_neon/LowerDotsToNeon.h"
#include "targets/llvm/LlvmTarget.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

namespace {

/// What tells one level from another.
struct Level {
  const char *name;
  const char *description;
  const char *features;  // that the code uses and a machine must have
  const char *tuneCpu;   // LLVM's name of the smallest core that it is for
  bool hasTiles = false; // smmla: 2 x 8 by 8 x 2 bytes
};

constexpr const char *kTriple = "aarch64-unknown-linux-gnu";
constexpr int64_t kVectorBits = 128;
constexpr int64_t kVectorRegisters = 32;
// Of the big and middle cores since Cortex-A76; a Cortex-A76 has 256 KiB or 512.
constexpr int64_t kL1Bytes = 64 * 1024;
constexpr int64_t kL2Bytes = 256 * 1024;
constexpr int64_t kLineBytes = 64;

constexpr Level kLevels[] = {
    {"aarch64-dotprod", "NEON with dot products (Armv8.2): Cortex-A76 and later",
     "dotprod,fp-armv8,fullfp16,neon", "cortex-a76"},
    {"aarch64-i8mm", "NEON with products in tiles (Armv8.6): Cortex-X2, Cortex-A710 and later",
     "dotprod,fp-armv8,fullfp16,i8mm,neon", "cortex-a710", /*hasTiles=*/true},
};

/// sdot, and smlal on the words of one lane: pairs would have to be added across lanes first.
ArrayAttr dots(MLIRContext *context) {
  auto integer = [&](unsigned bits) -> Type {
    return IntegerType::get(context, bits, IntegerType::Signed);
  };
  return ArrayAttr::get(context, {plan::DotAttr::get(context, integer(8), integer(8), 4),
                                  plan::DotAttr::get(context, integer(16), integer(16), 1)});
}

/// Panels take them: words of eight bytes.
ArrayAttr mmas(MLIRContext *context, const Level &level) {
  Type byte = IntegerType::get(context, 8, IntegerType::Signed);
  return level.hasTiles ? ArrayAttr::get(context, {plan::MmaAttr::get(context, byte, byte, /*m=*/2,
                                                                      /*n=*/2, /*k=*/8)})
                        : ArrayAttr();
}

/// How far ahead one row's form asks is that of x86-64 until a device has been measured. A panel of
/// 4 vectors has 16 rows, whose scales of f16 fill half a line. Four pipes with a latency of three
/// have twelve dots in flight.
plan::TuningAttr tuning(MLIRContext *context) {
  return plan::TuningAttr::get(context, /*floatAheadBytes=*/2048, /*quantizedAheadBytes=*/5120,
                               /*dotsInFlight=*/12, /*cacheBlock=*/128, /*panelVectors=*/4,
                               /*laneOperands=*/true);
}

void initialize() {
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
}

class Aarch64Target : public LlvmTarget {
public:
  explicit Aarch64Target(const Level &level)
      : LlvmTarget({level.name, level.description, kTriple, /*cpu=*/"generic", level.features,
                    /*tuning=*/"", level.tuneCpu, kVectorBits},
                   initialize),
        level(level) {}

  plan::TargetAttr facts(MLIRContext *context) const override {
    return plan::TargetAttr::get(
        context, level.name, kTriple, "generic", signedFeatures(), kVectorBits, kVectorRegisters,
        kL1Bytes, kL2Bytes, /*scalable=*/false, plan::kAbiAlignment, kLineBytes,
        /*pointerBits=*/64, dots(context), mmas(context, level),
        Builder(context).getTypeArrayAttr(Float32Type::get(context)), tuning(context));
  }

  void addLoweringPasses(OpPassManager &passes) const override {
    passes.addPass(createLowerDotsToNeon());
  }

  /// In this process on a machine of the kind, else by QEMU where it and the C library of the
  /// target are installed (Debian: qemu-user, g++-aarch64-linux-gnu).
  std::optional<Runner> runner() const override {
    if (std::optional<Runner> here = LlvmTarget::runner())
      return here;
    constexpr StringLiteral kRoot = "/usr/aarch64-linux-gnu";
    llvm::ErrorOr<std::string> emulator = llvm::sys::findProgramByName("qemu-aarch64");
    if (!emulator || !llvm::sys::fs::exists(kRoot + "/lib/ld-linux-aarch64.so.1"))
      return std::nullopt;
    return Runner{{*emulator, "-cpu", "max", "-L", kRoot.str()}};
  }

private:
  const Level &level;
};

} // namespace

void targets::addAarch64Targets(TargetRegistry &registry) {
  for (const Level &level : kLevels)
    registry.add(std::make_unique<Aarch64Target>(level));
}
