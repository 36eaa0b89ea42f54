#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace bluec::kernel;

#include "compiler/dialect/kernel/KernelDialect.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/kernel/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/kernel/KernelOps.cpp.inc"
      >();
}

LogicalResult DotOp::verify() {
  VectorType acc = getAcc().getType(), lhs = getLhs().getType();
  auto k = static_cast<int64_t>(getK());
  // Divided, so that no product overflows.
  int64_t lanes = acc.getDimSize(0), elements = lhs.getDimSize(0);
  if (k < 1 || elements % k != 0 || elements / k != lanes)
    return emitOpError() << "(C1) expected operands of " << k << " elements for each lane of "
                         << acc << ", found " << lhs;
  std::optional<uint64_t> bits = getLhsBits();
  uint64_t most = getUnsignedLhs() ? 8 : 7;
  if (bits && (*bits < 1 || *bits > most || !lhs.getElementType().isInteger(8)))
    return emitOpError() << "(C2) expected lhs_bits of 1 .. " << most
                         << " for elements of i8, found " << *bits << " for " << lhs;
  return success();
}

LogicalResult MmaOp::verify() {
  VectorType acc = getAcc().getType(), lhs = getLhs().getType(), rhs = getRhs().getType();
  auto m = static_cast<int64_t>(getM()), n = static_cast<int64_t>(getN());
  auto k = static_cast<int64_t>(getK());
  int64_t sums = acc.getDimSize(0);
  bool isTile = m >= 1 && n >= 1 && k >= 1 && sums % m == 0 && sums / m % n == 0;
  int64_t tiles = isTile ? sums / m / n : 0;
  auto holds = [&](VectorType side, int64_t rows) {
    int64_t elements = side.getDimSize(0);
    return elements % k == 0 && elements / k % rows == 0 && elements / k / rows == tiles;
  };
  if (!isTile || !holds(lhs, m) || !holds(rhs, n) || lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "(C1) expected tiles of " << m << " x " << n << " sums, and as many of "
                         << m << " x " << k << " and " << n << " x " << k
                         << " elements of one type, found " << acc << ", " << lhs << " and " << rhs;
  return success();
}
