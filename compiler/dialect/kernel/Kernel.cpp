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
  if (lhs.getDimSize(0) != getProducts() * acc.getDimSize(0))
    return emitOpError() << "(C1) expected operands of " << getProducts() * acc.getDimSize(0)
                         << " elements for " << acc << ", found " << lhs;
  std::optional<uint64_t> bits = getLhsBits();
  if (bits && (*bits < 1 || *bits > 8 || !lhs.getElementType().isInteger(8)))
    return emitOpError() << "(C2) expected lhs_bits of 1 .. 8 for elements of i8, found " << *bits
                         << " for " << lhs;
  return success();
}
