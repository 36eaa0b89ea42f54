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
  unsigned bits = type.getElementType().isIndex() ? IndexType::kInternalStorageBitWidth
                                                  : type.getElementTypeBitWidth();
  return type.getNumElements() * ((bits + 7) / 8);
}

//===------------------------------------------------------------------------------------------===//
// What follows from facts
//===------------------------------------------------------------------------------------------===//

Type DotAttr::getStorage() const {
  return isFloat() ? getRhs() : IntegerType::get(getContext(), static_cast<unsigned>(getBits()));
}

TuningAttr TargetAttr::getTuningOrDefault() const {
  if (getTuning())
    return getTuning();
  return TuningAttr::get(getContext(), /*floatAheadBytes=*/0, /*quantizedAheadBytes=*/0,
                         /*dotsInFlight=*/1, kUntunedCacheBlock, kUntunedPanelVectors,
                         /*laneOperands=*/false);
}

int64_t bluec::plan::alignmentOf(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  int64_t alignment = target ? target.getAlignment() : kAbiAlignment;
  for (auto device : module.getOps<DeviceOp>())
    alignment = std::max(alignment, device.getTarget().getAlignment());
  return alignment;
}

TargetAttr bluec::plan::targetOf(ModuleOp module, StringRef device) {
  for (auto op : module.getOps<DeviceOp>())
    if (op.getName() == device)
      return op.getTarget();
  return module->getAttrOfType<TargetAttr>(kTargetAttr);
}

TargetAttr bluec::plan::targetOf(EntryOp entry) {
  return targetOf(entry->getParentOfType<ModuleOp>(), entry.getDevice());
}

int64_t bluec::plan::lanesOf(TargetAttr target) {
  constexpr int64_t kLaneBits = 32; // of f32, and of the sums of dots
  return target.getVectorBits() / kLaneBits;
}

int64_t bluec::plan::panelRows(TargetAttr target) {
  return target.getTuningOrDefault().getPanelVectors() * lanesOf(target);
}

DotAttr bluec::plan::dotFor(TargetAttr target, Type storage) {
  MLIRContext *context = storage.getContext();
  if (isa<FloatType>(storage)) {
    auto f32 = Float32Type::get(context);
    return DotAttr::get(context, f32, f32, 1);
  }
  DotAttr best;
  if (target && target.getDots())
    for (auto dot : target.getDots().getAsRange<DotAttr>())
      // Activations have a sign.
      if (!dot.isFloat() && !dot.isRhsUnsigned() &&
          dot.getBits() >= storage.getIntOrFloatBitWidth() &&
          (!best || dot.getBits() < best.getBits()))
        best = dot;
  auto plain = IntegerType::get(context, 32, IntegerType::Signed);
  return best ? best : DotAttr::get(context, plain, plain, 1);
}

/// The dot of one row of the tile on either side: weights on its left, activations on its right.
static DotAttr dotOf(MmaAttr mma) {
  return DotAttr::get(mma.getContext(), mma.getRhs(), mma.getLhs(), mma.getK());
}

static MmaAttr findMma(TargetAttr target, function_ref<bool(MmaAttr)> holds) {
  if (target && target.getMmas())
    for (auto mma : target.getMmas().getAsRange<MmaAttr>())
      if (mma.getM() == 2 && lanesOf(target) % mma.getN() == 0 && holds(mma))
        return mma;
  return {};
}

DotAttr bluec::plan::panelDotFor(TargetAttr target, Type storage) {
  DotAttr dot = dotFor(target, storage);
  MmaAttr mma = findMma(target, [&](MmaAttr one) {
    return one.getRhs() == dot.getLhs() && one.getLhs() == dot.getRhs();
  });
  return mma ? dotOf(mma) : dot;
}

MmaAttr bluec::plan::mmaFor(TargetAttr target, DotAttr dot) {
  return findMma(target, [&](MmaAttr one) { return dotOf(one) == dot; });
}

bool bluec::plan::hasDot(TargetAttr target, DotAttr dot) {
  bool isPlain = dot.getK() == 1 && dot.getBits() == 32;
  return isPlain || (target.getDots() && llvm::is_contained(target.getDots(), dot)) ||
         mmaFor(target, dot);
}

static int64_t alignmentOf(TargetAttr target) {
  return target ? target.getAlignment() : kAbiAlignment;
}

