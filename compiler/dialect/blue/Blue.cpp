#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec::blue;

#include "compiler/dialect/blue/BlueDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/blue/BlueAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/blue/BlueOps.cpp.inc"

void BlueDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/blue/BlueAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/blue/BlueOps.cpp.inc"
      >();
}
