// How large a value may be. Shapes come from model files, which may be hostile.
#ifndef BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LIMITS_H
#define BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LIMITS_H

#include "mlir/Support/LLVM.h"
#include "llvm/Support/MathExtras.h"

#include <cstdint>

namespace bluec {

/// Elements of the largest value in an entry point; a file that asks for more is at fault.
inline constexpr int64_t kMostElements = int64_t{1} << 32;

/// Tiles that one call encodes; a bundle lists the calls for every number of tiles below.
inline constexpr int64_t kMostTiles = 64;

/// True when the shape is static and has at most kMostElements elements.
inline bool isReasonable(mlir::ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t side : shape)
    if (side < 0 || llvm::MulOverflow(elements, side, elements) || elements > kMostElements)
      return false;
  return true;
}

} // namespace bluec

#endif // BLUEC_PASSES_SCHEDULE_LOWER_TO_PLAN_LIMITS_H