PanelsAttr bluec::plan::panelsFor(TargetAttr target, Type dot) {
  return PanelsAttr::get(dot.getContext(), target ? panelRows(target) : 1, panelDotFor(target, dot),
                         ::alignmentOf(target));
}
RowsAttr bluec::plan::rowsFor(TargetAttr target, RankedTensorType rows, int64_t sums) {
  MmaAttr mma;
  if (target)
    mma = mmaFor(target, panelDotFor(target, storageOf(rows)));
  bool areSeveral = rows.getNumElements() > rows.getShape().back();
  // A vector of elements is stored into one row's part.
  int64_t pairs = mma && areSeveral && lanesOf(target) <= mma.getK() ? mma.getK() : 0;
  return RowsAttr::get(rows.getContext(), sums, pairs, ::alignmentOf(target));
}
KeysAttr bluec::plan::keysFor(TargetAttr target, int64_t heads, int64_t block, Type dot) {
  return KeysAttr::get(dot.getContext(), heads, block, dotFor(target, dot), ::alignmentOf(target));
}
ValuesAttr bluec::plan::valuesFor(TargetAttr target, int64_t heads, int64_t block, Type dot) {
  return ValuesAttr::get(dot.getContext(), heads, block, dotFor(target, dot),
                         ::alignmentOf(target));
}

Type bluec::plan::storageOf(Type tensor) {
  Type element = cast<RankedTensorType>(tensor).getElementType();
  if (auto quantized = dyn_cast<blue::QuantizedType>(element))
    return quantized.getStorage();
  return element;
}

RankedTensorType bluec::plan::floatKeysFor(TargetAttr target, int64_t batch, int64_t heads,
                                           int64_t positions, int64_t headDim, Type element) {
  int64_t lanes = lanesOf(target);
  return RankedTensorType::get(
      {batch, heads, llvm::divideCeilSigned(positions, lanes), headDim, lanes}, element);
}

int64_t bluec::plan::attentionBlock(TargetAttr target, int64_t positions) {
  // As few blocks as with a cache's, and in the last one as few positions that are not there, but
  // whole register tiles of scores.
  constexpr int64_t kVectorsOfTile = 4;
  int64_t unit = kVectorsOfTile * lanesOf(target);
  int64_t most = target.getTuningOrDefault().getCacheBlock();
  int64_t blocks = std::max<int64_t>(1, llvm::divideCeilSigned(positions, most));
  int64_t even = llvm::divideCeilSigned(positions, blocks);
  return std::clamp(llvm::divideCeilSigned(even, unit) * unit, std::min(unit, most), most);
}

SmallVector<Type> bluec::plan::cacheTypes(TargetAttr target, MLIRContext *context) {
  auto f32 = Float32Type::get(context);
  ArrayAttr floats = target ? target.getFloats() : ArrayAttr();
  SmallVector<Type> types;
  if (!floats || llvm::is_contained(floats, TypeAttr::get(f32)))
    types.push_back(f32);
  types.push_back(IntegerType::get(context, 8));
  return types;
}

RankedTensorType bluec::plan::panelsOf(RankedTensorType type, int64_t rows) {
  return RankedTensorType::get(
      {llvm::divideCeilSigned(type.getDimSize(0), rows), type.getDimSize(1), rows},
      type.getElementType());
}

bool bluec::plan::isElementwise(Operation *op) {
  return isa<blue::GeluOp, blue::GeluTanhOp, blue::QuickGeluOp, blue::SiluOp, blue::ReluOp,
             blue::TanhOp, blue::SigmoidOp, blue::ScaleOp, blue::ClampOp, blue::AddOp, blue::SubOp,
             blue::MulOp, blue::SwigluOp>(op);
}

int64_t bluec::plan::normGroups(Operation *op) {
  if (auto norm = dyn_cast_or_null<blue::RmsNormOp>(op))
    return norm.getGroups();
  if (auto norm = dyn_cast_or_null<blue::LayerNormOp>(op))
    return norm.getGroups();
  return 1;
}

/// The value whose name stands at its place in `names`.
template <typename Values>
static Value valueNamed(ArrayAttr names, StringRef name, const Values &values) {
  for (auto [named, value] : llvm::zip(names.getAsValueRange<StringAttr>(), values))
    if (named == name)
      return value;
  return {};
}

Value EntryOp::getInput(StringRef name) {
  return valueNamed(getTakes(), name, getBody().getArguments());
}
Value EntryOp::getOutput(StringRef name) {
  return valueNamed(getGives(), name, getBody().front().getTerminator()->getOperands());
}

EntryOp bluec::plan::findEntry(ModuleOp module, Role role, StringRef takes) {
  for (auto entry : module.getOps<EntryOp>())
    if (entry.getRole() == role && entry.getInput(takes))
      return entry;
  return {};
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
  return target;
}
