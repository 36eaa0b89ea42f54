// Rows of a table by token id.
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
