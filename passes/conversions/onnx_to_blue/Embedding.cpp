// Rows of a table by token id, or by position.
#include "passes/conversions/onnx_to_blue/Structure.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::onnx_to_blue;

/// The function argument of token ids that `value` is, in its order, or null.
static BlockArgument idsOf(Raising &raising, Value value) {
  std::optional<Cone> cone = traceCone(value, ConeKind::Movement, raising.dependences(),
                                       *raising.shortProbes().front(), [](Value) { return false; });
  if (!cone || cone->roots.size() != 1)
    return nullptr;
  // Integers pass through casts between integer types, which a cone does not look through.
  Value root = cone->roots.front();
  if (auto cast = root.getDefiningOp<onnx::CastOp>(); cast && cone->ops.empty()) {
    auto type = dyn_cast<RankedTensorType>(cast.getResult().getType());
    if (!type || !type.getElementType().isInteger() || type.getElementType().isInteger(1))
      return nullptr;
    root = cast.getX();
  }
  auto argument = dyn_cast<BlockArgument>(root);
  if (!argument || raising.inputs[argument.getArgNumber()].kind != InputKind::Ids)
    return nullptr;
  for (Operation *op : cone->ops)
    if (!isa<onnx::IdentityOp, onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp,
             onnx::FlattenOp>(op))
      return nullptr;
  return argument;
}

bool bluec::onnx_to_blue::matchEmbedding(Raising &raising, Operation *op) {
  auto gather = dyn_cast<onnx::GatherOp>(op);
  if (!gather || raising.role != blue::Role::Embed)
    return false;
  auto axis = static_cast<int64_t>(gather.getAxis());
  auto tableType = dyn_cast<RankedTensorType>(gather.getData().getType());
  if (!tableType || tableType.getRank() != 2 || (axis != 0 && axis != -2))
    return false;
  BlockArgument ids = idsOf(raising, gather.getIndices());
  std::optional<WeightUse> table;
  if (ids)
    table = raising.weight(gather.getData());
  if (!table)
    return false;
  Match match;
  match.nodes = {op};
  match.uses = {RowsUse{ids}};
  match.results = {gather.getResult()};
  match.build = [ids, table = *table](Emitter &emitter, Location location) -> SmallVector<Value> {
    SmallVector<int64_t> shape = {ShapedType::kDynamic, table.shape[1]};
    return {blue::EmbeddingOp::create(
        emitter.builder, location, emitter.floats(shape), emitter.values.at(ids),
        emitter.weight(table, "weight", location, /*keepsIntegers=*/true))};
  };
  return raising.recordRows(std::move(match), {ShapedType::kDynamic, table->shape[1]}) != nullptr;
}

/// The first row of the table that positions read: what `indices` are more than the positions of
/// the rows, at all probes.
static std::optional<int64_t> offsetOfPositions(Raising &raising, Value indices) {
  std::optional<int64_t> offset;
  for (Probe *probe : raising.allProbes()) {
    std::shared_ptr<const Tensor> found = probe->value(indices);
    const Lengths &at = probe->lengths();
    if (!found || found->type != reference::ElementType::I64 || found->numElements() != at.rows)
      return std::nullopt;
    for (int64_t row = 0; row < at.rows; ++row) {
      int64_t difference = found->i64[row] - (at.past + row);
      if (offset && *offset != difference)
        return std::nullopt;
      offset = difference;
    }
  }
  return offset;
}

bool bluec::onnx_to_blue::matchPositionEmbedding(Raising &raising, Operation *op) {
  if (!isa<onnx::AddOp>(op) || !raising.isDecoder())
    return false;
  const Dependences &dependences = raising.dependences();
  for (unsigned i : {0u, 1u}) {
    auto gather = producer<onnx::GatherOp>(op->getOperand(1 - i));
    if (!gather || dependences.onActivations(gather.getResult()) ||
        !dependences.onLengths(gather.getIndices()))
      continue;
    auto axis = static_cast<int64_t>(gather.getAxis());
    std::optional<WeightUse> table = raising.weight(gather.getData());
    std::optional<RowsUse> x = raising.rows(op->getOperand(i));
    if (!table || !x || table->shape.size() != 2 || (axis != 0 && axis != -2) ||
        raising.channels(*x) != table->shape[1])
      continue;
    std::optional<int64_t> offset = offsetOfPositions(raising, gather.getIndices());
    if (!offset || *offset < 0) {
      raising.explain(op, "expected rows of a table by each row's position");
      return false;
    }
    if (table->shape[0] - *offset < raising.context) {
      raising.explain(op, "expected embeddings of " + Twine(raising.context) +
                              " positions for that context, found " +
                              Twine(table->shape[0] - *offset));
      return false;
    }
    table->slice(0, *offset, *offset + raising.context);
    Match match;
    match.nodes = {op, gather};
    match.uses = {*x};
    match.results = {op->getResult(0)};
    match.build = [x = *x, table = *table](Emitter &emitter,
                                           Location location) -> SmallVector<Value> {
      Value rows = emitter.rows(x, location);
      return {blue::PositionEmbeddingOp::create(emitter.builder, location, rows.getType(), rows,
                                                emitter.weight(table, "weight", location),
                                                emitter.position)};
    };
    return raising.recordRows(std::move(match), raising.shapeOf(*x)) != nullptr;
  }
  return false;
}
