// Inference for reductions and normalisations.
#include "compiler/dialect/onnx/inference/Rules.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

// Dims after reducing `axes`; nullopt (after an error) when an axis does not exist.
FailureOr<Exprs> reducedDims(NodeFacts &node, const Exprs &dims, ArrayRef<int64_t> axes,
                             bool keepDims) {
  SmallVector<bool> isReduced(dims.size(), false);
  for (int64_t axis : axes) {
    std::optional<int64_t> at = normalizeAxis(node, axis, static_cast<int64_t>(dims.size()));
    if (!at)
      return failure();
    isReduced[static_cast<size_t>(*at)] = true;
  }
  Exprs result;
  for (auto [dim, reduced] : llvm::zip_equal(dims, isReduced)) {
    if (!reduced)
      result.push_back(dim);
    else if (keepDims)
      result.push_back(node.constant(1));
  }
  return result;
}

AffineExpr unknown(AffineExpr, AffineExpr) { return {}; }

bool flag(NodeFacts &node, StringRef name, bool fallback) {
  auto value = node.op->getAttrOfType<IntegerAttr>(name);
  return value ? value.getInt() != 0 : fallback;
}

template <AffineExpr (*rule)(AffineExpr, AffineExpr)> LogicalResult reduce(NodeFacts &node) {
  ValueFacts x = node.input(0);
  bool keepDims = flag(node, "keepdims", true);
  if (!x.dims)
    return node.set(0, x.elementType, std::nullopt);
  SmallVector<int64_t> axes;
  if (node.has(1)) {
    std::optional<SmallVector<int64_t>> given = node.constants(1);
    if (!given)
      return node.set(0, x.elementType,
                      keepDims ? std::optional(Exprs(x.dims->size(), AffineExpr())) : std::nullopt);
    axes = *given;
  }
  if (axes.empty()) {
    if (flag(node, "noop_with_empty_axes", false))
      return node.set(0, x.elementType, x.dims, x.elements);
    for (size_t i = 0; i < x.dims->size(); ++i)
      axes.push_back(static_cast<int64_t>(i));
  }
  FailureOr<Exprs> dims = reducedDims(node, *x.dims, axes, keepDims);
  if (failed(dims))
    return failure();
  std::optional<Exprs> elements;
  if (x.elements && !x.elements->empty() && staticCount(*dims) == 1) {
    AffineExpr total = x.elements->front();
    for (AffineExpr element : ArrayRef(*x.elements).drop_front())
      total = rule(total, element);
    elements = Exprs{total};
  }
  return node.set(0, x.elementType, *dims, elements);
}

LogicalResult argMax(NodeFacts &node) {
  auto op = cast<ArgMaxOp>(node.op);
  ValueFacts x = node.input(0);
  Type type = IntegerType::get(node.inference.getContext(), 64);
  if (!x.dims)
    return node.set(0, type, std::nullopt);
  FailureOr<Exprs> dims =
      reducedDims(node, *x.dims, static_cast<int64_t>(op.getAxis()), op.getKeepdims() != 0);
  return failed(dims) ? failure() : node.set(0, type, *dims);
}

// The statistics that normalisations may also give: x's dims up to the axis, then ones.
LogicalResult setStatistics(NodeFacts &node, unsigned first, std::optional<int64_t> axis) {
  ValueFacts x = node.input(0);
  Exprs dims;
  if (x.dims && axis)
    for (auto [i, dim] : llvm::enumerate(*x.dims))
      dims.push_back(static_cast<int64_t>(i) < *axis ? dim : node.constant(1));
  Type type = Float32Type::get(node.inference.getContext());
  for (unsigned i = first; i < node.op->getNumResults(); ++i)
    if (node.hasResult(i) &&
        failed(node.set(i, type, x.dims && axis ? std::optional(dims) : std::nullopt)))
      return failure();
  return success();
}

LogicalResult normalization(NodeFacts &node) {
  ValueFacts x = node.input(0);
  std::optional<int64_t> axis;
  if (x.dims) {
    auto attribute = node.op->getAttrOfType<IntegerAttr>("axis");
    axis = normalizeAxis(node, attribute ? attribute.getInt() : -1,
                         static_cast<int64_t>(x.dims->size()));
    if (!axis)
      return failure();
    Exprs normalized(x.dims->begin() + *axis, x.dims->end());
    for (unsigned i = 1; i < node.op->getNumOperands(); ++i) {
      if (!node.has(i))
        continue;
      FailureOr<std::optional<Exprs>> shape = broadcast(node, normalized, node.input(i).dims);
      if (failed(shape))
        return failure();
    }
  }
  if (failed(node.set(0, x.elementType, x.dims)))
    return failure();
  return setStatistics(node, 1, axis);
}

// Adds a residual before it normalises; may give the sum as well, as its fourth result.
LogicalResult skipNormalization(NodeFacts &node) {
  ValueFacts x = node.input(0);
  if (failed(node.set(0, x.elementType, x.dims)))
    return failure();
  std::optional<int64_t> axis;
  if (x.dims) {
    if (x.dims->empty())
      return node.error() << "expected an input of rank 1 or more, found a scalar";
    axis = static_cast<int64_t>(x.dims->size()) - 1;
  }
  if (failed(setStatistics(node, 1, axis)))
    return failure();
  return node.hasResult(3) ? node.set(3, x.elementType, x.dims) : success();
}

} // namespace

void addReductionRules(InferenceRules &rules) {
  rules["onnx.ReduceL2"] = reduce<unknown>;
  rules["onnx.ReduceMax"] = reduce<unknown>;
  rules["onnx.ReduceMean"] = reduce<unknown>;
  rules["onnx.ReduceMin"] = reduce<unknown>;
  rules["onnx.ReduceProd"] = reduce<multiply>;
  rules["onnx.ReduceSum"] = reduce<add>;
  rules["onnx.ReduceSumSquare"] = reduce<unknown>;
  rules["onnx.ArgMax"] = argMax;
  rules["onnx.LayerNormalization"] = normalization;
  rules["onnx.RMSNormalization"] = normalization;
  rules["onnx.SimplifiedLayerNormalization"] = normalization;
  rules["onnx.ms.SimplifiedLayerNormalization"] = normalization;
  rules["onnx.ms.SkipLayerNormalization"] = skipNormalization;
  rules["onnx.ms.SkipSimplifiedLayerNormalization"] = skipNormalization;
}

} // namespace bluec::onnx
