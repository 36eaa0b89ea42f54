// The constraints of BlueOps.td, by label.
#include "compiler/dialect/blue/Blue.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace bluec::blue;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Whether two dims can be equal when the model runs.
static bool compatible(int64_t a, int64_t b) { return a == b || a == kDynamic || b == kDynamic; }

static std::string dimText(int64_t dim) { return dim == kDynamic ? "?" : std::to_string(dim); }

static std::string shapeText(ArrayRef<int64_t> shape) {
  return "[" + llvm::join(llvm::map_range(shape, dimText), ", ") + "]";
}

static int64_t lastDim(RankedTensorType type) { return type.getShape().back(); }

/// `value` is [channels].
static bool isVector(Value value, int64_t channels) {
  RankedTensorType type = typeOf(value);
  return type.getRank() == 1 && type.getDimSize(0) == channels && channels != kDynamic;
}

//===----------------------------------------------------------------------------------------===//
// Weights and constants
//===----------------------------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  RankedTensorType type = getSource().getType();
  if (!type.hasStaticShape())
    return emitOpError("(C1) expected a source of static shape, found ") << type;
  if (getSource().getOffset() < 0)
    return emitOpError("(C1) expected an offset of at least 0, found ") << getSource().getOffset();
  for (Attribute transform : getTransforms()) {
    FailureOr<RankedTensorType> next =
        inferTransformedType(type, transform, [&] { return emitOpError("(C1) "); });
    if (failed(next))
      return failure();
    type = *next;
  }
  if (type != getResult().getType())
    return emitOpError("(C2) expected the transforms to end in the result type ")
           << getResult().getType() << ", found " << type;
  return success();
}

LogicalResult ConstantOp::verify() {
  if (getValue().getShapedType() != getResult().getType())
    return emitOpError("(C1) expected a value of the result type ")
           << getResult().getType() << ", found " << getValue().getShapedType();
  return success();
}

//===----------------------------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  RankedTensorType x = typeOf(getX()), result = typeOf(getResult());
  if (x.getRank() == 0 || lastDim(x) == kDynamic || x.getShape() != result.getShape() ||
      cast<QuantizedType>(result.getElementType()).getZeros())
    return emitOpError("(C1) expected a result of x's shape ")
           << shapeText(x.getShape()) << " without zeros, found " << result;
  if (getStaticScale() && !(getStaticScale()->isFiniteNonZero() && !getStaticScale()->isNegative()))
    return emitOpError("(C2) expected a positive static scale, found ")
           << getStaticScale()->convertToDouble();
  return success();
}

LogicalResult LinearOp::verify() {
  RankedTensorType x = typeOf(getX()), weight = typeOf(getWeight());
  if (x.getRank() == 0 || weight.getRank() != 2 || weight.getDimSize(1) != lastDim(x))
    return emitOpError("(C1) expected a weight [N, K] with the K of x ")
           << shapeText(x.getShape()) << ", found " << shapeText(weight.getShape());
  int64_t channels = weight.getDimSize(0);
  if (getBias() && !isVector(getBias(), channels))
    return emitOpError("(C2) expected a bias [")
           << dimText(channels) << "], found " << shapeText(typeOf(getBias()).getShape());
  SmallVector<int64_t> expected(x.getShape());
  expected.back() = channels;
  ArrayRef<int64_t> found = typeOf(getResult()).getShape();
  if (found != ArrayRef<int64_t>(expected))
    return emitOpError("(C3) expected a result ")
           << shapeText(expected) << ", found " << shapeText(found);
  if (auto quantized = dyn_cast<QuantizedType>(x.getElementType()))
    if (quantized.getZeros() || !isa<QuantizedType>(weight.getElementType()))
      return emitOpError("(C4) expected an x without zeros and a quantized weight, found ")
             << x << " and " << weight;
  return success();
}

