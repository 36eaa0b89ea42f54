#include "passes/kernels/templates/Quantize.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

RowPlace kernels::placeOf(KernelBuilder &b, const plan::RowLayout &layout, Value row) {
  int64_t together = layout.together();
  Value start = b.mul(b.div(row, together), together * layout.rowBytes());
  if (together == 1)
    return {start, start};
  Value second = b.rem(row, together);
  return {b.add(start, b.mul(second, layout.elementsAt(1))), b.add(start, b.mul(second, 4))};
}

Value kernels::elementOffset(KernelBuilder &b, const plan::RowLayout &layout, Value element) {
  if (layout.pairs == 0)
    return b.mul(element, layout.elementBytes);
  Value inPairs =
      b.add(b.mul(b.div(element, layout.pairs), 2 * layout.pairs), b.rem(element, layout.pairs));
  return b.mul(inPairs, layout.elementBytes);
}

Value kernels::scaleAt(KernelBuilder &b, const plan::RowLayout &layout, const RowPlace &row,
                       Value group) {
  return b.add(b.add(row.numbers, b.mul(group, layout.numberOffset(1))), layout.scalesAt(0));
}
Value kernels::sumAt(KernelBuilder &b, const plan::RowLayout &layout, const RowPlace &row,
                     Value number) {
  return b.add(row.numbers, b.add(b.mul(number, layout.numberOffset(1)), layout.sumsAt(0)));
}

Value kernels::largestScale(KernelBuilder &b, int64_t width, int64_t most,
                            llvm::function_ref<Value(Columns)> load) {
  Values largest = b.forColumns(width, ValueRange{b.splat(0)}, [&](Columns at, ValueRange carried) {
    return Values{b.maxf(math::AbsFOp::create(b, load(at)), carried[0])};
  });
  return b.divf(b.maxLanes(largest[0]), b.scalar(static_cast<double>(most)));
}

Value kernels::boundedScale(KernelBuilder &b, int64_t width,
                            llvm::function_ref<Value(Columns)> load) {
  // 2^15.5 = 46340.95; 512 elements that are rounded by half add at most 11.4 to the norm.
  constexpr double kMostNorm = 46300;
  Value squares = b.forColumns(width, ValueRange{b.splat(0)}, [&](Columns at, ValueRange carried) {
    Value x = load(at);
    return Values{b.fma(x, x, carried[0])};
  })[0];
  Value norm = b.sqrt(b.sumLanes(squares));
  return b.maxf(b.divf(norm, b.scalar(kMostNorm)), largestScale(b, width, 32767, load));
}

Value kernels::toHalf(KernelBuilder &b, Value scale) {
  return arith::TruncFOp::create(b, b.getF16Type(), b.minf(scale, b.scalar(65504)));
}

Value kernels::toIntegers(KernelBuilder &b, Value x, Value scale, int64_t most) {
  auto bound = static_cast<double>(most);
  Value scales = b.broadcast(scale);
  Value rounded = math::RoundEvenOp::create(b, b.divf(x, scales));
  // The lower bound first: it replaces what is not a number.
  Value within = b.minf(b.maxf(rounded, b.splat(-bound)), b.splat(bound));
  Value ints = arith::FPToSIOp::create(b, b.intVectorType(), within);
  Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, scales, b.splat(0));
  return b.select(isZero, b.splatInt(b.intVectorType(), 0), ints);
}
