// Verifiers of the `plan` dialect: one check for each constraint that PlanOps.td labels.
#include "compiler/dialect/plan/Layouts.h"
#include "compiler/dialect/plan/Plan.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::plan;

namespace {

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type;
  return text;
}

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

LogicalResult expectShape(Operation *op, StringRef label, StringRef what, Value value,
                          ArrayRef<int64_t> shape) {
  RankedTensorType type = tensorOf(value);
  if (type.getShape() == shape)
    return success();
  RankedTensorType expected = RankedTensorType::get(shape, type.getElementType());
  return op->emitOpError() << "(" << label << ") expected " << what << " " << typeText(expected)
                           << ", found " << typeText(type);
}

bool isQuantized(RankedTensorType type) { return isa<blue::QuantizedType>(type.getElementType()); }

using EmitError = function_ref<InFlightDiagnostic()>;

/// The sides of a product: integers of one width with a sign, or f32.
LogicalResult verifySides(EmitError emitError, Type lhs, Type rhs) {
  auto isInteger = [](Type type) {
    auto integer = dyn_cast<IntegerType>(type);
    return integer && !integer.isSignless() && llvm::is_contained({8, 16, 32}, integer.getWidth());
  };
  bool integers = isInteger(lhs) && isInteger(rhs) &&
                  lhs.getIntOrFloatBitWidth() == rhs.getIntOrFloatBitWidth();
  if (integers || (lhs.isF32() && rhs.isF32()))
    return success();
  return emitError()
         << "expected integers of 8, 16 or 32 bits with signs and of one width, or f32, "
            "found "
         << lhs << " x " << rhs;
}

LogicalResult verifyAlignment(EmitError emitError, int64_t alignment) {
  if (alignment > 0 && llvm::isPowerOf2_64(static_cast<uint64_t>(alignment)))
    return success();
  return emitError() << "expected an alignment that is a power of two, found " << alignment;
}

/// The dot of a layout: activations, on its right, have a sign.
LogicalResult verifyDot(EmitError emitError, DotAttr dot, bool floats) {
  if (!dot.isRhsUnsigned() && (floats || !dot.isFloat()))
    return success();
  return emitError() << "expected a dot of integers" << (floats ? " or f32" : "")
                     << " with a signed right side, found " << dot;
}

LogicalResult verifyCached(EmitError emitError, int64_t heads, int64_t block, DotAttr dot,
                           int64_t alignment) {
  if (heads < 1 || block < 1 || block % dot.getK() != 0)
    return emitError() << "expected heads and a block that is a multiple of " << dot.getK()
                       << ", found " << heads << " and " << block;
  if (failed(verifyDot(emitError, dot, /*floats=*/false)))
    return failure();
  return verifyAlignment(emitError, alignment);
}

/// Weight panels for a linear with these N and K, floats or quantized.
LogicalResult verifyPanels(Operation *op, StringRef label, Value panelsValue, int64_t n,
                           int64_t k) {
  RankedTensorType panels = tensorOf(panelsValue);
  if (isQuantized(panels)) {
    if (!PanelLayout::of(panels))
      return op->emitOpError() << "(" << label << ") expected quantized panels with #plan.panels, "
                               << "found " << typeText(panels);
    return expectShape(op, label, "panels", panelsValue, {n, k});
  }
  if (panels.getRank() != 3 || panels.getDimSize(2) < 1)
    return op->emitOpError() << "(" << label << ") expected panels [ceil(N / R), K, R], found "
                             << typeText(panels);
  int64_t rows = panels.getDimSize(2);
  return expectShape(op, label, "panels", panelsValue, {llvm::divideCeilSigned(n, rows), k, rows});
}

/// Quantized keys or values, all sides positive: [S, heads * D] of a cache, or [B, S, heads * D].
std::optional<CacheLayout> quantizedLayout(RankedTensorType type, int64_t rank, bool keys) {
  if (type.getRank() != rank ||
      !llvm::all_of(type.getShape(), [](int64_t side) { return side > 0; }))
    return std::nullopt;
  std::optional<CacheLayout> layout = CacheLayout::of(type);
  if (!layout || layout->keys != keys || layout->dims * layout->heads != type.getShape().back())
    return std::nullopt;
  auto element = cast<blue::QuantizedType>(type.getElementType());
  bool ofCache = element.getBits() == 8 && element.getScale().isF16();
  bool ofEncoder = element.getBits() != 4 && element.getScale().isF32();
  if (element.getZeros() || !(rank == 2 ? ofCache : ofEncoder) ||
      (!keys && layout->block % layout->word.elements() != 0) ||
      element.groupIn(type.getShape().back()) != layout->dims)
    return std::nullopt;
  return layout;
}