LogicalResult RouteOp::verify() {
  RankedTensorType logits = typeOf(getLogits());
  int64_t chosen = getChosen();
  if (logits.getRank() != 2 || logits.isDynamicDim(1) || chosen < 1 || chosen > lastDim(logits))
    return emitOpError("(C1) expected logits [T, E] and 1 to E chosen experts, found ")
           << shapeText(logits.getShape()) << " and " << chosen;
  return success();
}

LogicalResult ExpertLinearOp::verify() {
  RankedTensorType x = typeOf(getX()), weight = typeOf(getWeight()), routing = typeOf(getRouting());
  ArrayRef<int64_t> result = typeOf(getResult()).getShape();
  if (x.getRank() < 2 || weight.getRank() != 3 || weight.getDimSize(2) != lastDim(x))
    return emitOpError("(C1) expected a weight [E, N, K] with the K of x ")
           << shapeText(x.getShape()) << ", found " << shapeText(weight.getShape());
  int64_t experts = weight.getDimSize(0), channels = weight.getDimSize(1);
  if (routing.getRank() != 2 || routing.getDimSize(1) != experts ||
      !compatible(routing.getDimSize(0), x.getDimSize(0)))
    return emitOpError("(C2) expected routing [T, ")
           << dimText(experts) << "] with the T of x " << shapeText(x.getShape()) << ", found "
           << shapeText(routing.getShape());
  if (getBias() && typeOf(getBias()).getShape() != ArrayRef<int64_t>({experts, channels}))
    return emitOpError("(C3) expected a bias [")
           << dimText(experts) << ", " << dimText(channels) << "], found "
           << shapeText(typeOf(getBias()).getShape());
  int64_t places = x.getRank() == 3 ? x.getDimSize(1) : result.size() == 3 ? result[1] : 0;
  SmallVector<int64_t> expected{x.getDimSize(0), channels};
  if (x.getRank() == 2)
    expected.insert(expected.begin() + 1, places);
  if (x.getRank() > 3 || result != ArrayRef<int64_t>(expected) || places < 1 || places > experts)
    return emitOpError("(C4) expected x [T, K] and a result [T, k, N], or x [T, k, K] and [T, N], "
                       "with a k of 1 to ")
           << dimText(experts) << ", found " << shapeText(x.getShape()) << " and "
           << shapeText(result);
  if (auto quantized = dyn_cast<QuantizedType>(x.getElementType()))
    if (quantized.getZeros() || !isa<QuantizedType>(weight.getElementType()))
      return emitOpError("(C5) expected an x without zeros and a quantized weight, found ")
             << x << " and " << weight;
  return success();
}

LogicalResult ClampOp::verify() {
  if (!getHigh().isFinite() || (getLow() && (!getLow()->isFinite() || *getLow() > getHigh())))
    return emitOpError("(C1) expected finite bounds with low at most high, found ")
           << (getLow() ? getLow()->convertToDouble() : 0) << " and "
           << getHigh().convertToDouble();
  return success();
}

/// What both normalisations ask.
static LogicalResult verifyNorm(Operation *op, Value x, Value weight, Value bias, Value result,
                                const APFloat &epsilon, int64_t groups) {
  if (typeOf(x).getRank() == 0)
    return op->emitOpError("(C1) expected an x of rank 1 or more, found rank 0");
  int64_t channels = lastDim(typeOf(x));
  if (groups < 1 || (groups > 1 && (channels == kDynamic || channels % groups != 0)))
    return op->emitOpError("(C4) expected groups that divide ")
           << dimText(channels) << ", found " << groups;
  for (Value vector : {weight, bias})
    if (vector && !isVector(vector, channels) &&
        !(groups > 1 && isVector(vector, channels / groups)))
      return op->emitOpError("(C1) expected ")
             << (vector == bias && vector != weight ? "a bias [" : "a weight [")
             << dimText(groups > 1 ? channels / groups : channels) << "], found "
             << shapeText(typeOf(vector).getShape());
  if (x.getType() != result.getType())
    return op->emitOpError("(C2) expected a result of x's type ")
           << x.getType() << ", found " << result.getType();
  if (!epsilon.isFinite() || (epsilon.isNegative() && !epsilon.isZero()))
    return op->emitOpError("(C3) expected an epsilon of at least 0, found ")
           << epsilon.convertToDouble();
  return success();
}

