#include "compiler/dialect/plan/Plan.h"

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

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

int64_t bluec::plan::denseBytes(RankedTensorType type) {
  if (auto panels = PanelLayout::of(type))
    return panels->bytes();
  if (auto rows = RowLayout::of(type))
    return rows->bytes();
  if (auto cached = CacheLayout::of(type))
    return cached->bytes();
  assert(!isa<blue::QuantizedType>(type.getElementType()) && "a quantized tensor has a layout");
  unsigned bits = type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  return type.getNumElements() * ((bits + 7) / 8);
}

int64_t bluec::plan::keyLanes(TargetAttr target) { return target.getVectorBits() / 32; }

int64_t bluec::plan::panelRows(TargetAttr target) { return 2 * target.getVectorBits() / 32; }

RankedTensorType bluec::plan::panelsOf(RankedTensorType type, int64_t rows) {
  return RankedTensorType::get(
      {llvm::divideCeilSigned(type.getDimSize(0), rows), type.getDimSize(1), rows},
      type.getElementType());
}

bool bluec::plan::isElementwise(Operation *op) {
  return isa<blue::GeluOp, blue::GeluTanhOp, blue::QuickGeluOp, blue::SiluOp, blue::ReluOp,
             blue::TanhOp, blue::SigmoidOp, blue::ScaleOp, blue::AddOp, blue::SubOp, blue::MulOp,
             blue::SwigluOp>(op);
}

bool bluec::plan::isEncoder(EntryKind kind) {
  return kind == EntryKind::Encode || kind == EntryKind::EncodePatches ||
         kind == EntryKind::EncodeBlocks;
}

std::optional<SmallVector<ArrayRef<int64_t>>> bluec::plan::encodeCallsOf(ModuleOp module) {
  auto lists = module->getAttrOfType<ArrayAttr>(kEncodeCallsAttr);
  if (!lists)
    return std::nullopt;
  SmallVector<ArrayRef<int64_t>> calls;
  for (Attribute list : lists) {
    auto capacities = dyn_cast<DenseI64ArrayAttr>(list);
    if (!capacities)
      return std::nullopt;
    calls.push_back(capacities.asArrayRef());
  }
  return calls;
}

TargetAttr bluec::plan::requireTarget(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target) {
    module.emitError() << "expected a #plan.target as " << kTargetAttr;
    return {};
  }
  if (target.getVectorBits() < 32 || target.getVectorBits() % 32 != 0) {
    module.emitError() << "expected vectorBits to be a multiple of 32, found "
                       << target.getVectorBits();
    return {};
  }
  return target;
}