/// What pack_keys and pack_values quantize to.
LogicalResult verifyPacked(Operation *op, Value from, Value result, bool keys) {
  RankedTensorType source = tensorOf(from), packed = tensorOf(result);
  if (quantizedLayout(packed, 3, keys) && source.getShape() == packed.getShape())
    return success();
  return op->emitOpError()
         << "(C1) expected [B, T, heads * D] and a result of that shape with #plan."
         << (keys ? "keys" : "values")
         << ", of i8 or i16, no wider than an operand of its dot, with scales of f32 by head, "
            "found "
         << typeText(source) << " and " << typeText(packed);
}

/// A rank-5 type [batch, heads, blocks, D, L] of packed keys, with positive sides.
bool isPackedKeys(RankedTensorType type) {
  return type.getRank() == 5 &&
         llvm::all_of(type.getShape(), [](int64_t side) { return side > 0; });
}

LogicalResult verifyOffset(Operation *op, StringRef label, std::optional<int64_t> offset) {
  if (!offset || *offset >= 0)
    return success();
  return op->emitOpError() << "(" << label << ") expected an offset that is not negative, found "
                           << *offset;
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// Facts
//===------------------------------------------------------------------------------------------===//

LogicalResult DotAttr::verify(EmitError emitError, Type lhs, Type rhs, int64_t k) {
  if (failed(verifySides(emitError, lhs, rhs)))
    return failure();
  // A word of 64 bits is what weights and caches are packed in at most.
  constexpr int64_t kMostWordBits = 64;
  int64_t most = lhs.isF32() ? 1 : kMostWordBits / lhs.getIntOrFloatBitWidth();
  if (k < 1 || k > most || !llvm::isPowerOf2_64(static_cast<uint64_t>(k)))
    return emitError() << "expected a power of two of at most " << most << " products of " << lhs
                       << ", found " << k;
  return success();
}

LogicalResult MmaAttr::verify(EmitError emitError, Type lhs, Type rhs, int64_t m, int64_t n,
                              int64_t k) {
  if (failed(verifySides(emitError, lhs, rhs)))
    return failure();
  if (m < 1 || n < 1 || k < 1)
    return emitError() << "expected a tile of at least 1 x 1 x 1, found " << m << " x " << k
                       << " x " << n;
  return success();
}

LogicalResult TuningAttr::verify(EmitError emitError, int64_t floatAheadBytes,
                                 int64_t quantizedAheadBytes, int64_t dotsInFlight,
                                 int64_t cacheBlock, int64_t panelVectors, bool) {
  if (floatAheadBytes < 0 || quantizedAheadBytes < 0)
    return emitError() << "expected bytes ahead that are not negative, found " << floatAheadBytes
                       << " and " << quantizedAheadBytes;
  if (dotsInFlight < 1 || cacheBlock < 1 || panelVectors < 1)
    return emitError() << "expected at least one dot in flight, one position of a block and one "
                          "vector of a panel, found "
                       << dotsInFlight << ", " << cacheBlock << " and " << panelVectors;
  return success();
}

template <typename Element>
static LogicalResult verifyList(EmitError emitError, StringRef what, ArrayAttr list,
                                StringRef expected, function_ref<bool(Element)> holds) {
  for (Attribute attr : list ? list.getValue() : ArrayRef<Attribute>())
    if (auto element = dyn_cast<Element>(attr); !element || !holds(element))
      return emitError() << "expected " << expected << " in " << what << ", found " << attr;
  return success();
}

LogicalResult TargetAttr::verify(EmitError emitError, StringRef, StringRef, StringRef, StringRef,
                                 int64_t vectorBits, int64_t vectorRegisters, int64_t l1Bytes,
                                 int64_t l2Bytes, bool, int64_t alignment, int64_t lineBytes,
                                 int64_t pointerBits, ArrayAttr dots, ArrayAttr mmas,
                                 ArrayAttr floats, TuningAttr) {
  auto isPowerOf2 = [](int64_t value) {
    return value > 0 && llvm::isPowerOf2_64(static_cast<uint64_t>(value));
  };
  if (vectorBits < 32 || !isPowerOf2(vectorBits))
    return emitError() << "expected vectorBits to be a power of two of at least 32, found "
                       << vectorBits;
  if (vectorRegisters < 1)
    return emitError() << "expected at least one vector register, found " << vectorRegisters;
  if (l1Bytes < 1 || l2Bytes < 1)
    return emitError() << "expected caches of at least one byte, found " << l1Bytes << " and "
                       << l2Bytes;
  if (failed(verifyAlignment(emitError, alignment)))
    return failure();
  if (alignment < vectorBits / 8)
    return emitError() << "expected an alignment of at least a vector, " << vectorBits / 8
                       << " bytes, found " << alignment;
  if (!isPowerOf2(lineBytes))
    return emitError() << "expected lineBytes to be a power of two, found " << lineBytes;
  if (pointerBits != 32 && pointerBits != 64)
    return emitError() << "expected pointerBits to be 32 or 64, found " << pointerBits;
  if (failed(verifyList<DotAttr>(emitError, "dots", dots, "a #plan.dot of integers",
                                 [](DotAttr dot) { return !dot.isFloat(); })) ||
      failed(verifyList<MmaAttr>(emitError, "mmas", mmas, "a #plan.mma",
                                 [](MmaAttr) { return true; })))
    return failure();
  return verifyList<TypeAttr>(emitError, "floats", floats, "a type of floats",
                              [](TypeAttr type) { return isa<FloatType>(type.getValue()); });
}

//===------------------------------------------------------------------------------------------===//
// Layouts
//===------------------------------------------------------------------------------------------===//

LogicalResult PanelsAttr::verify(EmitError emitError, int64_t rows, DotAttr dot,
                                 int64_t alignment) {
  if (rows < 1)
    return emitError() << "expected at least one row in a panel, found " << rows;
  if (failed(verifyDot(emitError, dot, /*floats=*/true)))
    return failure();
  return verifyAlignment(emitError, alignment);
}
LogicalResult RowsAttr::verify(EmitError emitError, int64_t sums, int64_t pairs,
                               int64_t alignment) {
  if (sums < 1)
    return emitError() << "expected sums over at least one element, found " << sums;
  bool isPart =
      pairs > 0 && pairs <= alignment && llvm::isPowerOf2_64(static_cast<uint64_t>(pairs));
  if (pairs != 0 && !isPart)
    return emitError() << "expected pairs of a power of two of elements, or none, found " << pairs;
  return verifyAlignment(emitError, alignment);
}
LogicalResult DownsampleAttr::verify(EmitError emitError, int64_t height, int64_t width, bool) {
  int64_t tokens = 0;
  if (height < 1 || width < 1 || llvm::MulOverflow(height, width, tokens))
    return emitError() << "expected a grid with tokens, found " << height << " x " << width;
  return success();
}
LogicalResult KeysAttr::verify(EmitError emitError, int64_t heads, int64_t block, DotAttr dot,
                               int64_t alignment) {
  return verifyCached(emitError, heads, block, dot, alignment);
}
LogicalResult ValuesAttr::verify(EmitError emitError, int64_t heads, int64_t block, DotAttr dot,
                                 int64_t alignment) {
  return verifyCached(emitError, heads, block, dot, alignment);
}

//===------------------------------------------------------------------------------------------===//
// Storage
//===------------------------------------------------------------------------------------------===//

RankedTensorType WeightOp::getSourceType() {
  if (auto source = dyn_cast<blue::SourceAttr>(getValue()))
    return source.getType();
  if (auto elements = dyn_cast<ElementsAttr>(getValue()))
    return dyn_cast<RankedTensorType>(elements.getType());
  return {};
}

RankedTensorType WeightOp::getTransformedType() {
  RankedTensorType type = getSourceType();
  for (Attribute transform : getTransforms()) {
    FailureOr<RankedTensorType> next =
        blue::inferTransformedType(type, transform, [&] { return emitOpError("(C1) "); });
    if (failed(next))
      return {};
    type = *next;
  }
  return type;
}

int64_t WeightOp::getPanelRows() {
  auto packed = cast<RankedTensorType>(getPacked());
  if (std::optional<PanelLayout> layout = PanelLayout::of(packed))
    return layout->rows;
  RankedTensorType type = getTransformedType();
  return packed.getRank() == 3 && type && type.getRank() == 2 ? packed.getDimSize(2) : 0;
}

int64_t WeightOp::getPackedBytes() { return denseBytes(cast<RankedTensorType>(getPacked())); }

LogicalResult DeviceOp::verify() {
  for (auto other : (*this)->getParentOfType<ModuleOp>().getOps<DeviceOp>()) {
    if (other == *this)
      break;
    if (other.getName() == getName())
      return emitOpError() << "(C1) expected one op for device '" << getName() << "', found two";
  }
  return success();
}

LogicalResult WeightOp::verify() {
  RankedTensorType type = getSourceType();
  if (!type || !type.hasStaticShape())
    return emitOpError("(C1) expected a #blue.source or elements of a static tensor type");
  type = getTransformedType();
  if (!type)
    return failure();
  auto packed = dyn_cast<RankedTensorType>(getPacked());
  bool dense = packed == type && !isQuantized(type);
  bool quantized = packed && isQuantized(type) && PanelLayout::of(packed) &&
                   type.getNumElements() > 0 &&
                   type == RankedTensorType::get(packed.getShape(), packed.getElementType());
  bool panels = packed && packed.hasStaticShape() && packed.getRank() == 3 && type.getRank() == 2 &&
                packed.getDimSize(2) > 0 && !isQuantized(type) &&
                packed == panelsOf(type, packed.getDimSize(2));
  if (!dense && !panels && !quantized)
    return emitOpError() << "(C2) expected " << typeText(type)
                         << " or panels of it as packed type, found " << typeText(getPacked());
  return verifyOffset(*this, "C3", getOffset());
}

LogicalResult CacheOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  bool values = type && type.hasStaticShape() && type.getRank() == 3 && type.getDimSize(0) == 1;
  bool keys = type && type.hasStaticShape() && isPackedKeys(type) && type.getDimSize(0) == 1;
  bool quantized =
      type && type.hasStaticShape() &&
      (quantizedLayout(type, 2, /*keys=*/true) || quantizedLayout(type, 2, /*keys=*/false));
  if (!values && !keys && !quantized)
    return emitOpError() << "(C1) expected [1, context, heads * D] or [1, heads, blocks, D, L], "
                            "found "
                         << typeText(getType());
  return verifyOffset(*this, "C2", getOffset());
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError() << "(C1) expected a plan.weight, found no @" << getWeight();
  if (weight.getPacked() != getResult().getType())
    return emitOpError() << "(C1) expected the packed type " << typeText(weight.getPacked())
                         << ", found " << typeText(getResult().getType());
  return success();
}