LogicalResult RmsNormOp::verify() {
  return verifyNorm(*this, getX(), getWeight(), Value(), getResult(), getEpsilon(), getGroups());
}

LogicalResult LayerNormOp::verify() {
  return verifyNorm(*this, getX(), getWeight(), getBias(), getResult(), getEpsilon(), getGroups());
}

LogicalResult RopeOp::verify() {
  RankedTensorType x = typeOf(getX()), cos = typeOf(getCos()), sin = typeOf(getSin());
  int64_t heads = getNumHeads();
  if ((x.getRank() != 2 && x.getRank() != 3) || heads <= 0 || lastDim(x) == kDynamic ||
      lastDim(x) % heads != 0)
    return emitOpError("(C1) expected x to be [T, ")
           << heads << " * D] or [B, T, " << heads << " * D], found " << shapeText(x.getShape());
  int64_t headDim = lastDim(x) / heads;
  if (cos.getShape() != sin.getShape() || cos.getRank() != 2 || !cos.hasStaticShape() ||
      lastDim(cos) > headDim / 2)
    return emitOpError("(C2) expected cos and sin of one shape [P, R / 2] with R of at most ")
           << headDim << ", found " << shapeText(cos.getShape()) << " and "
           << shapeText(sin.getShape());
  if (getX().getType() != getResult().getType())
    return emitOpError("(C3) expected a result of x's type ")
           << getX().getType() << ", found " << getResult().getType();
  bool hasRows = x.getRank() == 2;
  if (hasRows != bool(getPosition()) || (!hasRows && x.getDimSize(1) != cos.getDimSize(0)))
    return emitOpError("(C5) expected rows at a position, or pictures of ")
           << cos.getDimSize(0) << " tokens without one, found " << shapeText(x.getShape())
           << (getPosition() ? " with" : " without") << " one";
  auto positions =
      hasRows ? dyn_cast<RankedTensorType>(getPosition().getType()) : RankedTensorType();
  bool hasAxes = positions && positions.getRank() == 2;
  if (positions && ((positions.getRank() != 1 && !hasAxes) ||
                    !compatible(positions.getDimSize(0), x.getDimSize(0))))
    return emitOpError("(C4) expected positions [T] or [T, axes] of T = ")
           << x.getDimSize(0) << " rows, found " << shapeText(positions.getShape());
  std::optional<ArrayRef<int64_t>> axes = getAxes();
  if (!hasAxes && !axes)
    return success();
  if (hasAxes && axes && static_cast<int64_t>(axes->size()) == lastDim(cos) &&
      llvm::all_of(*axes, [&](int64_t axis) {
        return axis >= 0 && (positions.isDynamicDim(1) || axis < positions.getDimSize(1));
      }))
    return success();
  return emitOpError("(C4) expected positions on axes together with the axis of each of the ")
         << lastDim(cos) << " angles";
}

LogicalResult PositionEmbeddingOp::verify() {
  RankedTensorType x = typeOf(getX()), table = typeOf(getTable());
  if (x.getRank() != 2 || table.getRank() != 2 || !table.hasStaticShape() ||
      lastDim(table) != lastDim(x))
    return emitOpError("(C1) expected x [T, C] and a static table [P, C], found ")
           << shapeText(x.getShape()) << " and " << shapeText(table.getShape());
  if (getX().getType() != getResult().getType())
    return emitOpError("(C2) expected a result of x's type ")
           << getX().getType() << ", found " << getResult().getType();
  return success();
}

