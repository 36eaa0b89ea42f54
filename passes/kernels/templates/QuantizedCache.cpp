// Keys and values into a quantized KV cache, or into an encoder's quantized keys and values: each
// head of each token with a scale of its own.
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

LogicalResult kernels::checkWords(StepKernel &k, Operation *op, const plan::CacheLayout &layout) {
  if (layout.word.elements() <= k.b.facts.lanes)
    return success();
  return op->emitError() << "expected words of at most " << k.b.facts.lanes
                         << " elements, found one of " << layout.word.elements() << " for "
                         << layout.dot;
}

/// Where a head's block starts that has `place`.
static Value blockOf(KernelBuilder &b, const plan::CacheLayout &layout, Value head, Value place) {
  return b.add(b.mul(head, layout.headBytes()),
               b.mul(b.div(place, layout.block), layout.blockBytes()));
}

/// Finds the scale of a head's elements, stores it, and gives what was stored as f32.
static Value storeScale(KernelBuilder &b, const plan::CacheLayout &layout, Value cache, Value start,
                        Value inBlock, llvm::function_ref<Value(Columns)> load) {
  Value half = toHalf(b, largestScale(b, layout.dims, 127, load));
  b.storeScalarBytes(half, cache, b.add(start, b.mul(inBlock, 2)));
  return arith::ExtFOp::create(b, b.getF32Type(), half);
}

/// Stores a position's elements in words, the first of which is at byte `words`.
static void storeKeyWords(KernelBuilder &b, const plan::CacheLayout &layout, Value cache,
                          Value words, Value scale, int64_t most,
                          llvm::function_ref<Value(Columns)> load) {
  int64_t lanes = b.facts.lanes, each = layout.word.elements();
  auto narrow = VectorType::get(lanes, b.intType(layout.word.bits));
  // Elements in the order in which they stand in words.
  SmallVector<int64_t> order(static_cast<size_t>(lanes));
  for (int64_t i = 0; i < lanes; ++i)
    order[static_cast<size_t>(i / each * each + layout.word.bitOf(i % each) / layout.word.bits)] =
        i;
  b.forColumns(layout.dims, [&](Columns at) {
    Value ints = toIntegers(b, load(at), scale, most);
    // Dims past the head are 0 here, and the offset when stored.
    if (layout.offset)
      ints = b.addi(ints, b.splatInt(b.intVectorType(), layout.offset));
    Value elements = arith::TruncIOp::create(b, narrow, ints);
    elements = vector::ShuffleOp::create(b, elements, elements, order);
    Value whole =
        b.bitcast(elements, VectorType::get(lanes / each, b.intType(layout.word.wordBits())));
    int64_t dims = at.mask ? layout.dims % lanes : lanes;
    for (int64_t word = 0; word < llvm::divideCeilSigned(dims, each); ++word) {
      Value value = vector::ExtractOp::create(b, whole, ArrayRef<int64_t>{word});
      Value number = b.add(b.div(at.col, each), word);
      b.storeScalarBytes(value, cache, b.add(words, b.mul(number, layout.wordBytes())));
    }
  });
}

void kernels::storeQuantizedKey(StepKernel &k, const plan::CacheLayout &layout, Value cache,
                                Value place, Value head, llvm::function_ref<Value(Columns)> load) {
  KernelBuilder &b = k.b;
  Value inBlock = b.rem(place, layout.block);
  Value start = blockOf(b, layout, head, place);
  Value scale = storeScale(b, layout, cache, start, inBlock, load);
  Value words = b.add(b.add(start, layout.headerBytes()), b.mul(inBlock, layout.word.bytes()));
  storeKeyWords(b, layout, cache, words, scale, 127, load);
}

LogicalResult kernels::emitAppendQuantizedKeys(StepKernel &k, plan::AppendKeysOp op) {
  KernelBuilder &b = k.b;
  auto layout = *plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType()));
  if (failed(checkWords(k, op, layout)))
    return failure();
  Value keys = k.buffer(op.getKeys()), cache = k.buffer(op.getCache());
  k.tasks = k.validRowsExpr(op.getKeys().getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    Value place = placeInCache(b, b.add(k.position, row), op.getCache(), op.getRing());
    b.loop(b.index(0), b.index(layout.heads), 1, [&](Value head) {
      storeQuantizedKey(k, layout, cache, place, head, [&](Columns at) {
        return b.load(keys, {row, b.add(b.mul(head, layout.dims), at.col)}, at.mask);
      });
    });
  });
  return success();
}