LogicalResult GetCacheOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto cache = symbols.lookupNearestSymbolFrom<CacheOp>(*this, getCacheAttr());
  if (!cache)
    return emitOpError() << "(C1) expected a plan.cache, found no @" << getCache();
  if (cache.getType() != getResult().getType())
    return emitOpError() << "(C1) expected the cache's type " << typeText(cache.getType())
                         << ", found " << typeText(getResult().getType());
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Entry points and steps
//===------------------------------------------------------------------------------------------===//

LogicalResult EntryOp::verify() {
  Block &block = getBody().front();
  for (BlockArgument argument : block.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape())
      return emitOpError() << "(C1) expected inputs of static shape, found "
                           << typeText(argument.getType());
  }
  for (Operation &op : block)
    if (!isa<GetWeightOp, GetCacheOp, StepOp, LaunchOp, ReturnOp>(op))
      return op.emitOpError(
          "(C2) is no plan.get_weight, plan.get_cache, plan.step, plan.launch or plan.return");
  auto end = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (!end)
    return emitOpError("(C2) expected a final plan.return");
  for (Value output : end.getOutputs())
    if (!isa_and_nonnull<StepOp, LaunchOp>(output.getDefiningOp()))
      return emitOpError("(C3) expected outputs that are results of steps");
  for (BlockArgument argument : block.getArguments()) {
    RankedTensorType type = tensorOf(argument);
    if (type.getRank() == 0 || type.getDimSize(0) != static_cast<int64_t>(getCapacity()))
      return emitOpError() << "(C4) expected inputs with first dim " << getCapacity() << ", found "
                           << typeText(type);
  }
  if (getInputOffsets() && getInputOffsets()->size() != block.getNumArguments())
    return emitOpError() << "(C5) expected " << block.getNumArguments() << " input offsets, found "
                         << getInputOffsets()->size();
  llvm::StringSet<> names;
  for (ArrayAttr list : {getTakes(), getGives()})
    for (StringRef name : list.getAsValueRange<StringAttr>())
      if (!names.insert(name).second)
        return emitOpError() << "(C6) expected one tensor of a name, found two named '" << name
                             << "'";
  auto expectNames = [&](size_t values, ArrayAttr list, StringRef what) -> LogicalResult {
    if (list.size() == values)
      return success();
    return emitOpError() << "(C6) expected " << values << " names of " << what << ", found "
                         << list.size();
  };
  if (failed(expectNames(block.getNumArguments(), getTakes(), "inputs")) ||
      failed(expectNames(end.getOutputs().size(), getGives(), "outputs")))
    return failure();
  auto stage = static_cast<int64_t>(getStage()), stages = static_cast<int64_t>(getStages());
  if (stage < 0 || stage >= stages || (stages != 1 && !isEncoder()))
    return emitOpError()
           << "(C7) expected 0 <= stage < stages, of one stage but for encoders, found " << stage
           << " of " << stages;
  return success();
}

