// Inference for ops that read shapes, make index vectors and gather by index.
#include "compiler/dialect/onnx/inference/Rules.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

Type int64Type(NodeFacts &node) { return IntegerType::get(node.inference.getContext(), 64); }

LogicalResult shape(NodeFacts &node) {
  auto op = cast<ShapeOp>(node.op);
  ValueFacts x = node.input(0);
  if (!x.dims)
    return node.set(0, int64Type(node), Exprs{AffineExpr()});
  int64_t rank = static_cast<int64_t>(x.dims->size());
  auto clamp = [&](int64_t at) {
    if (at < 0)
      at = at < -rank ? 0 : at + rank;
    return std::min(at, rank);
  };
  int64_t start = clamp(op.getStart()), end = op.getEnd() ? clamp(*op.getEnd()) : rank;
  Exprs elements;
  for (int64_t i = start; i < end; ++i)
    elements.push_back((*x.dims)[static_cast<size_t>(i)]);
  return node.set(0, int64Type(node), Exprs{node.constant(static_cast<int64_t>(elements.size()))},
                  elements);
}

LogicalResult size(NodeFacts &node) {
  ValueFacts x = node.input(0);
  AffineExpr count = x.dims ? node.constant(1) : AffineExpr();
  if (x.dims)
    for (AffineExpr dim : *x.dims)
      count = multiply(count, dim);
  return node.set(0, int64Type(node), Exprs(), Exprs{count});
}

LogicalResult constantOfShape(NodeFacts &node) {
  auto op = cast<ConstantOfShapeOp>(node.op);
  Type type = Float32Type::get(node.inference.getContext());
  AffineExpr element;
  if (std::optional<ElementsAttr> value = op.getValue()) {
    type = value->getElementType();
    if (value->getNumElements() != 1)
      return node.error() << "expected a value of one element, found " << value->getNumElements();
    if (auto dense = dyn_cast<DenseElementsAttr>(*value); dense && isa<IntegerType>(type)) {
      APInt number = dense.getSplatValue<APInt>();
      element = node.constant(type.isInteger(1) || type.isUnsignedInteger()
                                  ? static_cast<int64_t>(number.getZExtValue())
                                  : number.getSExtValue());
    }
  }
  ValueFacts wanted = node.input(0);
  std::optional<Exprs> dims = wanted.elements;
  if (!dims && wanted.dims && wanted.dims->size() == 1)
    if (std::optional<int64_t> rank = constantOf(wanted.dims->front());
        rank && *rank <= ShapeInference::kMaxElements)
      dims = Exprs(static_cast<size_t>(*rank), AffineExpr());
  std::optional<Exprs> elements;
  if (dims && element && !llvm::is_contained(*dims, AffineExpr()))
    if (std::optional<int64_t> count = staticCount(dims);
        count && *count <= ShapeInference::kMaxElements)
      elements.emplace(static_cast<size_t>(*count), element);
  return node.set(0, type, dims, elements);
}

LogicalResult range(NodeFacts &node) {
  ValueFacts start = node.input(0), limit = node.input(1), delta = node.input(2);
  if (start.elementType != limit.elementType || start.elementType != delta.elementType)
    return node.error() << "expected operands of one element type";
  AffineExpr length;
  std::optional<Exprs> elements;
  if (start.elements && limit.elements && delta.elements && start.elements->size() == 1 &&
      limit.elements->size() == 1 && delta.elements->size() == 1) {
    AffineExpr from = start.elements->front(), to = limit.elements->front();
    std::optional<int64_t> step = constantOf(delta.elements->front());
    if (step == 0)
      return node.error() << "expected a delta other than 0";
    AffineExpr distance = subtract(to, from);
    if (step == 1 && distance && !constantOf(distance)) {
      length = distance;
    } else if (step && constantOf(distance)) {
      int64_t way = *step > 0 ? *constantOf(distance) : -*constantOf(distance);
      int64_t count = way <= 0 || *step == INT64_MIN ? 0 : (way - 1) / std::abs(*step) + 1;
      length = node.constant(count);
      if (count <= ShapeInference::kMaxElements && constantOf(from)) {
        elements.emplace();
        for (int64_t i = 0; i < count; ++i)
          elements->push_back(node.constant(*constantOf(from) + i * *step));
      }
    }
  }
  return node.set(0, start.elementType, Exprs{length}, elements);
}

