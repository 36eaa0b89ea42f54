// Inference for mixtures of experts. Shapes are checked here, once, for the passes that follow.
#include "compiler/dialect/onnx/ExpertLayer.h"
#include "compiler/dialect/onnx/PackedWeight.h"
#include "compiler/dialect/onnx/inference/Rules.h"

using namespace mlir;

namespace bluec::onnx {
namespace {

LogicalResult expectShape(NodeFacts &node, unsigned i, StringRef what, ArrayRef<int64_t> expected) {
  FailureOr<SmallVector<int64_t>> shape = staticShape(node, i, what);
  if (failed(shape))
    return failure();
  if (ArrayRef<int64_t>(*shape) != expected)
    return node.error() << "expected " << what << " of shape " << shapeText(expected) << ", found "
                        << shapeText(*shape);
  return success();
}

/// What both nodes have: rows, logits, and the biases.
struct Sizes {
  int64_t experts, hidden, inner; // channels of rows, and within an expert
};

FailureOr<Sizes> sizesOf(NodeFacts &node, unsigned fc1, unsigned fc2, int64_t columnsOfByte) {
  ValueFacts x = node.input(0), logits = node.input(1);
  FailureOr<SmallVector<int64_t>> second = staticShape(node, fc2, "fc2_experts_weights");
  if (failed(expectFloats(node, "rows", x.elementType)) || failed(second))
    return failure();
  if (logits.elementType != x.elementType)
    return node.error() << "expected router_probs of the rows' type " << x.elementType << ", found "
                        << logits.elementType;
  if (second->size() != 3 || llvm::any_of(*second, [](int64_t dim) { return dim < 1; }))
    return node.error() << "expected fc2_experts_weights [experts, hidden, inner], found "
                        << shapeText(*second);
  Sizes sizes{(*second)[0], (*second)[1], (*second)[2] * columnsOfByte};
  if (x.dims && (x.dims->size() < 2 || x.dims->size() > 3 ||
                 constantOf(x.dims->back()).value_or(sizes.hidden) != sizes.hidden))
    return node.error() << "expected rows of rank 2 or 3 and " << sizes.hidden << " channels";
  if (logits.dims && (logits.dims->size() != 2 ||
                      constantOf(logits.dims->back()).value_or(sizes.experts) != sizes.experts))
    return node.error() << "expected router_probs [rows, " << sizes.experts << "]";
  std::optional<int64_t> rows, routed;
  if (x.dims && logits.dims) {
    rows = staticCount(Exprs(x.dims->begin(), x.dims->end() - 1));
    routed = constantOf(logits.dims->front());
  }
  if (rows && routed && *rows != *routed)
    return node.error() << "expected router_probs of " << *rows << " rows, found " << *routed;
  return sizes;
}

LogicalResult expectBias(NodeFacts &node, unsigned i, StringRef what, int64_t experts,
                         int64_t channels) {
  if (!node.has(i))
    return success();
  if (node.input(i).elementType != node.input(0).elementType)
    return node.error() << "expected " << what << " of the rows' type, found "
                        << node.input(i).elementType;
  return expectShape(node, i, what, {experts, channels});
}

LogicalResult finish(NodeFacts &node, const ExpertLayer &layer, const Sizes &sizes) {
  if (layer.chosen > sizes.experts)
    return node.error() << "expected a k of at most " << sizes.experts << " experts, found "
                        << layer.chosen;
  ValueFacts x = node.input(0);
  return node.set(0, x.elementType, x.dims);
}

LogicalResult moe(NodeFacts &node) {
  std::string fault;
  std::optional<ExpertLayer> layer = ExpertLayer::of(cast<MsMoEOp>(node.op), fault);
  if (!layer)
    return node.error() << fault;
  FailureOr<Sizes> sizes = sizesOf(node, 2, 4, /*columnsOfByte=*/1);
  if (failed(sizes))
    return failure();
  for (unsigned i : {2u, 4u})
    if (node.input(i).elementType != node.input(0).elementType)
      return node.error() << "expected weights of the rows' type " << node.input(0).elementType
                          << ", found " << node.input(i).elementType;
  int64_t rows = layer->rowsOfOne() * sizes->inner;
  if (failed(expectShape(node, 2, "fc1_experts_weights", {sizes->experts, rows, sizes->hidden})) ||
      failed(expectBias(node, 3, "fc1_experts_bias", sizes->experts, rows)) ||
      failed(expectBias(node, 5, "fc2_experts_bias", sizes->experts, sizes->hidden)))
    return failure();
  return finish(node, *layer, *sizes);
}

/// A weight of packed integers at operand `weight`, with its scales behind it and zero points.
LogicalResult expectPacked(NodeFacts &node, unsigned weight, unsigned zeros, StringRef name,
                           int64_t experts, int64_t rows, int64_t columns) {
  auto op = cast<MsQMoEOp>(node.op);
  FailureOr<PackedWeight> form =
      PackedWeight::of(op, experts, rows, columns, [&] { return node.error(); });
  if (failed(form))
    return failure();
  auto isByte = [&](unsigned i) {
    Type type = node.input(i).elementType;
    return type && type.isUnsignedInteger(8);
  };
  std::string text = name.str();
  if (!isByte(weight) || (node.has(zeros) && !isByte(zeros)))
    return node.error() << "expected " << name << "_experts_weights and zero points of ui8";
  SmallVector<int64_t> scales{experts, rows};
  if (op.getBlockSize() != 0)
    scales.push_back(form->blocks());
  if (failed(expectFloats(node, text + "_scales", node.input(weight + 1).elementType)) ||
      failed(expectShape(node, weight, text + "_experts_weights",
                         {experts, rows, form->bytesOf(columns)})) ||
      failed(expectShape(node, weight + 1, text + "_scales", scales)))
    return failure();
  if (!node.has(zeros))
    return success();
  if (op.getBlockSize() == 0)
    return node.error() << "expected a block_size beside " << name << "_zero_points, found 0";
  return expectShape(node, zeros, text + "_zero_points",
                     {experts, rows, form->bytesOf(form->blocks())});
}

LogicalResult quantizedMoe(NodeFacts &node) {
  auto op = cast<MsQMoEOp>(node.op);
  std::string fault;
  std::optional<ExpertLayer> layer = ExpertLayer::of(op, fault);
  if (!layer)
    return node.error() << fault;
  auto bits = static_cast<int64_t>(op.getExpertWeightBits());
  if (bits != 4 && bits != 8)
    return node.error() << "expected expert_weight_bits 4 or 8, found " << bits;
  FailureOr<Sizes> sizes = sizesOf(node, 2, 5, 8 / bits);
  if (failed(sizes))
    return failure();
  int64_t rows = layer->rowsOfOne() * sizes->inner;
  if (failed(expectPacked(node, 2, 11, "fc1", sizes->experts, rows, sizes->hidden)) ||
      failed(expectPacked(node, 5, 12, "fc2", sizes->experts, sizes->hidden, sizes->inner)) ||
      failed(expectBias(node, 4, "fc1_experts_bias", sizes->experts, rows)) ||
      failed(expectBias(node, 7, "fc2_experts_bias", sizes->experts, sizes->hidden)))
    return failure();
  for (unsigned i : {9u, 13u})
    if (node.has(i))
      return node.error() << "expected nothing of fc3, found operand " << i;
  return finish(node, *layer, *sizes);
}

} // namespace

void addExpertRules(InferenceRules &rules) {
  rules["onnx.ms.MoE"] = moe;
  rules["onnx.ms.QMoE"] = quantizedMoe;
}

} // namespace bluec::onnx
