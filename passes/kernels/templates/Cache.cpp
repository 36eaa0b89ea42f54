// Keys and values into the KV cache, and keys into the same layout without a cache.
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

Value kernels::placeInCache(KernelBuilder &b, Value position, Value cache, bool isRing) {
  if (!isRing)
    return position;
  return b.rem(position, plan::RingLayout::of(cast<RankedTensorType>(cache.getType())).positions);
}

void kernels::storeKeyRow(StepKernel &k, Value cache, Value place, Value head, Columns at,
                          Value vector) {
  KernelBuilder &b = k.b;
  int64_t lanes = cast<MemRefType>(cache.getType()).getDimSize(4);
  Value block = b.div(place, lanes), lane = b.rem(place, lanes);
  // Dims of one position are `lanes` elements apart.
  SmallVector<int32_t> numbers;
  for (int64_t i = 0; i < b.facts.lanes; ++i)
    numbers.push_back(static_cast<int32_t>(i * lanes));
  Value offsets = arith::ConstantOp::create(
      b, DenseIntElementsAttr::get(b.intVectorType(), ArrayRef<int32_t>(numbers)));
  Value mask = at.mask;
  if (!mask)
    mask = arith::ConstantOp::create(b, DenseElementsAttr::get(b.maskType(), true));
  vector::ScatterOp::create(b, /*result=*/Type(), cache,
                            ValueRange{b.index(0), head, block, at.col, lane}, offsets, mask,
                            vector);
}

LogicalResult kernels::emitAppendKeys(StepKernel &k, plan::AppendKeysOp op) {
  if (plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType())))
    return emitAppendQuantizedKeys(k, op);
  KernelBuilder &b = k.b;
  Value keys = k.buffer(op.getKeys()), cache = k.buffer(op.getCache());
  auto type = cast<MemRefType>(cache.getType());
  int64_t heads = type.getDimSize(1), dims = type.getDimSize(3);
  k.tasks = k.validRowsExpr(op.getKeys().getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value place = placeInCache(b, b.add(k.position, row), op.getCache(), op.getRing());
    b.loop(b.index(0), b.index(heads), 1, [&](Value head) {
      b.forColumns(dims, [&](Columns at) {
        Value vector = b.load(keys, {row, b.add(b.mul(head, dims), at.col)}, at.mask);
        storeKeyRow(k, cache, place, head, at, vector);
      });
    });
  });
  return success();
}

LogicalResult kernels::emitAppendValues(StepKernel &k, plan::AppendValuesOp op) {
  if (plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType())))
    return emitAppendQuantizedValues(k, op);
  KernelBuilder &b = k.b;
  Value values = k.buffer(op.getValues()), cache = k.buffer(op.getCache());
  k.tasks = k.validRowsExpr(op.getValues().getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value to = placeInCache(b, b.add(k.position, row), op.getCache(), op.getRing());
    b.forColumns(rowShape(op.getValues().getType()).cols, [&](Columns at) {
      b.store(b.load(values, {row, at.col}, at.mask), cache, {to, at.col}, at.mask);
    });
  });
  return success();
}

LogicalResult kernels::emitPackKeys(StepKernel &k, plan::PackKeysOp op) {
  if (plan::CacheLayout::of(cast<RankedTensorType>(op.getType())))
    return emitPackQuantizedKeys(k, op);
  KernelBuilder &b = k.b;
  Value keys = k.buffer(op.getKeys());
  auto packed = cast<MemRefType>(k.result.getType());
  int64_t heads = packed.getDimSize(1), blocks = packed.getDimSize(2);
  int64_t dims = packed.getDimSize(3), lanes = packed.getDimSize(4);
  int64_t tokens = cast<RankedTensorType>(op.getKeys().getType()).getDimSize(1);
  std::optional<int64_t> perCount = k.rowsPerCount(op.getType());
  int64_t batch = packed.getDimSize(0);
  k.tasks =
      (perCount ? getAffineDimExpr(0, b.getContext()) : k.constantExpr(batch)) * (heads * blocks);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value block = b.rem(task, blocks);
    Value head = b.rem(b.div(task, blocks), heads);
    Value element = b.div(task, heads * blocks);
    b.loop(b.index(0), b.index(lanes), 1, [&](Value lane) {
      Value token = b.add(b.mul(block, lanes), lane);
      Value inside = b.less(token, b.index(tokens));
      // A lane past the last token reads that token and stores zero.
      Value row = b.add(b.mul(element, tokens), b.minimum(token, b.index(tokens - 1)));
      b.loop(b.index(0), b.index(dims), 1, [&](Value dim) {
        Value value = b.loadScalar(keys, {row, b.add(b.mul(head, dims), dim)});
        b.storeScalar(b.select(inside, value, b.scalar(0)), k.result,
                      {element, head, block, dim, lane});
      });
    });
  });
  return success();
}
