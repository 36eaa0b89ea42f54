#include "compiler/machine/TargetFacts.h"

#include "compiler/dialect/plan/Plan.h"

using namespace bluec;

// Fewer bits than 128 hold no block of a quantized cache: a word has four positions.
static constexpr int64_t kLeastBits = 128, kMostBits = 65536;
static constexpr int64_t kMostRegisters = 1024;
static constexpr int64_t kMostBytes = int64_t{1} << 40;

static constexpr TargetFact kFacts[] = {
    {"vectorBits", &TargetFacts::vectorBits, kLeastBits, kMostBits, true},
    {"vectorRegisters", &TargetFacts::vectorRegisters, 1, kMostRegisters, false},
    {"l1Bytes", &TargetFacts::l1Bytes, 1, kMostBytes, false},
    {"l2Bytes", &TargetFacts::l2Bytes, 1, kMostBytes, false},
};

llvm::ArrayRef<TargetFact> bluec::targetFacts() { return kFacts; }

plan::TargetAttr TargetFacts::attribute(mlir::MLIRContext *context, llvm::StringRef name) const {
  return plan::TargetAttr::get(context, name, /*triple=*/"", /*cpu=*/"", /*features=*/"",
                               vectorBits, vectorRegisters, l1Bytes, l2Bytes);
}