/// Puts `ints` into the byte of their words that starts at bit `shift`, in all lanes of a vector of
/// words.
static void storeValueBytes(KernelBuilder &b, const plan::CacheLayout &layout, Value cache,
                            Value offset, Value ints, Value shift, Value byte, Columns at) {
  if (!at.mask) {
    VectorType type = b.wordsType(layout.word);
    Value wide = layout.word.wordBits() > 32 ? arith::ExtUIOp::create(b, type, ints).getResult()
                                             : b.truncate(ints, type);
    Value byteMask = b.splatInt(type, 255);
    Value others = arith::XOrIOp::create(b, arith::ShLIOp::create(b, byteMask, shift).getResult(),
                                         b.splatInt(type, -1));
    Value here = arith::ShLIOp::create(b, b.andi(wide, byteMask), shift);
    Value before = b.loadBytes(cache, offset, type);
    b.storeBytes(b.ori(b.andi(before, others), here), cache, offset);
    return;
  }
  // Words past the head belong to other positions, and perhaps to another task.
  for (int64_t i = 0; i < layout.dims % b.facts.lanes; ++i) {
    Value value = vector::ExtractOp::create(b, ints, ArrayRef<int64_t>{i});
    value = arith::TruncIOp::create(b, b.getI8Type(), value);
    memref::StoreOp::create(b, value, cache,
                            ValueRange{b.add(b.add(offset, layout.word.bytes() * i), byte)});
  }
}

LogicalResult kernels::emitAppendQuantizedValues(StepKernel &k, plan::AppendValuesOp op) {
  KernelBuilder &b = k.b;
  auto layout = *plan::CacheLayout::of(cast<RankedTensorType>(op.getCache().getType()));
  if (failed(checkWords(k, op, layout)))
    return failure();
  Value values = k.buffer(op.getValues()), cache = k.buffer(op.getCache());
  // A task is the positions that share words, so that no two tasks write a word: `count` rows from
  // any position on are in at most (count + 2 each - 2) / each words.
  int64_t each = layout.word.elements();
  bool rowsAreCount = k.rowsPerCount(op.getValues().getType()).has_value();
  Value count = rowsAreCount ? k.count : b.index(rowShape(op.getValues().getType()).rows);
  AffineExpr rows = rowsAreCount ? getAffineDimExpr(0, b.getContext())
                                 : k.constantExpr(rowShape(op.getValues().getType()).rows);
  k.tasks = (rows + (2 * each - 2)).floorDiv(each);
  Value end = b.add(k.position, count), firstWord = b.div(k.position, each);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value from = b.mul(b.add(firstWord, task), each);
    Value until = b.minimum(b.add(from, each), end);
    b.loop(b.maximum(from, k.position), until, 1, [&](Value position) {
      Value row = b.sub(position, k.position), inBlock = b.rem(position, layout.block);
      Value place = placeInCache(b, position, op.getCache(), op.getRing());
      Value inWord = b.rem(inBlock, each);
      // What WordLayout::bitOf says, in bytes, of an element that is known at run time only.
      int64_t products = layout.word.products;
      Value byte = b.add(b.mul(b.rem(inWord, products), layout.word.operandBits / 8),
                         b.div(inWord, products));
      VectorType type = b.wordsType(layout.word);
      Value bit = arith::IndexCastOp::create(b, type.getElementType(), b.mul(byte, 8));
      Value shift = b.broadcastTo(type, bit);
      Value word = b.mul(b.div(inBlock, each), layout.wordBytes());
      b.loop(b.index(0), b.index(layout.heads), 1, [&](Value head) {
        auto load = [&](Columns at) {
          return b.load(values, {row, b.add(b.mul(head, layout.dims), at.col)}, at.mask);
        };
        Value start = blockOf(b, layout, head, place);
        Value scale = storeScale(b, layout, cache, start, inBlock, load);
        Value words = b.add(b.add(start, layout.headerBytes()), word);
        b.forColumns(layout.dims, [&](Columns at) {
          Value ints = toIntegers(b, load(at), scale, 127);
          storeValueBytes(b, layout, cache, b.add(words, b.mul(at.col, layout.word.bytes())), ints,
                          shift, byte, at);
        });
      });
    });
  });
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Without a cache
//===------------------------------------------------------------------------------------------===//

namespace {

/// A position of the block that a task packs.
struct Position {
  Value number; // in its block
  Value scale;  // f32; 0 past the last token, so that all elements are 0
  std::function<Value(Columns)> load;
};

/// Packs [B, T, heads * D] of `from`: a task is a block of one head of a batch element.
class Packer {
public:
  Packer(StepKernel &k, Value from, RankedTensorType type)
      : k(k), b(k.b), from(k.buffer(from)), type(type), layout(*plan::CacheLayout::of(type)) {}

  /// Runs body(start of the block in bytes, position of its first token) for each task.
  void forBlocks(llvm::function_ref<void(Value)> body);
  /// Finds the scale of position `number` of the block, and stores it.
  Position open(Value start, Value number);