void RopeOp::build(OpBuilder &builder, OperationState &state, Type type, Value x, Value cos,
                   Value sin, Value position, int64_t heads, bool interleaved,
                   ArrayRef<int64_t> axes) {
  build(builder, state, type, x, cos, sin, position, builder.getI64IntegerAttr(heads),
        interleaved ? builder.getUnitAttr() : UnitAttr(),
        axes.empty() ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(axes));
}

LogicalResult AttentionOp::verify() {
  RankedTensorType query = typeOf(getQuery()), key = typeOf(getKey()), value = typeOf(getValue());
  int64_t heads = getNumHeads(), kvHeads = getNumKvHeads();
  if (heads <= 0 || kvHeads <= 0 || heads % kvHeads != 0)
    return emitOpError("(C1) expected num_heads to be a multiple of num_kv_heads, found ")
           << heads << " and " << kvHeads;

  for (RankedTensorType type : {query, key, value})
    if (type.getRank() == 0)
      return emitOpError("(C4) expected tensors of rank 2 or 3, found rank 0");
  int64_t queryWidth = lastDim(query);
  bool widthsFit = queryWidth != kDynamic && queryWidth % heads == 0;
  if (widthsFit) {
    int64_t kvWidth = queryWidth / heads * kvHeads;
    widthsFit = lastDim(key) == kvWidth && lastDim(value) == kvWidth;
  }
  if (!widthsFit)
    return emitOpError("(C2) expected last dims ")
           << heads << " * D, " << kvHeads << " * D and " << kvHeads << " * D for one D, found "
           << dimText(queryWidth) << ", " << dimText(lastDim(key)) << " and "
           << dimText(lastDim(value));

  bool hasPast = bool(getPastKey());
  if (hasPast != bool(getPastValue()) || hasPast != bool(getPresentKey()) ||
      hasPast != bool(getPresentValue()))
    return emitOpError("(C3) expected past_key, past_value, present_key and present_value "
                       "together or none of them");

  int64_t rank = query.getRank();
  if (key.getRank() != rank || value.getRank() != rank)
    return emitOpError("(C4) expected query, key and value of one rank, found ")
           << rank << ", " << key.getRank() << " and " << value.getRank();
  if (hasPast ? rank != 2 : rank != 2 && rank != 3)
    return emitOpError("(C4) expected tensors of rank ")
           << (hasPast ? "2 with a past" : "2 or 3") << ", found rank " << rank;
  if (hasPast && !getCausal())
    return emitOpError("(C4) expected causal attention with a past");
  // Every row attends to the rows of its own tensors: key and value have as many as each other,
  // and as query has where they are appended to a past.
  for (int64_t dim = 0; dim + 1 < rank; ++dim)
    if (!compatible(key.getDimSize(dim), value.getDimSize(dim)) ||
        !compatible(key.getDimSize(dim), query.getDimSize(dim)))
      return emitOpError("(C4) expected query, key and value with the same rows, found ")
             << shapeText(query.getShape()) << ", " << shapeText(key.getShape()) << " and "
             << shapeText(value.getShape());

  if (getResult().getType() != getQuery().getType())
    return emitOpError("(C5) expected a result of query's type ")
           << getQuery().getType() << ", found " << getResult().getType();
  if (getSoftcap() && !(getSoftcap()->isFiniteNonZero() && !getSoftcap()->isNegative()))
    return emitOpError("(C8) expected a positive softcap, found ")
           << getSoftcap()->convertToDouble();
  if (getWindow() && (static_cast<int64_t>(*getWindow()) < 1 || !getCausal()))
    return emitOpError("(C8) expected a positive window of causal attention, found ")
           << static_cast<int64_t>(*getWindow());
  if (getSinks() && !isVector(getSinks(), heads))
    return emitOpError("(C9) expected sinks [")
           << heads << "], found " << shapeText(typeOf(getSinks()).getShape());
  if (bool(getKeyBasis()) != bool(getKeyTable()) ||
      (getKeyBasis() && !(hasPast && isa<QuantizedType>(typeOf(getPastKey()).getElementType()))))
    return emitOpError("(C10) expected key_basis and key_table together, beside a quantized past");
  if (getKeyBasis()) {
    RankedTensorType basis = typeOf(getKeyBasis()), table = typeOf(getKeyTable());
    int64_t terms = basis.getRank() == 3 ? basis.getDimSize(1) : 0;
    if (terms < 1 || terms > kMostKeyTerms ||
        basis.getShape() != ArrayRef<int64_t>({kvHeads, terms, queryWidth / heads}) ||
        table.getRank() != 2 || !table.hasStaticShape() || table.getDimSize(1) != terms)
      return emitOpError("(C10) expected a key_basis [")
             << kvHeads << ", N, " << queryWidth / heads
             << "] and a static key_table [P, N], N 1 to " << kMostKeyTerms << ", found "
             << shapeText(basis.getShape()) << " and " << shapeText(table.getShape());
  }
  if (Type compute = getComputeType().value_or(Type()))
    if ((!compute.isInteger(8) && !compute.isInteger(16)) ||
        (hasPast && !isa<QuantizedType>(typeOf(getPastKey()).getElementType())))
      return emitOpError("(C7) expected i8 or i16, and a quantized past or none, as compute type, "
                         "found ")
             << compute;
  if (!hasPast)
    return success();
  for (auto [past, present, added] : {std::tuple(getPastKey(), getPresentKey(), getKey()),
                                      std::tuple(getPastValue(), getPresentValue(), getValue())}) {
    RankedTensorType pastType = typeOf(past), presentType = typeOf(present);
    if (pastType.getRank() != 2 || lastDim(pastType) != lastDim(typeOf(added)))
      return emitOpError("(C5) expected a past [P, ")
             << dimText(lastDim(typeOf(added))) << "], found " << shapeText(pastType.getShape());
    int64_t rows = kDynamic, pastRows = pastType.getDimSize(0);
    if (pastRows != kDynamic && typeOf(added).getDimSize(0) != kDynamic)
      rows = pastRows + typeOf(added).getDimSize(0);
    if (presentType.getRank() != 2 || lastDim(presentType) != lastDim(pastType) ||
        !compatible(presentType.getDimSize(0), rows))
      return emitOpError("(C5) expected a present [")
             << dimText(rows) << ", " << dimText(lastDim(pastType)) << "], found "
             << shapeText(presentType.getShape());
    if (presentType.getElementType() != pastType.getElementType())
      return emitOpError("(C5) expected a present of ")
             << pastType.getElementType() << ", found " << presentType.getElementType();
  }
  auto pastElement = typeOf(getPastKey()).getElementType();
  auto quantized = dyn_cast<QuantizedType>(pastElement);
  if (quantized && (quantized.getBits() != 8 || quantized.getZeros() ||
                    quantized.groupIn(lastDim(key)) != queryWidth / heads))
    return emitOpError("(C6) expected a quantized past of i8 in groups of ")
           << queryWidth / heads << " without zeros, found " << pastElement;
  if (typeOf(getPastValue()).getElementType() != pastElement &&
      (quantized || isa<QuantizedType>(typeOf(getPastValue()).getElementType())))
    return emitOpError("(C6) expected keys and values of one type, found ")
           << typeOf(getPastKey()) << " and " << typeOf(getPastValue());
  return success();
}

