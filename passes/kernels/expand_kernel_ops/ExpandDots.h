// kernel.dot in arith, exactly: what it means on a target without an instruction for it.
#ifndef BLUEC_PASSES_KERNELS_EXPAND_DOTS_H
#define BLUEC_PASSES_KERNELS_EXPAND_DOTS_H

#include "mlir/IR/PatternMatch.h"

namespace bluec::kernels {

/// Adds patterns that turn every kernel.dot into extensions, products and sums of i32.
void populateExpandDotPatterns(mlir::RewritePatternSet &patterns);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_EXPAND_DOTS_H
