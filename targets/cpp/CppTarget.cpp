#include "targets/cpp/CppTarget.h"

#include "runtime/abi/BundleFormat.h"
#include "targets/cpp/CompilerPackager.h"
#include "targets/cpp/CppGenerator.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

namespace {

/// Vectors as wide as AVX2's, which are two registers of NEON or SSE; what the compiler makes of
/// them is its own affair.
constexpr int64_t kVectorBits = 256;
constexpr int64_t kVectorRegisters = 16;

class CppTarget : public Target {
public:
  StringRef name() const override { return "cpp"; }
  StringRef description() const override { return "C++17 source, for any toolchain"; }
  StringRef triple() const override {
    return {runtime::kAnyTriple.data(), runtime::kAnyTriple.size()};
  }
  StringRef features() const override { return ""; }

  plan::TargetAttr facts(MLIRContext *context) const override {
    // Pairs of words, which compilers make something of; bytes become words first.
    Type word = IntegerType::get(context, 16, IntegerType::Signed);
    ArrayAttr dots = ArrayAttr::get(context, {plan::DotAttr::get(context, word, word, /*k=*/2)});
    return plan::TargetAttr::get(context, name(), triple(), /*cpu=*/"generic", /*features=*/"",
                                 kVectorBits, kVectorRegisters, /*l1Bytes=*/32 * 1024,
                                 /*l2Bytes=*/512 * 1024, /*scalable=*/false, plan::kAbiAlignment,
                                 /*lineBytes=*/64, /*pointerBits=*/64, dots, /*mmas=*/{},
                                 Builder(context).getTypeArrayAttr(Float32Type::get(context)),
                                 /*tuning=*/{});
  }

  const CodeGenerator &codeGenerator() const override { return generator; }
  const Packager &packager() const override { return compiler; }

  bool canBeHost() const override { return false; }
  std::optional<Runner> runner() const override {
    std::string why;
    return succeeded(compiler.check(why)) ? std::optional<Runner>(Runner{}) : std::nullopt;
  }

private:
  CppGenerator generator;
  CompilerPackager compiler;
};

} // namespace

void targets::addCppTarget(TargetRegistry &registry) {
  registry.add(std::make_unique<CppTarget>());
}
