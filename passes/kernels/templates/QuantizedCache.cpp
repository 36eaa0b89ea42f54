// Keys and values into a quantized KV cache: each head of each token with a scale of its own.
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

/// Where the block of `position` of a head starts.
static Value blockOf(KernelBuilder &b, const plan::CacheLayout &layout, Value head,
                     Value position) {
  return b.add(b.mul(head, layout.headBytes()),
               b.mul(b.div(position, layout.block), layout.blockBytes()));
}

/// Finds the scale of a head's elements, stores it, and gives what was stored as f32.
static Value storeScale(KernelBuilder &b, const plan::CacheLayout &layout, Value cache, Value start,
                        Value inBlock, llvm::function_ref<Value(Columns)> load) {
  Value half = toHalf(b, largestScale(b, layout.dims, 127, load));
  b.storeScalarBytes(half, cache, b.add(start, b.mul(inBlock, 2)));
  return arith::ExtFOp::create(b, b.getF32Type(), half);
}

void kernels::storeQuantizedKey(StepKernel &k, const plan::CacheLayout &layout, Value cache,
                                Value row, Value head, llvm::function_ref<Value(Columns)> load) {
  KernelBuilder &b = k.b;
  int64_t lanes = b.facts.lanes;
  Value position = b.add(k.position, row), inBlock = b.rem(position, layout.block);
  Value start = blockOf(b, layout, head, position);
  Value scale = storeScale(b, layout, cache, start, inBlock, load);
  // Bytes in the order in which they stand in words.
  SmallVector<int64_t> order(static_cast<size_t>(lanes));
  for (int64_t i = 0; i < lanes; ++i)
    order[static_cast<size_t>(i / 4 * 4 + layout.word.bitOf(i % 4) / 8)] = i;
  Value words = b.add(b.add(start, layout.headerBytes()), b.mul(inBlock, 4));
  b.forColumns(layout.dims, [&](Columns at) {
    // Dims past the head are 0 here, and 128 when stored.
    Value ints = toIntegers(b, load(at), scale, 127);
    ints = b.addi(ints, b.splatInt(b.intVectorType(), 128));
    Value bytes = arith::TruncIOp::create(b, VectorType::get(lanes, b.getI8Type()), ints);
    bytes = vector::ShuffleOp::create(b, bytes, bytes, order);
    Value whole = b.bitcast(bytes, VectorType::get(lanes / 4, b.getI32Type()));
    int64_t dims = at.mask ? layout.dims % lanes : lanes;
    for (int64_t word = 0; word < llvm::divideCeilSigned(dims, 4); ++word) {
      Value value = vector::ExtractOp::create(b, whole, ArrayRef<int64_t>{word});
      Value number = b.add(b.div(at.col, 4), word);
      b.storeScalarBytes(value, cache, b.add(words, b.mul(number, layout.wordBytes())));
    }
  });
}

LogicalResult kernels::emitAppendQuantizedKeys(StepKernel &k, plan::AppendKeysOp op) {
  KernelBuilder &b = k.b;
  auto layout = *plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType()));
  Value keys = k.buffer(op.getKeys()), cache = k.buffer(op.getCache());
  k.tasks = k.validRowsExpr(op.getKeys().getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    b.loop(b.index(0), b.index(layout.heads), 1, [&](Value head) {
      storeQuantizedKey(k, layout, cache, row, head, [&](Columns at) {
        return b.load(keys, {row, b.add(b.mul(head, layout.dims), at.col)}, at.mask);
      });
    });
  });
  return success();
}

/// Puts `ints` into the byte of their words that starts at bit `shift`, an i32 in all lanes.
static void storeValueBytes(KernelBuilder &b, const plan::CacheLayout &layout, Value cache,
                            Value offset, Value ints, Value shift, Value byte, Columns at) {
  if (!at.mask) {
    Value byteMask = b.splatInt(b.intVectorType(), 255);
    Value others = arith::XOrIOp::create(b, arith::ShLIOp::create(b, byteMask, shift).getResult(),
                                         b.splatInt(b.intVectorType(), -1));
    Value here = arith::ShLIOp::create(b, b.andi(ints, byteMask), shift);
    Value before = b.loadBytes(cache, offset, b.intVectorType());
    b.storeBytes(b.ori(b.andi(before, others), here), cache, offset);
    return;
  }
  // Words past the head belong to other positions, and perhaps to another task.
  for (int64_t i = 0; i < layout.dims % b.facts.lanes; ++i) {
    Value value = vector::ExtractOp::create(b, ints, ArrayRef<int64_t>{i});
    value = arith::TruncIOp::create(b, b.getI8Type(), value);
    memref::StoreOp::create(b, value, cache, ValueRange{b.add(b.add(offset, 4 * i), byte)});
  }
}

LogicalResult kernels::emitAppendQuantizedValues(StepKernel &k, plan::AppendValuesOp op) {
  KernelBuilder &b = k.b;
  auto layout = *plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType()));
  Value values = k.buffer(op.getValues()), cache = k.buffer(op.getCache());
  // A task is the positions that share words, so that no two tasks write a word: `count` rows from
  // any position on are in at most (count + 6) / 4 words.
  bool rowsAreCount = k.rowsPerCount(op.getValues().getType()).has_value();
  Value count = rowsAreCount ? k.count : b.index(rowShape(op.getValues().getType()).rows);
  AffineExpr rows = rowsAreCount ? getAffineDimExpr(0, b.getContext())
                                 : k.constantExpr(rowShape(op.getValues().getType()).rows);
  k.tasks = (rows + 6).floorDiv(4);
  Value end = b.add(k.position, count), firstWord = b.div(k.position, 4);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value from = b.mul(b.add(firstWord, task), 4);
    Value until = b.minimum(b.add(from, 4), end);
    b.loop(b.maximum(from, k.position), until, 1, [&](Value position) {
      Value row = b.sub(position, k.position), inBlock = b.rem(position, layout.block);
      Value inWord = b.rem(inBlock, 4);
      // What WordLayout::bitOf says, in bytes, of an element that is known at run time only.
      int64_t lanes = layout.word.dotLanes;
      Value byte = b.add(b.mul(b.rem(inWord, lanes), 4 / lanes), b.div(inWord, lanes));
      Value bit = arith::IndexCastOp::create(b, b.getI32Type(), b.mul(byte, 8));
      Value shift = b.broadcastTo(b.intVectorType(), bit);
      Value word = b.mul(b.div(inBlock, 4), layout.wordBytes());
      b.loop(b.index(0), b.index(layout.heads), 1, [&](Value head) {
        auto load = [&](Columns at) {
          return b.load(values, {row, b.add(b.mul(head, layout.dims), at.col)}, at.mask);
        };
        Value start = blockOf(b, layout, head, position);
        Value scale = storeScale(b, layout, cache, start, inBlock, load);
        Value words = b.add(b.add(start, layout.headerBytes()), word);
        b.forColumns(layout.dims, [&](Columns at) {
          Value ints = toIntegers(b, load(at), scale, 127);
          storeValueBytes(b, layout, cache, b.add(words, b.mul(at.col, 4)), ints, shift, byte, at);
        });
      });
    });
  });
  return success();
}
