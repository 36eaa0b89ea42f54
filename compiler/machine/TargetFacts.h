// The facts about a target that a machine description may state itself: what #plan.target says of
// the targets that bluec compiles for. A new fact is a row here, a line in `attribute`, and a line
// in README.md.
#ifndef BLUEC_COMPILER_MACHINE_TARGETFACTS_H
#define BLUEC_COMPILER_MACHINE_TARGETFACTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace mlir {
class MLIRContext;
} // namespace mlir
namespace bluec::plan {
class TargetAttr;
} // namespace bluec::plan

namespace bluec {

struct TargetFacts {
  int64_t vectorBits = 0;
  int64_t vectorRegisters = 0;
  int64_t l1Bytes = 0;
  int64_t l2Bytes = 0;

  /// The same under that name. There is no code for it: triple, CPU and features are empty.
  plan::TargetAttr attribute(mlir::MLIRContext *context, llvm::StringRef name) const;
};

/// A fact as JSON has it: a whole number that has to be there.
struct TargetFact {
  const char *name; // as in #plan.target
  int64_t TargetFacts::*value;
  int64_t least, most;
  bool powerOfTwo;
};
llvm::ArrayRef<TargetFact> targetFacts();

} // namespace bluec

#endif // BLUEC_COMPILER_MACHINE_TARGETFACTS_H
