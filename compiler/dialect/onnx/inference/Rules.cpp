#include "compiler/dialect/onnx/inference/Rules.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace bluec::onnx {

// Constants beyond this take no part in arithmetic (the bounds of open slices are such).
static constexpr int64_t kMaxConstant = int64_t{1} << 31;
// Expressions of real models have a handful of terms; a hostile one may add thousands.
static constexpr int kMaxTerms = 32;

std::optional<int64_t> constantOf(AffineExpr expr) {
  if (!expr)
    return std::nullopt;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  return std::nullopt;
}

static int countTerms(AffineExpr expr, int budget) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || budget <= 0)
    return 1;
  int left = countTerms(binary.getLHS(), budget - 1);
  return left + (left < budget ? countTerms(binary.getRHS(), budget - left) : 1);
}

static bool isUsable(AffineExpr expr) {
  if (!expr)
    return false;
  if (std::optional<int64_t> value = constantOf(expr))
    return *value >= -kMaxConstant && *value <= kMaxConstant;
  return true;
}

// Drops what has grown too large.
static AffineExpr bounded(AffineExpr expr) {
  return countTerms(expr, kMaxTerms + 1) > kMaxTerms ? AffineExpr() : expr;
}

AffineExpr add(AffineExpr a, AffineExpr b) {
  return isUsable(a) && isUsable(b) ? bounded(a + b) : AffineExpr();
}

AffineExpr subtract(AffineExpr a, AffineExpr b) {
  return isUsable(a) && isUsable(b) ? bounded(a - b) : AffineExpr();
}

AffineExpr multiply(AffineExpr a, AffineExpr b) {
  return isUsable(a) && isUsable(b) ? bounded(a * b) : AffineExpr();
}

AffineExpr divide(AffineExpr a, AffineExpr b) {
  if (!isUsable(a) || !isUsable(b) || constantOf(b) == 0)
    return {};
  if (constantOf(a) && constantOf(b))
    return getAffineConstantExpr(*constantOf(a) / *constantOf(b), a.getContext());
  if (a == b)
    return getAffineConstantExpr(1, a.getContext());
  if (!isNonNegative(a) || !isNonNegative(b))
    return {};
  return bounded(a.floorDiv(b));
}

AffineExpr divideProducts(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  SmallVector<AffineExpr> above(a), below;
  for (AffineExpr factor : b) {
    auto *same = llvm::find(above, factor);
    if (same != above.end() && factor)
      above.erase(same);
    else
      below.push_back(factor);
  }
  if (a.empty() && b.empty())
    return {};
  MLIRContext *context = nullptr;
  for (AffineExpr factor : llvm::concat<const AffineExpr>(a, b)) {
    if (!factor)
      return {};
    context = factor.getContext();
  }
  AffineExpr numerator = getAffineConstantExpr(1, context), denominator = numerator;
  for (AffineExpr factor : above)
    numerator = multiply(numerator, factor);
  for (AffineExpr factor : below)
    denominator = multiply(denominator, factor);
  if (constantOf(denominator) == 1)
    return numerator;
  return divide(numerator, denominator);
}

static bool isNonNegative(AffineExpr expr, int depth) {
  if (!expr || depth == 0)
    return false;
  if (std::optional<int64_t> value = constantOf(expr))
    return *value >= 0;
  if (isa<AffineSymbolExpr>(expr))
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return binary && isNonNegative(binary.getLHS(), depth - 1) &&
         isNonNegative(binary.getRHS(), depth - 1);
}
bool isNonNegative(AffineExpr expr) { return isNonNegative(expr, kMaxTerms); }

bool isEqual(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return false;
  return a == b || constantOf(subtract(a, b)) == 0;
}

AffineExpr broadcastDim(AffineExpr a, AffineExpr b) {
  std::optional<int64_t> left = constantOf(a), right = constantOf(b);
  if (left == 1)
    return b;
  if (right == 1)
    return a;
  if (left && right)
    return *left == *right ? a : AffineExpr();
  return right ? b : a; // a static dim says more than a symbol
}