/// Sides of a block of tokens or patches, at most: blocks hold at most its square.
static constexpr int64_t kMaxFactor = 64;

LogicalResult PatchEmbedOp::verify() {
  RankedTensorType pixels = typeOf(getPixels()), weight = typeOf(getWeight());
  ArrayRef<int64_t> shape = weight.getShape();
  if (pixels.getRank() != 4 || shape.size() != 4 || !weight.hasStaticShape() ||
      shape[2] != shape[3] || shape[2] <= 0 || shape[1] != pixels.getDimSize(1))
    return emitOpError("(C1) expected pixels [B, C, H, W] and a weight [N, C, p, p], found ")
           << shapeText(pixels.getShape()) << " and " << shapeText(shape);
  if (getBias() && !isVector(getBias(), shape[0]))
    return emitOpError("(C2) expected a bias [")
           << shape[0] << "], found " << shapeText(typeOf(getBias()).getShape());
  int64_t patches = kDynamic, height = pixels.getDimSize(2), width = pixels.getDimSize(3);
  if (height != kDynamic && width != kDynamic &&
      llvm::MulOverflow(height / shape[2], width / shape[2], patches))
    return emitOpError("(C3) expected a number of patches that fits 64 bits, found ")
           << height << " x " << width << " pixels";
  SmallVector<int64_t> expected = {pixels.getDimSize(0), patches, shape[0]};
  ArrayRef<int64_t> found = typeOf(getResult()).getShape();
  if (found != ArrayRef<int64_t>(expected))
    return emitOpError("(C3) expected a result ")
           << shapeText(expected) << ", found " << shapeText(found);
  int64_t block = getBlock();
  if (block < 1 || block > kMaxFactor ||
      (block > 1 &&
       (patches == kDynamic || height / shape[2] % block != 0 || width / shape[2] % block != 0)))
    return emitOpError("(C4) expected a block of 1 to ")
           << kMaxFactor << " that divides the grid's sides, found " << block;
  return success();
}