  int64_t most() const {
    return layout.word.bits == 8 ? 127 : layout.keys ? 32767 : plan::CacheLayout::kMostWideValue;
  }

  StepKernel &k;
  KernelBuilder &b;
  Value from;
  RankedTensorType type;
  plan::CacheLayout layout;

private:
  Value element, head, block; // of the task
};

} // namespace

void Packer::forBlocks(llvm::function_ref<void(Value)> body) {
  AffineExpr elements =
      k.rowsPerCount(type) ? getAffineDimExpr(0, b.getContext()) : k.constantExpr(layout.batch);
  k.tasks = elements * (layout.heads * layout.blocks());
  b.loop(k.begin, k.end, 1, [&](Value task) {
    block = b.rem(task, layout.blocks());
    Value heads = b.div(task, layout.blocks());
    head = b.rem(heads, layout.heads);
    element = b.div(heads, layout.heads);
    body(b.mul(task, layout.blockBytes()));
  });
}

Position Packer::open(Value start, Value number) {
  Value position = b.add(b.mul(block, layout.block), number);
  Value inside = b.less(position, b.index(layout.positions));
  Value row =
      b.add(b.mul(element, layout.positions), b.minimum(position, b.index(layout.positions - 1)));
  Value firstCol = b.mul(head, layout.dims);
  auto load = [this, row, firstCol](Columns at) {
    return b.load(from, {row, b.add(firstCol, at.col)}, at.mask);
  };
  bool bounded = layout.keys && layout.word.bits == 16;
  Value scale =
      bounded ? boundedScale(b, layout.dims, load) : largestScale(b, layout.dims, most(), load);
  scale = b.select(inside, scale, b.scalar(0));
  b.storeScalarBytes(scale, k.result, b.add(start, b.mul(number, layout.scaleBytes)));
  return {number, scale, load};
}

LogicalResult kernels::emitPackQuantizedKeys(StepKernel &k, plan::PackKeysOp op) {
  Packer packer(k, op.getKeys(), cast<RankedTensorType>(op.getType()));
  KernelBuilder &b = k.b;
  const plan::CacheLayout &layout = packer.layout;
  if (failed(checkWords(k, op, layout)))
    return failure();
  packer.forBlocks([&](Value start) {
    b.loop(b.index(0), b.index(layout.block), 1, [&](Value number) {
      Position position = packer.open(start, number);
      Value words = b.add(b.add(start, layout.headerBytes()), b.mul(number, layout.word.bytes()));
      storeKeyWords(b, layout, k.result, words, position.scale, packer.most(), position.load);
    });
  });
  return success();
}

LogicalResult kernels::emitPackValues(StepKernel &k, plan::PackValuesOp op) {
  Packer packer(k, op.getValues(), cast<RankedTensorType>(op.getType()));
  KernelBuilder &b = k.b;
  const plan::CacheLayout &layout = packer.layout;
  int64_t lanes = b.facts.lanes, dims = layout.dims, each = layout.word.elements();
  if (failed(checkWords(k, op, layout)))
    return failure();
  VectorType type = b.wordsType(layout.word);
  packer.forBlocks([&](Value start) {
    b.loop(b.index(0), b.index(layout.words()), 1, [&](Value word) {
      SmallVector<Position> positions;
      for (int64_t i = 0; i < each; ++i)
        positions.push_back(packer.open(start, b.add(b.mul(word, each), i)));
      Value words = b.add(b.add(start, layout.headerBytes()), b.mul(word, layout.wordBytes()));
      auto wordsAt = [&](Columns at) {
        Value all;
        for (int64_t i = 0; i < each; ++i) {
          Position &position = positions[static_cast<size_t>(i)];
          Value ints = toIntegers(b, position.load(at), position.scale, packer.most());
          ints = layout.word.wordBits() > 32 ? arith::ExtSIOp::create(b, type, ints).getResult()
                                             : b.truncate(ints, type);
          ints = b.andi(ints, b.splatInt(type, (int64_t{1} << layout.word.bits) - 1));
          ints = b.shiftLeft(ints, layout.word.bitOf(i));
          all = all ? b.ori(all, ints) : ints;
        }
        return all;
      };
      if (dims < lanes) { // words past the head belong to the next row of words
        Value all = wordsAt(b.columns(b.index(0), dims));
        for (int64_t d = 0; d < dims; ++d)
          b.storeScalarBytes(vector::ExtractOp::create(b, all, ArrayRef<int64_t>{d}), k.result,
                             b.add(words, layout.word.bytes() * d));
        return;
      }
      // The last vector reaches back instead of past the head.
      for (int64_t first = 0; first < dims; first += lanes) {
        int64_t col = std::min(first, dims - lanes);
        b.storeBytes(wordsAt({b.index(col), {}}), k.result,
                     b.add(words, layout.word.bytes() * col));
      }
    });
  });
  return success();
}