Operation *StepOp::getRoot() {
  for (Operation &op : getBlock()) {
    if (isa<PositionOp, YieldOp>(op))
      continue;
    if (auto next = dyn_cast_or_null<AppendKeysOp>(op.getNextNode()))
      return next;
    return &op;
  }
  return nullptr;
}

LogicalResult StepOp::verify() {
  Block &block = getBlock();
  if (block.getNumArguments() != getOperands().size())
    return emitOpError() << "(C1) expected a block argument for each of " << getOperands().size()
                         << " operands, found " << block.getNumArguments();
  for (auto [argument, operand] : llvm::zip(block.getArguments(), getOperands()))
    if (argument.getType() != operand.getType())
      return emitOpError() << "(C1) expected a block argument of type "
                           << typeText(operand.getType()) << ", found "
                           << typeText(argument.getType());
  auto end = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!end)
    return emitOpError("(C1) expected a final plan.yield");
  Type yielded = end.getResult() ? end.getResult().getType() : Type();
  Type result = getResult() ? getResult().getType() : Type();
  if (yielded != result)
    return emitOpError("(C1) expected the yielded value to have the result's type");

  Value chain;
  for (Operation &op : block.without_terminator()) {
    bool compute = isa<blue::BlueDialect, PlanDialect>(op.getDialect()) &&
                   !isa<blue::WeightOp, blue::ConstantOp, GetWeightOp, GetCacheOp, StepOp, EntryOp,
                        WeightOp, CacheOp>(op);
    if (!compute)
      return op.emitOpError("(C2) is no compute op");
    if (isa<PositionOp>(op))
      continue;
    if (chain) {
      if (!isElementwise(&op) && !isa<AppendKeysOp, QuantizeOp>(op))
        return op.emitOpError("(C2) expected an elementwise op behind the root");
      if (llvm::count(op.getOperands(), chain) != 1 || !chain.hasOneUse())
        return op.emitOpError("(C2) expected one operand that is the result of the op before");
    }
    chain = op.getNumResults() ? op.getResult(0) : Value();
  }
  if (!getRoot())
    return emitOpError("(C2) expected a root op");
  if (end.getResult() && end.getResult() != chain)
    return emitOpError("(C2) expected the last op's result to be yielded");
  return success();
}

