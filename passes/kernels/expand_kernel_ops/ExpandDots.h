// kernel.dot and kernel.mma in arith, exactly: what they mean on a target without an instruction.
#ifndef BLUEC_PASSES_KERNELS_EXPAND_DOTS_H
#define BLUEC_PASSES_KERNELS_EXPAND_DOTS_H

#include "mlir/IR/PatternMatch.h"

namespace bluec::kernels {

/// Add patterns that turn every kernel.dot, or every kernel.mma, into extensions, products and sums
/// of i32.
void populateExpandDotPatterns(mlir::RewritePatternSet &patterns);
void populateExpandMmaPatterns(mlir::RewritePatternSet &patterns);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_EXPAND_DOTS_H
