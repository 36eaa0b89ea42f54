// Floats to integers as blue.quantize says: the formula that every kernel and the plain evaluator
// share, operation by operation, so that they agree to the bit.
#ifndef BLUEC_PASSES_KERNELS_TEMPLATES_QUANTIZE_H
#define BLUEC_PASSES_KERNELS_TEMPLATES_QUANTIZE_H

#include "compiler/dialect/plan/Layouts.h"
#include "passes/kernels/templates/KernelBuilder.h"

namespace bluec::kernels {

/// Where a row of quantized activations is, in bytes: its first element, and what its scales and
/// sums are behind.
struct RowPlace {
  mlir::Value elements, numbers;
};
RowPlace placeOf(KernelBuilder &b, const plan::RowLayout &layout, mlir::Value row);
/// As RowLayout's elementOffset().
mlir::Value elementOffset(KernelBuilder &b, const plan::RowLayout &layout, mlir::Value element);
/// Where the scale of a group, and a sum, of a row are.
mlir::Value scaleAt(KernelBuilder &b, const plan::RowLayout &layout, const RowPlace &row,
                    mlir::Value group);
mlir::Value sumAt(KernelBuilder &b, const plan::RowLayout &layout, const RowPlace &row,
                  mlir::Value number);

/// max |x| / most over the columns 0 .. width - 1 that `load` gives, as f32.
mlir::Value largestScale(KernelBuilder &b, int64_t width, int64_t most,
                         llvm::function_ref<mlir::Value(Columns)> load);

/// The same with most = 32767, but large enough that the integers' Euclidean norm stays below
/// 2^15.5: so does every sum of products of two such rows below 2^31 (Cauchy-Schwarz). At most 512
/// columns.
mlir::Value boundedScale(KernelBuilder &b, int64_t width,
                         llvm::function_ref<mlir::Value(Columns)> load);

/// `scale` rounded to the nearest f16 that is finite, as f16.
mlir::Value toHalf(KernelBuilder &b, mlir::Value scale);

/// round(x / scale), ties to even, within -most .. most, as i32; 0 where scale is 0, -most where x
/// is not a number. x is a vector, scale an f32.
mlir::Value toIntegers(KernelBuilder &b, mlir::Value x, mlir::Value scale, int64_t most);

} // namespace bluec::kernels

#endif // BLUEC_PASSES_KERNELS_TEMPLATES_QUANTIZE_H
