#include "compiler/dialect/plan/Plan.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec::plan;

#include "compiler/dialect/plan/PlanDialect.cpp.inc"

#include "compiler/dialect/plan/PlanEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/plan/PlanAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/plan/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/plan/PlanOps.cpp.inc"
      >();
}
