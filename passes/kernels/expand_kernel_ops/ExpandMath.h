// Functions of f32 vectors as polynomials: kernels call no library.
#ifndef BLUEC_PASSES_KERNELS_EXPAND_MATH_H
#define BLUEC_PASSES_KERNELS_EXPAND_MATH_H

#include "mlir/IR/PatternMatch.h"

namespace bluec::kernels {

/// Adds patterns for
/// - math.exp: within 1 ulp where the result is a normal number; 0 below -87.33 (where it would be
///   subnormal), infinity above 88.72; exp(0) is exactly 1; not a number stays that;
/// - math.tanh and math.erf: MLIR's rational approximations, within 1e-6.
void populateExpandMathPatterns(mlir::RewritePatternSet &patterns);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_EXPAND_MATH_H