/// `x` is [B, height * width, C] with whole blocks of `factor` x `factor` tokens to be made of it.
static LogicalResult verifyGrid(Operation *op, RankedTensorType x, int64_t height, int64_t width,
                                int64_t factor) {
  int64_t tokens = 0;
  if (height <= 0 || width <= 0 || llvm::MulOverflow(height, width, tokens) || x.getRank() != 3 ||
      x.getDimSize(1) != tokens || lastDim(x) == kDynamic)
    return op->emitOpError("(C1) expected x to be [B, ")
           << height << " * " << width << ", C], found " << shapeText(x.getShape());
  if (factor < 2 || factor > kMaxFactor)
    return op->emitOpError("(C1) expected a factor of 2 to ") << kMaxFactor << ", found " << factor;
  return success();
}

static LogicalResult verifyResult(Operation *op, RankedTensorType result,
                                  ArrayRef<int64_t> expected) {
  if (result.getShape() != expected)
    return op->emitOpError("(C2) expected a result ")
           << shapeText(expected) << ", found " << shapeText(result.getShape());
  return success();
}

LogicalResult TokenDownsampleOp::verify() {
  RankedTensorType x = typeOf(getX());
  int64_t factor = getFactor();
  if (failed(verifyGrid(*this, x, getHeight(), getWidth(), factor)))
    return failure();
  int64_t channels = 0;
  if (llvm::MulOverflow(lastDim(x), factor * factor, channels))
    return emitOpError("(C2) expected ")
           << factor * factor << " times the channels to fit 64 bits, found " << lastDim(x);
  if (failed(verifyResult(*this, typeOf(getResult()),
                          {x.getDimSize(0), blocksDown() * blocksAcross(), channels})))
    return failure();
  Type element = gatheredElement(x.getElementType(), lastDim(x));
  if (getChannelsFirst() && isa<QuantizedType>(x.getElementType()))
    return emitOpError("(C3) expected floats with channels_first, found ") << x.getElementType();
  if (!element)
    return emitOpError("(C3) expected groups of a multiple of 4 that divide ")
           << lastDim(x) << ", found " << x.getElementType();
  if (typeOf(getResult()).getElementType() != element)
    return emitOpError("(C3) expected a result of ")
           << element << ", found " << typeOf(getResult()).getElementType();
  return success();
}