LogicalResult LaunchOp::verify() {
  AffineMap tasks = getTasks();
  if (tasks.getNumDims() != 1 || tasks.getNumResults() != 1)
    return emitOpError() << "(C2) expected tasks of one dim and one result, found "
                         << AffineMapAttr::get(tasks);
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *kernel = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  // The llvm dialect is no dependency of this one, so a function is told by what it can do.
  if (!isa_and_nonnull<FunctionOpInterface>(kernel))
    return emitOpError() << "(C1) expected a function, found no @" << getKernel();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Compute ops
//===------------------------------------------------------------------------------------------===//

/// Whether quantized panels, if these are, take x as it is stored.
static LogicalResult verifyDot(Operation *op, StringRef label, RankedTensorType x,
                               RankedTensorType panels) {
  if (PanelLayout::of(panels)) {
    DotAttr dot = cast<PanelsAttr>(panels.getEncoding()).getDot();
    Type storage = storageOf(x);
    bool takes = dot.isFloat() ? storage == dot.getStorage()
                               : isQuantized(x) && storage.getIntOrFloatBitWidth() <= dot.getBits();
    if (!takes || (isQuantized(x) && !RowLayout::of(x)))
      return op->emitOpError() << "(" << label << ") expected panels for " << storageOf(x)
                               << " and, if that is quantized, x with #plan.rows, found "
                               << typeText(panels) << " and " << typeText(x);
  } else if (isQuantized(x)) {
    return op->emitOpError() << "(" << label
                             << ") expected quantized panels for a quantized x, found "
                             << typeText(panels);
  }
  return success();
}

LogicalResult LastRowOp::verify() {
  RankedTensorType x = tensorOf(getX());
  if (x.getRank() != 2)
    return emitOpError() << "(C1) expected rank 2, found " << typeText(x);
  return expectShape(*this, "C1", "result", getResult(), {1, x.getDimSize(1)});
}

LogicalResult LinearOp::verify() {
  RankedTensorType x = tensorOf(getX());
  RankedTensorType panels = tensorOf(getPanels());
  RankedTensorType result = tensorOf(getResult());
  std::optional<DownsampleAttr> gather = getGather();
  if (gather) {
    if (x.getRank() != 3 || x.getDimSize(1) != gather->getTokens() || result.getRank() != 3 ||
        result.getDimSize(0) != x.getDimSize(0) || result.getDimSize(1) != gather->getRows())
      return emitOpError() << "(C4) expected x [B, " << gather->getTokens()
                           << ", C] and a result [B, " << gather->getRows() << ", N], found "
                           << typeText(x) << " and " << typeText(result);
  } else if (x.getRank() < 1 || result.getRank() != x.getRank() ||
             result.getShape().drop_back() != x.getShape().drop_back()) {
    return emitOpError() << "(C1) expected a result with the leading dims of " << typeText(x)
                         << ", found " << typeText(result);
  }
  int64_t n = result.getShape().back();
  if (failed(verifyPanels(*this, "C1", getPanels(), n, getDepth())))
    return failure();
  if (gather && !canGather(panels, x.getShape().back()))
    return emitOpError() << "(C4) expected panels whose words and groups end with "
                         << x.getShape().back() << " columns, found " << typeText(panels);
  if (failed(verifyDot(*this, "C3", x, panels)))
    return failure();
  if (getBias())
    return expectShape(*this, "C2", "bias", getBias(), {n});
  return success();
}

LogicalResult ExpertLinearOp::verify() {
  RankedTensorType x = tensorOf(getX()), panels = tensorOf(getPanels());
  RankedTensorType routing = tensorOf(getRouting()), result = tensorOf(getResult());
  bool areShaped =
      (x.getRank() == 2 && result.getRank() == 3) || (x.getRank() == 3 && result.getRank() == 2);
  if (routing.getRank() != 2 || x.getRank() < 2 || routing.getDimSize(0) != x.getDimSize(0))
    return emitOpError() << "(C2) expected routing [T, E] with the T of " << typeText(x)
                         << ", found " << typeText(routing);
  if (!areShaped || result.getDimSize(0) != x.getDimSize(0) || getPlaces() < 1 ||
      getPlaces() > getNumExperts())
    return emitOpError() << "(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and "
                            "[T, N], with a k of 1 to "
                         << getNumExperts() << ", found " << typeText(x) << " and "
                         << typeText(result);
  int64_t experts = getNumExperts(), n = result.getShape().back(), k = x.getShape().back();
  std::optional<PanelLayout> layout =
      isQuantized(panels) ? PanelLayout::of(panels) : std::optional<PanelLayout>();
  int64_t rows = layout ? layout->rows : panels.getRank() == 3 ? panels.getDimSize(2) : 0;
  int64_t all = 0;
  bool isWhole = rows > 0 && n % rows == 0 && !llvm::MulOverflow(experts, n, all);
  SmallVector<int64_t> expected = layout ? SmallVector<int64_t>{all, k}
                                         : SmallVector<int64_t>{isWhole ? all / rows : 0, k, rows};
  if (!isWhole || isQuantized(panels) != layout.has_value() ||
      panels.getShape() != ArrayRef<int64_t>(expected))
    return emitOpError() << "(C1) expected panels [" << experts << " * " << n << " / R, " << k
                         << ", R] of floats, or quantized [" << experts << " * " << n << ", " << k
                         << "], R a divisor of " << n << ", found " << typeText(panels) << " for "
                         << typeText(x);
  if (failed(verifyDot(*this, "C5", x, panels)))
    return failure();
  if (getBias())
    return expectShape(*this, "C3", "bias", getBias(), {experts, n});
  return success();
}

LogicalResult QuantizeOp::verify() {
  RankedTensorType x = tensorOf(getX()), result = tensorOf(getResult());
  if (x.getRank() == 0 || x.getShape() != result.getShape() || !RowLayout::of(result) ||
      cast<blue::QuantizedType>(result.getElementType()).getZeros() ||
      cast<blue::QuantizedType>(result.getElementType()).getBits() == 4)
    return emitOpError() << "(C1) expected a result of x's shape with #plan.rows, of i8 or i16 "
                            "without zeros, found "
                         << typeText(result) << " for " << typeText(x);
  return success();
}

LogicalResult EmbeddingOp::verify() {
  RankedTensorType ids = tensorOf(getIds()), result = tensorOf(getResult());
  if (ids.getRank() != 1 || result.getRank() != 2 || result.getDimSize(0) != ids.getDimSize(0))
    return emitOpError() << "(C1) expected ids [T] and a result [T, C], found " << typeText(ids)
                         << " and " << typeText(result);
  RankedTensorType panels = tensorOf(getPanels());
  int64_t rows = panels.getRank() == 2   ? panels.getDimSize(0)
                 : panels.getRank() == 3 ? panels.getDimSize(0) * panels.getDimSize(2)
                                         : 0;
  return verifyPanels(*this, "C1", getPanels(), rows, result.getDimSize(1));
}

LogicalResult Im2colOp::verify() {
  RankedTensorType pixels = tensorOf(getPixels());
  int64_t p = getPatch();
  if (pixels.getRank() != 4 || p < 1 || pixels.getDimSize(2) < p || pixels.getDimSize(3) < p)
    return emitOpError() << "(C1) expected pixels [B, C, H, W] of at least one patch, found "
                         << typeText(pixels) << " and patch " << p;
  int64_t down = pixels.getDimSize(2) / p, across = pixels.getDimSize(3) / p, block = getBlock();
  if (block < 1 || down % block != 0 || across % block != 0)
    return emitOpError() << "(C2) expected a block that divides a grid of " << down << " x "
                         << across << " patches, found " << block;
  return expectShape(*this, "C1", "result", getResult(),
                     {pixels.getDimSize(0), (pixels.getDimSize(2) / p) * (pixels.getDimSize(3) / p),
                      pixels.getDimSize(1) * p * p});
}

LogicalResult PackKeysOp::verify() {
  RankedTensorType keys = tensorOf(getKeys());
  RankedTensorType packed = tensorOf(getResult());
  if (isQuantized(packed))
    return verifyPacked(*this, getKeys(), getResult(), /*keys=*/true);
  if (keys.getRank() != 3 || !isPackedKeys(packed))
    return emitOpError() << "(C1) expected keys [B, T, heads * D] and a result [B, heads, blocks, "
                            "D, L], found "
                         << typeText(keys) << " and " << typeText(packed);
  int64_t heads = packed.getDimSize(1), d = packed.getDimSize(3), lanes = packed.getDimSize(4);
  if (keys.getDimSize(2) != heads * d)
    return emitOpError() << "(C1) expected keys with last dim " << heads * d << ", found "
                         << typeText(keys);
  return expectShape(
      *this, "C1", "result", getResult(),
      {keys.getDimSize(0), heads, llvm::divideCeilSigned(keys.getDimSize(1), lanes), d, lanes});
}

LogicalResult PackValuesOp::verify() {
  return verifyPacked(*this, getValues(), getResult(), /*keys=*/false);
}

/// Rows that are appended to a ring.
static LogicalResult verifyRing(Operation *op, RankedTensorType rows, RankedTensorType cache) {
  RingLayout ring = RingLayout::of(cache);
  if (ring.isWhole() && ring.positions >= rows.getDimSize(0))
    return success();
  return op->emitOpError() << "(C2) expected a ring of a multiple of " << ring.stretch
                           << " positions, at least " << rows.getDimSize(0) << ", found "
                           << ring.positions;
}

LogicalResult AppendKeysOp::verify() {
  RankedTensorType keys = tensorOf(getKeys());
  RankedTensorType cache = tensorOf(getCache());
  if (keys.getRank() == 2 && quantizedLayout(cache, 2, /*keys=*/true) &&
      keys.getDimSize(1) == cache.getDimSize(1))
    return getRing() ? verifyRing(*this, keys, cache) : success();
  if (keys.getRank() != 2 || !isPackedKeys(cache) || cache.getDimSize(0) != 1 ||
      keys.getDimSize(1) != cache.getDimSize(1) * cache.getDimSize(3))
    return emitOpError() << "(C1) expected keys [T, heads * D] and a cache [1, heads, blocks, D, "
                            "L], found "
                         << typeText(keys) << " and " << typeText(cache);
  return getRing() ? verifyRing(*this, keys, cache) : success();
}

LogicalResult AppendValuesOp::verify() {
  RankedTensorType values = tensorOf(getValues());
  RankedTensorType cache = tensorOf(getCache());
  if (values.getRank() == 2 && quantizedLayout(cache, 2, /*keys=*/false) &&
      values.getDimSize(1) == cache.getDimSize(1))
    return getRing() ? verifyRing(*this, values, cache) : success();
  if (values.getRank() != 2 || cache.getRank() != 3 || cache.getDimSize(0) != 1 ||
      values.getDimSize(1) != cache.getDimSize(2))
    return emitOpError()
           << "(C1) expected values [T, heads * D] and a cache [1, context, heads * D], found "
           << typeText(values) << " and " << typeText(cache);
  return getRing() ? verifyRing(*this, values, cache) : success();
}

/// What a ring holds has to be all that the rows of a call see, while they stand in it themselves.
static LogicalResult verifyRing(AttentionOp op) {
  RingLayout keys = RingLayout::of(tensorOf(op.getKeys()));
  RingLayout values = RingLayout::of(tensorOf(op.getValues()));
  if (!op.getWindow())
    return op.emitOpError("(C6) expected a window where keys and values stand in a ring");
  auto window = static_cast<int64_t>(*op.getWindow());
  int64_t rows = tensorOf(op.getQuery()).getDimSize(0);
  if (keys.isWhole() && keys.positions == values.positions && rows <= keys.back(window))
    return success();
  return op.emitOpError() << "(C6) expected rings of a multiple of " << keys.stretch
                          << " positions for a window of " << window << " and " << rows
                          << " rows, found " << keys.positions << " and " << values.positions;
}

LogicalResult AttentionOp::verify() {
  RankedTensorType query = tensorOf(getQuery());
  RankedTensorType keys = tensorOf(getKeys());
  RankedTensorType values = tensorOf(getValues());
  int64_t heads = getNumHeads(), kvHeads = getNumKvHeads();
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0)
    return emitOpError() << "(C1) expected num_heads to be a multiple of num_kv_heads, found "
                         << heads << " and " << kvHeads;
  if (getSoftcap() && !(getSoftcap()->isFiniteNonZero() && !getSoftcap()->isNegative()))
    return emitOpError() << "(C4) expected a positive softcap, found "
                         << getSoftcap()->convertToDouble();
  if (getWindow() && (static_cast<int64_t>(*getWindow()) < 1 || !getCausal()))
    return emitOpError() << "(C4) expected a positive window of causal attention, found "
                         << static_cast<int64_t>(*getWindow());
  if (getSinks() && tensorOf(getSinks()).getShape() != ArrayRef<int64_t>(heads))
    return emitOpError() << "(C4) expected sinks [" << heads << "], found "
                         << typeText(getSinks().getType());
  if (bool(getKeyBasis()) != bool(getKeyTable()) ||
      (getKeyBasis() && !(getCausal() && isQuantized(keys))))
    return emitOpError()
           << "(C5) expected key_basis and key_table together, over a quantized cache";
  if (isQuantized(keys) || isQuantized(values)) {
    int64_t rank = getCausal() ? 2 : 3;
    std::optional<CacheLayout> keyLayout = quantizedLayout(keys, rank, /*keys=*/true);
    std::optional<CacheLayout> valueLayout = quantizedLayout(values, rank, /*keys=*/false);
    if (!keyLayout || !valueLayout || keyLayout->dot != valueLayout->dot ||
        keyLayout->word.bits != valueLayout->word.bits || keyLayout->heads != kvHeads ||
        keys.getShape() != values.getShape())
      return emitOpError() << "(C3) expected quantized keys and values of "
                           << (getCausal() ? "a cache" : "an encoder") << " for " << kvHeads
                           << " heads and one dot, found " << typeText(keys) << " and "
                           << typeText(values);
    int64_t width = heads * keyLayout->dims;
    bool rows = getCausal() || query.getShape().drop_back() == keys.getShape().drop_back();
    if (query.getRank() != rank || !rows || query.getShape().back() != width)
      return emitOpError() << "(C1) expected a query [" << (getCausal() ? "T" : "B, S") << ", "
                           << width << "], found " << typeText(query);
    if (getKeyBasis()) {
      RankedTensorType basis = tensorOf(getKeyBasis()), table = tensorOf(getKeyTable());
      int64_t terms = basis.getRank() == 3 ? basis.getDimSize(1) : 0;
      if (terms < 1 || terms > blue::AttentionOp::kMostKeyTerms ||
          basis.getShape() != ArrayRef<int64_t>({kvHeads, terms, keyLayout->dims}) ||
          table.getRank() != 2 || table.getDimSize(0) != terms ||
          (getRing() ? table.getDimSize(1) < keyLayout->positions
                     : table.getDimSize(1) != keyLayout->positions))
        return emitOpError() << "(C5) expected a key_basis [" << kvHeads << ", N, "
                             << keyLayout->dims << "] and a key_table [N, " << keyLayout->positions
                             << (getRing() ? " or more" : "") << "], N 1 to "
                             << blue::AttentionOp::kMostKeyTerms << ", found " << typeText(basis)
                             << " and " << typeText(table);
    }
    if (getResult().getType() != query)
      return emitOpError() << "(C2) expected a result of " << typeText(query) << ", found "
                           << typeText(getResult().getType());
    return getRing() ? verifyRing(*this) : success();
  }
  if (!isPackedKeys(keys) || keys.getDimSize(1) != kvHeads)
    return emitOpError() << "(C1) expected keys [B, " << kvHeads << ", blocks, D, L], found "
                         << typeText(keys);
  int64_t batch = keys.getDimSize(0), d = keys.getDimSize(3), lanes = keys.getDimSize(4);
  if (values.getRank() != 3 || values.getDimSize(0) != batch ||
      values.getDimSize(2) != kvHeads * d ||
      llvm::divideCeilSigned(values.getDimSize(1), lanes) != keys.getDimSize(2))
    return emitOpError() << "(C1) expected values [B, S, kv_heads * D] for keys " << typeText(keys)
                         << ", found " << typeText(values);
  bool rows = getCausal() ? query.getRank() == 2 && batch == 1
                          : query.getRank() == 3 &&
                                query.getShape().drop_back() == values.getShape().drop_back();
  if (!rows || query.getShape().back() != heads * d)
    return emitOpError() << "(C1) expected a query "
                         << (getCausal() ? "[T, num_heads * D]" : "[B, S, num_heads * D]")
                         << ", found " << typeText(query);
  if (getResult().getType() != query)
    return emitOpError() << "(C2) expected a result of type " << typeText(query) << ", found "
                         << typeText(getResult().getType());
  return getRing() ? verifyRing(*this) : success();
}