LogicalResult gather(NodeFacts &node) {
  ValueFacts data = node.input(0), indices = node.input(1);
  if (!isa_and_nonnull<IntegerType>(indices.elementType))
    return node.error() << "expected integer indices, found " << indices.elementType;
  if (!data.dims || !indices.dims)
    return node.set(0, data.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(data.dims->size());
  std::optional<int64_t> axis = normalizeAxis(node, cast<GatherOp>(node.op).getAxis(), rank);
  if (!axis)
    return failure();
  Exprs dims(data.dims->begin(), data.dims->begin() + *axis);
  dims.append(*indices.dims);
  dims.append(data.dims->begin() + *axis + 1, data.dims->end());
  std::optional<Exprs> elements;
  if (data.elements && rank == 1 && indices.elements) {
    elements.emplace();
    int64_t count = static_cast<int64_t>(data.elements->size());
    for (AffineExpr index : *indices.elements) {
      std::optional<int64_t> at = constantOf(index);
      if (at && (*at < -count || *at >= count))
        return node.error() << "expected indices in [" << -count << ", " << count << "), found "
                            << *at;
      elements->push_back(at ? (*data.elements)[static_cast<size_t>(*at < 0 ? *at + count : *at)]
                             : AffineExpr());
    }
  }
  return node.set(0, data.elementType, dims, elements);
}

LogicalResult gatherElements(NodeFacts &node) {
  ValueFacts data = node.input(0), indices = node.input(1);
  if (data.dims && indices.dims && data.dims->size() != indices.dims->size())
    return node.error() << "expected indices of rank " << data.dims->size() << ", found "
                        << indices.dims->size();
  return node.set(0, data.elementType, indices.dims);
}

LogicalResult gatherND(NodeFacts &node) {
  ValueFacts data = node.input(0), indices = node.input(1);
  int64_t batch = cast<GatherNDOp>(node.op).getBatchDims();
  if (!data.dims || !indices.dims)
    return node.set(0, data.elementType, std::nullopt);
  if (indices.dims->empty() || data.dims->empty())
    return node.error() << "expected operands of rank 1 or more, found a scalar";
  std::optional<int64_t> depth = constantOf(indices.dims->back());
  if (!depth)
    return node.set(0, data.elementType, std::nullopt);
  int64_t rank = static_cast<int64_t>(data.dims->size());
  if (batch < 0 || batch >= static_cast<int64_t>(indices.dims->size()) || *depth < 1 ||
      batch + *depth > rank)
    return node.error() << "expected batch_dims and an index depth within rank " << rank
                        << ", found " << batch << " and " << *depth;
  Exprs dims(indices.dims->begin(), indices.dims->end() - 1);
  dims.append(data.dims->begin() + batch + *depth, data.dims->end());
  return node.set(0, data.elementType, dims);
}

LogicalResult scatter(NodeFacts &node) {
  ValueFacts data = node.input(0);
  if (node.input(2).elementType != data.elementType)
    return node.error() << "expected updates of the data's element type, found "
                        << node.input(2).elementType << " and " << data.elementType;
  return node.set(0, data.elementType, data.dims);
}

} // namespace

void addIndexingRules(InferenceRules &rules) {
  rules["onnx.Shape"] = shape;
  rules["onnx.Size"] = size;
  rules["onnx.ConstantOfShape"] = constantOfShape;
  rules["onnx.Range"] = range;
  rules["onnx.Gather"] = gather;
  rules["onnx.GatherElements"] = gatherElements;
  rules["onnx.GatherND"] = gatherND;
  rules["onnx.ScatterElements"] = scatter;
  rules["onnx.ScatterND"] = scatter;
}

} // namespace bluec::onnx
