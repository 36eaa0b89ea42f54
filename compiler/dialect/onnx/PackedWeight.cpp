#include "compiler/dialect/onnx/PackedWeight.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bluec::onnx;

static constexpr int64_t kMaxExtent = int64_t{1} << 32;
static constexpr int64_t kMinBlock = 16, kMaxBlock = int64_t{1} << 20;

static LogicalResult check(const PackedWeight &weight,
                           llvm::function_ref<InFlightDiagnostic()> emitError) {
  if (weight.bits != 4 && weight.bits != 8)
    return emitError() << "expected bits 4 or 8, found " << weight.bits;
  if (weight.block < kMinBlock || weight.block > kMaxBlock ||
      !llvm::isPowerOf2_64(static_cast<uint64_t>(weight.block)))
    return emitError() << "expected a block_size that is a power of two from " << kMinBlock
                       << " to " << kMaxBlock << ", found " << weight.block;
  for (int64_t extent : {weight.rows, weight.columns})
    if (extent < 1 || extent > kMaxExtent)
      return emitError() << "expected a weight of 1 to " << kMaxExtent
                         << " rows and columns, found " << weight.rows << " and " << weight.columns;
  return success();
}

FailureOr<PackedWeight> PackedWeight::of(MsMatMulNBitsOp op,
                                         llvm::function_ref<InFlightDiagnostic()> emitError) {
  PackedWeight weight{static_cast<int64_t>(op.getN()), static_cast<int64_t>(op.getK()),
                      static_cast<int64_t>(op.getBits()), static_cast<int64_t>(op.getBlockSize())};
  if (failed(check(weight, emitError)))
    return failure();
  return weight;
}

FailureOr<PackedWeight> PackedWeight::of(MsGatherBlockQuantizedOp op, ArrayRef<int64_t> data,
                                         bool inBytes,
                                         llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto bits = static_cast<int64_t>(op.getBits());
  auto gatherAxis = static_cast<int64_t>(op.getGatherAxis());
  auto quantizeAxis = static_cast<int64_t>(op.getQuantizeAxis());
  if (data.size() != 2 || gatherAxis != 0 || (quantizeAxis != 1 && quantizeAxis != -1))
    return emitError() << "expected data of rank 2, gather_axis 0 and quantize_axis 1, found rank "
                       << data.size() << ", " << gatherAxis << " and " << quantizeAxis;
  if (!inBytes && bits != 4)
    return emitError() << "expected bits 4 for 4-bit data, found " << bits;
  if (data[1] < 1 || data[1] > kMaxExtent)
    return emitError() << "expected data of 1 to " << kMaxExtent << " columns, found " << data[1];
  PackedWeight weight{data[0], inBytes && bits == 4 ? 2 * data[1] : data[1], bits,
                      static_cast<int64_t>(op.getBlockSize())};
  if (failed(check(weight, emitError)))
    return failure();
  return weight;
}

FailureOr<PackedWeight> PackedWeight::of(MsQMoEOp op, int64_t experts, int64_t rows,
                                         int64_t columns,
                                         llvm::function_ref<InFlightDiagnostic()> emitError) {
  auto bits = static_cast<int64_t>(op.getExpertWeightBits());
  auto block = static_cast<int64_t>(op.getBlockSize());
  PackedWeight weight{0, columns, bits, block};
  if (llvm::MulOverflow(experts, rows, weight.rows))
    weight.rows = 0; // refused below
  // Of a row of its own size no block is asked.
  PackedWeight checked = weight;
  checked.block = block == 0 ? kMinBlock : block;
  if (failed(check(checked, emitError)))
    return failure();
  if (block == 0)
    weight.block = columns;
  if (columns % weight.block != 0 || columns * bits % 8 != 0)
    return emitError() << "expected rows of whole blocks of " << weight.block
                       << " and of whole bytes, found " << columns << " columns";
  return weight;
}