FailureOr<std::optional<Exprs>> broadcast(NodeFacts &node, const std::optional<Exprs> &a,
                                          const std::optional<Exprs> &b) {
  if (!a || !b)
    return std::optional<Exprs>();
  const Exprs &longer = a->size() >= b->size() ? *a : *b;
  const Exprs &shorter = a->size() >= b->size() ? *b : *a;
  Exprs result(longer);
  size_t shift = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    AffineExpr dim = broadcastDim(longer[i + shift], shorter[i]);
    if (!dim) {
      node.error() << "expected shapes that broadcast, found dims "
                   << *constantOf(longer[i + shift]) << " and " << *constantOf(shorter[i]);
      return failure();
    }
    result[i + shift] = dim;
  }
  return std::optional<Exprs>(std::move(result));
}

std::optional<int64_t> staticCount(const std::optional<Exprs> &dims) {
  if (!dims)
    return std::nullopt;
  int64_t count = 1;
  for (AffineExpr dim : *dims) {
    std::optional<int64_t> value = constantOf(dim);
    if (!value || *value < 0 || __builtin_mul_overflow(count, *value, &count))
      return std::nullopt;
  }
  return count;
}

std::optional<int64_t> normalizeAxis(NodeFacts &node, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    node.error() << "expected an axis in [" << -rank << ", " << rank << "), found " << axis;
    return std::nullopt;
  }
  return axis < 0 ? axis + rank : axis;
}

std::optional<SmallVector<int64_t>> NodeFacts::constants(unsigned i) const {
  ValueFacts facts = input(i);
  if (!facts.elements)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (AffineExpr element : *facts.elements) {
    std::optional<int64_t> value = constantOf(element);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

AffineExpr NodeFacts::constant(int64_t value) const {
  return getAffineConstantExpr(value, inference.getContext());
}

static StringRef nameOf(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().getValue();
  return "";
}

AffineExpr NodeFacts::unknownDim(unsigned result, unsigned dim) {
  // Nodes without a name location are told apart by their results' place in the list of symbols.
  StringRef name = nameOf(op->getLoc());
  std::string base =
      name.empty() ? "unknown" + std::to_string(inference.symbols().size()) : name.str();
  return inference.symbol(base + ":" + std::to_string(result) + "." + std::to_string(dim));
}

InFlightDiagnostic NodeFacts::error() const {
  return emitError(op->getLoc()) << op->getName().stripDialect() << ": ";
}

LogicalResult NodeFacts::set(unsigned result, Type elementType, std::optional<Exprs> dims,
                             std::optional<Exprs> elements) {
  if (dims) {
    int64_t count = 1;
    for (size_t i = 0; i < dims->size(); ++i) {
      AffineExpr &dim = (*dims)[i];
      if (!dim)
        dim = unknownDim(result, static_cast<unsigned>(i));
      std::optional<int64_t> value = constantOf(dim);
      if (value && (*value < 0 || *value > ShapeInference::kMaxDim))
        return error() << "expected dims from 0 to " << ShapeInference::kMaxDim << ", found "
                       << *value;
      if (value && *value > 0 && __builtin_mul_overflow(count, *value, &count))
        return error()
               << "expected a shape whose elements can be counted, found dims that overflow";
    }
    constexpr size_t kMaxRank = 32;
    if (dims->size() > kMaxRank)
      return error() << "expected a rank of at most " << kMaxRank << ", found " << dims->size();
  }
  if (elements && !isa_and_nonnull<IntegerType>(elementType))
    elements.reset();
  if (elements && staticCount(dims) != static_cast<int64_t>(elements->size()))
    elements.reset();
  if (elements && elements->size() > ShapeInference::kMaxElements)
    elements.reset();
  inference.set(op->getResult(result), {elementType, std::move(dims), std::move(elements)});
  return success();
}

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, dim] : llvm::enumerate(shape))
    text += (i ? ", " : "") + std::to_string(dim);
  return text + "]";
}

FailureOr<SmallVector<int64_t>> staticShape(NodeFacts &node, unsigned i, StringRef what) {
  ValueFacts facts = node.input(i);
  SmallVector<int64_t> shape;
  for (AffineExpr dim : facts.dims.value_or(Exprs()))
    if (std::optional<int64_t> value = constantOf(dim))
      shape.push_back(*value);
  if (!facts.dims || shape.size() != facts.dims->size())
    return node.error() << "expected " << what << " of static shape";
  return shape;
}

LogicalResult expectFloats(NodeFacts &node, StringRef what, Type type) {
  if (isa_and_nonnull<FloatType>(type))
    return success();
  return node.error() << "expected " << what << " of floats, found " << type;
}

} // namespace bluec::onnx