LogicalResult TokenPoolOp::verify() {
  RankedTensorType x = typeOf(getX());
  int64_t height = getHeight(), width = getWidth(), factor = getFactor();
  if (failed(verifyGrid(*this, x, height, width, factor)))
    return failure();
  if (factor > height || factor > width)
    return emitOpError("(C1) expected a factor of at most either side, found ")
           << factor << " for " << height << " x " << width;
  return verifyResult(*this, typeOf(getResult()),
                      {x.getDimSize(0), (height / factor) * (width / factor), lastDim(x)});
}

LogicalResult TokenSliceOp::verify() {
  RankedTensorType x = typeOf(getX());
  int64_t begin = getBegin(), end = getEnd();
  if (x.getRank() != 3 || x.isDynamicDim(1) || begin < 0 || begin >= end || end > x.getDimSize(1))
    return emitOpError("(C1) expected 0 <= begin < end <= T for x [B, T, C], found ")
           << begin << " and " << end << " for " << shapeText(x.getShape());
  return verifyResult(*this, typeOf(getResult()), {x.getDimSize(0), end - begin, lastDim(x)});
}

LogicalResult TokenPrependOp::verify() {
  RankedTensorType x = typeOf(getX()), tokens = typeOf(getTokens());
  int64_t total = 0;
  if (x.getRank() != 3 || x.isDynamicDim(1) || tokens.getRank() != 2 || !tokens.hasStaticShape() ||
      lastDim(tokens) != lastDim(x) ||
      llvm::AddOverflow(x.getDimSize(1), tokens.getDimSize(0), total))
    return emitOpError("(C1) expected x [B, T, C] and tokens [N, C], found ")
           << shapeText(x.getShape()) << " and " << shapeText(tokens.getShape());
  return verifyResult(*this, typeOf(getResult()), {x.getDimSize(0), total, lastDim(x)});
}

Type bluec::blue::gatheredElement(Type element, int64_t channels) {
  auto quantized = dyn_cast<QuantizedType>(element);
  if (!quantized || channels == 0)
    return element;
  constexpr int64_t kUnit = 4; // of the type's groups
  int64_t group = quantized.groupIn(channels);
  if (group < 1 || group % kUnit != 0 || channels % group != 0)
    return {};
  return QuantizedType::get(element.getContext(), quantized.getStorage(), group,
                            quantized.getScale(), quantized.getZeros());
}

LogicalResult EmbeddingOp::verify() {
  RankedTensorType ids = typeOf(getIds()), table = typeOf(getTable());
  ArrayRef<int64_t> found = typeOf(getResult()).getShape();
  if (ids.getRank() != 1 || table.getRank() != 2 || found.size() != 2 ||
      found[0] != ids.getDimSize(0) || found[1] != table.getDimSize(1))
    return emitOpError("(C1) expected ids [T], a table [V, C] and a result [T, C], found ")
           << shapeText(ids.getShape()) << ", " << shapeText(table.getShape()) << " and "
           << shapeText(found);
  return success();
}

//===----------------------------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------------------------===//

static LogicalResult verifyBinary(Operation *op, Value lhs, Value rhs, Value result) {
  if (lhs.getType() != result.getType())
    return op->emitOpError("(C1) expected a result of lhs's type ")
           << lhs.getType() << ", found " << result.getType();
  ArrayRef<int64_t> full = typeOf(lhs).getShape(), part = typeOf(rhs).getShape();
  if (part.size() > full.size() || full.take_back(part.size()) != part)
    return op->emitOpError("(C2) expected rhs to have lhs's shape ")
           << shapeText(full) << " or its last dims, found " << shapeText(part);
  return success();
}

LogicalResult AddOp::verify() { return verifyBinary(*this, getLhs(), getRhs(), getResult()); }
LogicalResult SubOp::verify() { return verifyBinary(*this, getLhs(), getRhs(), getResult()); }
LogicalResult MulOp::verify() { return verifyBinary(*this, getLhs(), getRhs(), getResult()); }
LogicalResult SwigluOp::verify() { return verifyBinary(*this, getLhs(), getRhs(), getResult()); }
