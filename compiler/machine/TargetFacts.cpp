#include "compiler/machine/TargetFacts.h"

#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/Builders.h"

#include <algorithm>

using namespace bluec;

// Fewer bits than 128 hold no block of a quantized cache: a word has four positions.
static constexpr int64_t kLeastBits = 128, kMostBits = 65536;
static constexpr int64_t kMostRegisters = 1024;
// What a description does not say: bytes of a plan and its padding follow from these, too. They are
// the same for every description, and for no host.
static constexpr int64_t kLineBytes = 64, kPointerBits = 64, kCacheBlock = 128, kPanelVectors = 2;
static constexpr int64_t kMostBytes = int64_t{1} << 40;

static constexpr TargetFact kFacts[] = {
    {"vectorBits", &TargetFacts::vectorBits, kLeastBits, kMostBits, true},
    {"vectorRegisters", &TargetFacts::vectorRegisters, 1, kMostRegisters, false},
    {"l1Bytes", &TargetFacts::l1Bytes, 1, kMostBytes, false},
    {"l2Bytes", &TargetFacts::l2Bytes, 1, kMostBytes, false},
};

llvm::ArrayRef<TargetFact> bluec::targetFacts() { return kFacts; }

plan::TargetAttr TargetFacts::attribute(mlir::MLIRContext *context, llvm::StringRef name) const {
  auto integer = [&](unsigned bits, mlir::IntegerType::SignednessSemantics sign) -> mlir::Type {
    return mlir::IntegerType::get(context, bits, sign);
  };
  mlir::Type bytes = integer(8, mlir::IntegerType::Signed);
  mlir::Type words = integer(16, mlir::IntegerType::Signed);
  auto dots = mlir::ArrayAttr::get(
      context, {plan::DotAttr::get(context, integer(8, mlir::IntegerType::Unsigned), bytes, 4),
                plan::DotAttr::get(context, words, words, 2)});
  return plan::TargetAttr::get(
      context, name, /*triple=*/"", /*cpu=*/"", /*features=*/"", vectorBits, vectorRegisters,
      l1Bytes, l2Bytes, /*scalable=*/false, std::max(plan::kAbiAlignment, vectorBits / 8),
      kLineBytes, kPointerBits, dots,
      /*mmas=*/{}, mlir::Builder(context).getTypeArrayAttr(mlir::Float32Type::get(context)),
      plan::TuningAttr::get(context, /*floatAheadBytes=*/0, /*quantizedAheadBytes=*/0,
                            /*dotsInFlight=*/1, std::max(kCacheBlock, vectorBits / 32),
                            kPanelVectors, /*laneOperands=*/false));
}
