// Steps that make each row of the result from whole rows: elementwise chains, embeddings of tokens
// and positions, and the last row.
#include "passes/kernels/templates/Templates.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

LogicalResult kernels::emitElementwise(StepKernel &k) {
  KernelBuilder &b = k.b;
  k.tasks = k.validRowsExpr(k.step->getResult(0).getType());
  b.loop(k.begin, k.end, 1, [&](Value row) { k.finishRow(row, [](Columns) { return Value(); }); });
  return success();
}

LogicalResult kernels::emitRowCopy(StepKernel &k) {
  KernelBuilder &b = k.b;
  Operation *root = k.root;
  k.tasks = k.validRowsExpr(root->getResult(0).getType());
  Value source;
  std::function<Value(Value)> sourceRow;
  if (auto op = dyn_cast<blue::EmbeddingOp>(root)) {
    source = k.buffer(op.getTable());
    Value ids = k.buffer(op.getIds());
    int64_t last = rowShape(op.getTable().getType()).rows - 1;
    // An id outside the table is the caller's mistake; it must not become a read outside the table.
    sourceRow = [=, &b](Value row) {
      Value id = b.loadScalar(ids, {row});
      Value at = arith::IndexCastOp::create(b, b.getIndexType(), id);
      return b.maximum(b.index(0), b.minimum(at, b.index(last)));
    };
  } else {
    source = k.buffer(cast<plan::LastRowOp>(root).getX());
    sourceRow = [&](Value) { return b.sub(k.count, b.index(1)); };
  }
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value from = sourceRow(row);
    k.finishRow(row, [&](Columns at) { return b.load(source, {from, at.col}, at.mask); });
  });
  return success();
}

LogicalResult kernels::emitPositionEmbedding(StepKernel &k, blue::PositionEmbeddingOp op) {
  if (!op.getPosition().getDefiningOp<plan::PositionOp>())
    return op.emitError("expected a position given by plan.position");
  KernelBuilder &b = k.b;
  Value x = k.buffer(op.getX()), table = k.buffer(op.getTable());
  // A position outside of the table is the caller's mistake; it must not become a read outside.
  Value last = b.index(rowShape(op.getTable().getType()).rows - 1);
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value position = b.minimum(b.add(k.position, row), last);
    k.finishRow(row, [&](Columns at) {
      return b.addf(b.load(x, {row, at.col}, at.mask), b.load(table, {position, at.col}, at.mask));
    });
  });
  return success();
}
