// clang-format off
// Attention over quantized keys and values, of a KV cache or of an encoder, which are read as they
// stand: integers by position and head.
//
// A tile is a few query rows that share keys and values: rows of one head (a chunk, an encoder), or
// heads of one group at one position (decoding one token). Positions are taken in stretches, the
// blocks of the cache, counted from position 0. Within a tile, a few rows at a time are in
// registers.
//
// With scales ks, vs of keys and values, the query of a row as integers qi with scale qs, a stretch
// is, for each row:
//   x[j] = log2(e) scale qs ks[j] (qi . ki[j]) + log2 vs[j]   the dot product in integers
//   m = max x;  p[j] = M 2^(x[j] - m);  w[j] = round(p[j])    0 <= w <= M
//   l = sum p[j] / vs[j];  o[d] = sum w[j] vi[j][d]           the latter in integers
// A value's scale is in the exponent: so the largest product of a weight and a scale in the stretch
// is M exactly, and no step of w is lost. M is 255 (operands of i8, unsigned), 127 (signed) or
// 32767 (wider ones over i8), which keep sums of products below 2^31. Values of i16 leave no room
// for that: there M is 32767 or as much less as keeps the sum of the weights at kMostWeightSum,
// which a stretch of even weights reaches. Stretches are added by their maxima:
//   m' = max(m', m);  L = L 2^(before - m') + l / M 2^(m - m');  O likewise with o
// and the result is O / L. (Where M is the same for all stretches, it is left in both.)
//
// The denominator takes the weights before rounding. With w it would have to divide by vs what has
// been rounded with vs in it. A position of large weight and small values is how models park
// attention that they have no use for. There w is near 0, and the denominator would be lost with
// it. On a real model (SmolLM2-135M, i8, KL divergence from floats) the difference is small: 1.92e-3
// this way, 1.98e-3 with w, 1.44e-3 with i16, 0.90e-3 over a cache of floats.
//
// With a window, stretches before it are left out. With a soft cap c, x is log2(e) c tanh(s / c) +
// log2 vs for a score s. With sinks, m begins with log2(e) times the head's sink and L with its
// weight.
//
// With a key_basis b and a key_table t, a score has scale sum a[n] t[n][j] more, in floats, with
// a[n] = q . b[n] once for a row: the part of keys that the cache does not hold. It is a chain of
// fused multiply-adds over n from zero, which is added to x last (with a soft cap: to s / c).
//
// What a row does depends on its own position only. Positions past it have p = w = 0, and a stretch
// without any of its positions leaves L and O as they are. Sums of integers have no order, and the
// position fixes the order of all others. Positions that no token was written to hold garbage, in
// scales perhaps no number: it is dropped by select, never multiplied by 0.
// clang-format on
#include "compiler/dialect/plan/Layouts.h"
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

constexpr int64_t kMostDims = 512;      // of a head: sums of products stay below 2^31
constexpr int64_t kMostPositions = 512; // of a block, for the same reason
constexpr int64_t kMostRows = 64;       // of a tile
constexpr int64_t kFewestTasks = 8;     // of one token, where there are as many heads
constexpr double kLog2E = 1.4426950408889634;
constexpr double kLowest = -3.402823e+38;   // below every score, and finite
constexpr double kLeastExponent = -120;     // 2^ this is as good as 0 beside 1, and no denormal
constexpr double kLeastHalfScale = 0x1p-24; // of f16, for log2: smaller ones are 0
constexpr double kLeastScale = 0x1p-100;    // of f32: what values of smaller ones are taken for
/// Of weights that meet values of i16, once these are rounded: 2^31 / CacheLayout::kMostWideValue.
constexpr double kMostWeightSum = 0x1p18 - 0.5 * kMostPositions;

/// What differs between dot products of bytes and wider ones.
struct DotType {
  int64_t mostQuery;  // a query is quantized to -mostQuery .. mostQuery
  int64_t mostWeight; // a softmax's weight to 0 .. mostWeight
  int64_t degree;     // of the polynomial for weights
};

class Emitter {
public:
  Emitter(StepKernel &k, plan::AttentionOp op);
  void emit();

private:
  void chooseTiles();
  void makeScratch();
  void emitTile(Value batch, Value headInGroup, Value row);
  void emitQuery(Value i);
  void emitStretches(Value from, Value to, bool masked);
  void emitScales(Value stretch);
  void emitScores(Value firstRow, Value inUse);
  void emitMaxima(Value firstRow, Value stretch, bool masked);
  void emitWeights(Value firstRow, Value stretch, bool masked);
  void emitFactors(Value firstRow);
  void emitValues(Value firstRow, Value inUse);
  void emitResult(Value i);

  Value queryRow(Value i) {
    Value row = overHeads ? tileRow : b.minimum(b.add(tileRow, i), b.index(tokens - 1));
    return causal ? row : b.add(b.mul(batch, tokens), row);
  }
  Value headOf(Value i) { return overHeads ? b.add(firstHead, i) : firstHead; }
  Value headCol(Value i) { return b.mul(headOf(i), dims); }
  /// The first position in the window of a row that sees positions before `end`.
  Value firstSeen(Value end) {
    Value window = b.index(static_cast<int64_t>(*op.getWindow()));
    return b.sub(b.maximum(end, window), window);
  }
  /// First dim of a vector of dims: the last one reaches back where it would reach past the head.
  int64_t dimOf(int64_t v) {
    return dims < b.facts.lanes ? 0 : std::min(v * b.facts.lanes, dims - b.facts.lanes);
  }
  Value loadWords(Value cache, Value offset, int64_t count);
  Values keyOperands(Value words);
  Values valueOperands(Value words);
  Value broadcast(Value from, Value offset) {
    return b.broadcastWord(from, offset, word, word.operandBits);
  }
  Values emitTerms(Value firstRow, Value position);
  Value log2(Value x);
  Value exp2(Value x, int64_t degree, double factor);
  /// Of a stretch, from `begin` (null: from its first position) to before `end` (null: all of
  /// them), in all lanes.
  struct Seen {
    Value begin, end;
  };
  Seen seenHere(Value row, Value stretch);
  Value positionMask(Value bound, int64_t v);
  Value seenMask(const Seen &seen, int64_t v);
  Value score(Value i, int64_t v, const Seen &seen);

  StepKernel &k;
  KernelBuilder &b;
  plan::AttentionOp op;
  Value query, keys, values;
  Value sinks, basis, table; // may be null
  plan::CacheLayout keyLayout, valueLayout;
  int64_t tokens, heads, kvHeads, groupSize, dims, block;
  int64_t terms = 0;     // of the key table, by position
  bool causal;           // over a cache
  bool wide;             // keys and values of i16
  plan::WordLayout word; // of keys and of values
  DotType dot;
  std::optional<double> softcap;

  // The tile.
  bool overHeads = false; // rows of a tile are heads of a group, not tokens
  int64_t height = 1;     // rows of a tile
  int64_t rows = 1;       // of which so many at a time
  int64_t tilesPerGroup = 1, tilesPerHead = 1;
  int64_t positionVectors; // of a stretch
  int64_t dimVectors;      // of a head
  int64_t keySide = 1;     // vectors of positions at a time
  int64_t dimSide = 1;     // vectors of dims at a time
  int64_t queryBytes;      // of a row

  // Scratch. By row of the tile:
  Value queries, offsets, queryScales, queryTerms, maxima, weightSums, sums;
  // by row of those at a time:
  Value scores, weights, stretchMaxima, stretchSums, weightSteps;
  Value oldFactors, newFactors, valueFactors;
  // by position of the stretch:
  Value keyScales, valueLogs, valueInverses;

  // Of the tile being written.
  Value batch, group, firstHead, tileRow, rowsHere;
  Value least, most;        // positions that all rows, and that some row, attend to
  Value keyBase, valueBase; // of the block of a stretch
  Value firstPosition;      // of the stretch
};

} // namespace

Emitter::Emitter(StepKernel &k, plan::AttentionOp op)
    : k(k), b(k.b), op(op), query(k.buffer(op.getQuery())), keys(k.buffer(op.getKeys())),
      values(k.buffer(op.getValues())), sinks(op.getSinks() ? k.buffer(op.getSinks()) : Value()),
      basis(op.getKeyBasis() ? k.buffer(op.getKeyBasis()) : Value()),
      table(op.getKeyTable() ? k.buffer(op.getKeyTable()) : Value()),
      keyLayout(*plan::CacheLayout::of(cast<RankedTensorType>(op.getKeys().getType()))),
      valueLayout(*plan::CacheLayout::of(cast<RankedTensorType>(op.getValues().getType()))),
      tokens(rowShape(op.getType()).rows / keyLayout.batch), heads(op.getNumHeads()),
      kvHeads(op.getNumKvHeads()), groupSize(heads / kvHeads), dims(keyLayout.dims),
      block(keyLayout.block), causal(op.getCausal()), wide(keyLayout.word.bits == 16),
      word(keyLayout.word) {
  if (op.getKeyTable())
    terms = op.getKeyTable().getType().getShape().front();
  if (op.getSoftcap())
    softcap = op.getSoftcap()->convertToDouble();
  if (word.operandBits == 8)
    dot = {127, keyLayout.dot.isLhsUnsigned() ? 255 : 127, 3};
  else
    dot = {32767, 32767, 4};
}

void Emitter::chooseTiles() {
  int64_t lanes = b.facts.lanes;
  positionVectors = block / lanes;
  dimVectors = llvm::divideCeil(dims, lanes);
  overHeads = causal && tokens == 1;
  // Half of the registers for sums; the rest for keys or values, unpacked, and a broadcast. About
  // as many rows as vectors: most products for each load.
  int64_t sumsAtOnce = b.facts.registers / 2;
  int64_t most = std::min<int64_t>(lanes, std::max<int64_t>(4, sumsAtOnce / 4));
  if (overHeads) {
    rows = std::min(groupSize, most);
    // Heads of a group are cut evenly, and so that there are tasks for some threads.
    while (groupSize % rows != 0 || (rows > 1 && kvHeads * groupSize / rows < kFewestTasks))
      --rows;
    height = rows;
    tilesPerGroup = groupSize / height;
  } else {
    rows = std::min(tokens, most);
    // A tile's float sums take half of the first-level cache, beside a block.
    int64_t fitting = b.facts.l1Bytes / 2 / (dimVectors * lanes * 4) / rows * rows;
    int64_t wanted = llvm::divideCeilSigned(std::min(kMostRows, tokens), rows) * rows;
    height = std::clamp(fitting, rows, wanted);
    tilesPerGroup = groupSize;
    tilesPerHead = llvm::divideCeil(tokens, height);
  }
  auto sideOf = [&](int64_t vectors) {
    // Operands that need no unpacking leave more room.
    int64_t fitting = word.steps() == 1 ? (b.facts.registers - 2) / (rows + 1) : sumsAtOnce / rows;
    int64_t side = std::clamp<int64_t>(fitting, 1, vectors);
    return llvm::divideCeil(vectors, llvm::divideCeil(vectors, side));
  };
  dimSide = sideOf(dimVectors);
  keySide = sideOf(positionVectors);
  while (positionVectors % keySide != 0)
    --keySide;
  queryBytes = dimVectors * lanes * word.operandBits / 8;
}

void Emitter::makeScratch() {
  int64_t lanes = b.facts.lanes, padded = height + lanes;
  queries = b.scratchBytes(height * queryBytes);
  offsets = b.scratchBytes(height * 4);
  queryScales = b.scratch({height});
  if (terms)
    queryTerms = b.scratch({height, terms});
  maxima = b.scratch({padded});
  weightSums = b.scratch({height, lanes});
  sums = b.scratch({height, dimVectors * lanes});
  scores = b.scratch({rows, block});
  weights = b.scratchBytes(rows * block * word.operandBits / 8);
  stretchMaxima = b.scratch({lanes});
  stretchSums = b.scratch({rows, lanes});
  if (wide)
    weightSteps = b.scratch({lanes});
  oldFactors = b.scratch({lanes});
  newFactors = b.scratch({lanes});
  valueFactors = wide ? b.scratch({lanes}) : newFactors;
  keyScales = b.scratch({block});
  valueLogs = b.scratch({block});
  valueInverses = b.scratch({block});
}

void Emitter::emit() {
  chooseTiles();
  makeScratch();
  AffineExpr tiles = k.constantExpr(tilesPerHead), batches = k.constantExpr(keyLayout.batch);
  Value tileCount = b.index(tilesPerHead);
  bool byCount = k.rowsPerCount(op.getQuery().getType()).has_value();
  AffineExpr count = getAffineDimExpr(0, b.getContext());
  if (byCount && causal) {
    int64_t step = overHeads ? 1 : height;
    tiles = count.ceilDiv(step);
    tileCount = b.ceilDiv(k.count, step);
  } else if (byCount) {
    batches = count;
  }
  k.tasks = batches * tiles * (kvHeads * tilesPerGroup);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    // Tiles of one head follow each other, and heads of one group: they read the same keys.
    Value tile = arith::RemUIOp::create(b, task, tileCount);
    Value rest = arith::DivUIOp::create(b, task, tileCount);
    Value groups = b.div(rest, tilesPerGroup);
    group = b.rem(groups, kvHeads);
    emitTile(b.div(groups, kvHeads), b.rem(rest, tilesPerGroup),
             b.mul(tile, overHeads ? 1 : height));
  });
}

void Emitter::emitTile(Value batchAt, Value headInGroup, Value row) {
  batch = batchAt;
  firstHead = b.add(b.mul(group, groupSize), b.mul(headInGroup, overHeads ? height : 1));
  tileRow = row;
  Value validRows = causal ? b.minimum(k.count, b.index(tokens)) : b.index(tokens);
  if (causal) {
    Value valid = b.add(k.position, validRows);
    least = b.minimum(b.add(b.add(k.position, row), 1), valid);
    most = overHeads ? least : b.minimum(b.add(b.add(k.position, row), height), valid);
  } else {
    least = most = b.index(keyLayout.positions);
  }
  rowsHere = overHeads ? b.index(height) : b.minimum(b.sub(validRows, row), b.index(height));

  b.loop(b.index(0), b.mul(b.ceilDiv(rowsHere, rows), rows), 1, [&](Value i) { emitQuery(i); });
  if (op.getWindow()) {
    emitStretches(b.mul(b.div(firstSeen(least), block), block), most, /*masked=*/true);
  } else {
    // All rows see all of the stretches before `full`.
    Value full = b.mul(b.div(least, block), block);
    emitStretches(b.index(0), full, /*masked=*/false);
    if (causal || keyLayout.positions % block != 0)
      emitStretches(full, most, /*masked=*/true);
  }
  b.loop(b.index(0), rowsHere, 1, [&](Value i) { emitResult(i); });
}

/// Quantizes row `i` of the tile, and sets its sums to nothing.
void Emitter::emitQuery(Value i) {
  int64_t lanes = b.facts.lanes;
  Value row = queryRow(i), start = headCol(i);
  auto load = [&](Columns at) { return b.load(query, {row, b.add(start, at.col)}, at.mask); };
  Value scale = wide ? boundedScale(b, dims, load) : largestScale(b, dims, dot.mostQuery, load);
  Value all = b.splatInt(b.intVectorType(), 0);
  for (int64_t v = 0; v < dimVectors; ++v) {
    Value ints = toIntegers(b, load(b.columns(b.index(v * lanes), dims)), scale, dot.mostQuery);
    all = b.addi(all, ints);
    Value narrow = b.truncate(ints, VectorType::get(lanes, b.intType(word.operandBits)));
    Value offset = b.add(b.mul(i, queryBytes), v * lanes * word.operandBits / 8);
    b.storeBytes(narrow, queries, offset);
  }
  // Keys may be stored with an offset added.
  if (keyLayout.offset) {
    Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD, all);
    Value factor =
        arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(-keyLayout.offset)));
    Value offset = arith::MulIOp::create(b, sum, factor);
    b.storeScalarBytes(offset, offsets, b.mul(i, 4));
  }
  double factor = op.getScale().convertToDouble();
  factor = softcap ? factor / *softcap : factor * kLog2E;
  b.storeScalar(b.mulf(scale, b.scalar(factor)), queryScales, {i});
  if (terms)
    b.loop(b.index(0), b.index(terms), 1, [&](Value n) {
      Value from = b.add(b.mul(group, terms), n), product = b.splat(0);
      for (int64_t v = 0; v < dimVectors; ++v) {
        Columns at = b.columns(b.index(v * lanes), dims);
        product = b.fma(load(at), b.load(basis, {from, at.col}, at.mask), product);
      }
      b.storeScalar(b.mulf(b.sumLanes(product), b.scalar(factor)), queryTerms, {i, n});
    });
  if (sinks) {
    Value sink = b.loadScalar(sinks, {b.index(0), headOf(i)});
    b.storeScalar(b.mulf(sink, b.scalar(kLog2E)), maxima, {i});
    // In one lane of the sums: a weight of 1, times what weights are multiplied with.
    double weight = wide ? 1 : static_cast<double>(dot.mostWeight);
    Value one = b.columns(b.index(0), 1).mask;
    b.store(b.select(one, b.splat(weight), b.splat(0)), weightSums, {i, b.index(0)});
  } else {
    b.storeScalar(b.scalar(kLowest), maxima, {i});
    b.store(b.splat(0), weightSums, {i, b.index(0)});
  }
  for (int64_t v = 0; v < dimVectors; ++v)
    b.store(b.splat(0), sums, {i, b.index(v * lanes)});
}

void Emitter::emitStretches(Value from, Value to, bool masked) {
  b.loop(from, to, block, [&](Value stretch) {
    Value held = op.getRing() ? b.rem(stretch, keyLayout.positions) : stretch;
    Value number = b.div(held, block);
    firstPosition = stretch;
    Value head = causal ? group : b.add(b.mul(batch, kvHeads), group);
    keyBase = b.add(b.mul(head, keyLayout.headBytes()), b.mul(number, keyLayout.blockBytes()));
    valueBase =
        b.add(b.mul(head, valueLayout.headBytes()), b.mul(number, valueLayout.blockBytes()));
    Value inUse = masked ? b.minimum(b.sub(most, stretch), b.index(block)) : b.index(block);
    emitScales(stretch);
    b.loop(b.index(0), rowsHere, rows, [&](Value firstRow) {
      emitScores(firstRow, inUse);
      emitMaxima(firstRow, stretch, masked);
      emitWeights(firstRow, stretch, masked);
      emitFactors(firstRow);
      emitValues(firstRow, inUse);
    });
  });
}

/// Scales of the stretch's keys and values, the latter's logarithms and inverses.
void Emitter::emitScales(Value stretch) {
  int64_t lanes = b.facts.lanes;
  auto load = [&](const plan::CacheLayout &layout, Value from, Value base, int64_t v) {
    Value at = b.add(base, v * lanes * layout.scaleBytes);
    return layout.scaleBytes == 4
               ? b.loadBytes(from, at, b.vectorType())
               : b.extend(b.loadBytes(from, at, VectorType::get(lanes, b.getF16Type())));
  };
  for (int64_t v = 0; v < positionVectors; ++v) {
    Value at = b.index(v * lanes);
    Value ks = load(keyLayout, keys, keyBase, v);
    Value vs = load(valueLayout, values, valueBase, v);
    vs = b.maxf(vs, b.splat(valueLayout.scaleBytes == 4 ? kLeastScale : kLeastHalfScale));
    b.store(ks, keyScales, {at});
    b.store(log2(vs), valueLogs, {at});
    b.store(b.divf(b.splat(1), vs), valueInverses, {at});
  }
}

/// `count` words from `offset` on, in a vector.
Value Emitter::loadWords(Value cache, Value offset, int64_t count) {
  VectorType type = b.wordsType(word);
  if (count >= b.facts.lanes)
    return b.loadBytes(cache, offset, type);
  // A head of a few dims: word after word.
  Value words = b.splatInt(type, 0);
  for (int64_t i = 0; i < count; ++i) {
    Value at = b.add(offset, word.bytes() * i);
    words = vector::InsertOp::create(b, b.loadScalarBytes(cache, at, type.getElementType()), words,
                                     ArrayRef<int64_t>{i});
  }
  return words;
}

/// Operands of dot products in a vector of words of keys, which have an offset where they are
/// narrower than an operand.
Values Emitter::keyOperands(Value words) {
  VectorType packed = b.packedType(word, word.operandBits);
  Value operand = b.bitcast(words, packed);
  Values operands;
  for (int64_t s = 0; s < word.steps(); ++s) {
    Value shifted = b.shiftRight(operand, s * word.bits);
    bool alone = s + 1 == word.steps();
    operands.push_back(alone ? shifted
                             : b.andi(shifted, b.splatInt(packed, (int64_t{1} << word.bits) - 1)));
  }
  return operands;
}

/// The same for values, which are signed.
Values Emitter::valueOperands(Value words) {
  VectorType packed = b.packedType(word, word.operandBits);
  Value operand = b.bitcast(words, packed);
  if (word.steps() == 1)
    return {operand};
  Values operands;
  for (int64_t s = 0; s < word.steps(); ++s) {
    Value shifted = b.shiftLeft(operand, word.operandBits - (s + 1) * word.bits);
    operands.push_back(
        arith::ShRSIOp::create(b, shifted, b.splatInt(packed, word.operandBits - word.bits)));
  }
  return operands;
}

/// x[i][j] for the rows at a time and positions of the stretch, `inUse` of them, rounded up to
/// keySide vectors.
void Emitter::emitScores(Value firstRow, Value inUse) {
  int64_t lanes = b.facts.lanes, step = keySide * lanes;
  Value words = b.add(keyBase, keyLayout.headerBytes());
  b.loop(b.index(0), inUse, step, [&](Value position) {
    Values dots;
    for (int64_t i = 0; i < rows; ++i) {
      Value start = b.splatInt(b.intVectorType(), 0);
      if (keyLayout.offset) {
        Value at = b.mul(b.add(firstRow, i), 4);
        start = b.broadcastTo(b.intVectorType(), b.loadScalarBytes(offsets, at, b.getI32Type()));
      }
      dots.append(static_cast<size_t>(keySide), start);
    }
    Value start = b.add(words, b.mul(position, word.bytes()));
    dots = b.loop(b.index(0), b.index(keyLayout.words()), 1, dots, [&](Value row, ValueRange now) {
      Values next(now);
      SmallVector<Values> loaded;
      for (int64_t v = 0; v < keySide; ++v) {
        Value at = b.add(b.add(start, b.mul(row, keyLayout.wordBytes())), v * lanes * word.bytes());
        if (overHeads)
          b.prefetchBytes(keys, b.add(at, keyLayout.blockBytes()));
        loaded.push_back(keyOperands(b.loadBytes(keys, at, b.wordsType(word))));
      }
      for (int64_t s = 0; s < word.steps(); ++s)
        for (int64_t i = 0; i < rows; ++i) {
          Value at = b.add(b.mul(b.add(firstRow, i), queryBytes),
                           b.add(b.mul(row, word.steps() * word.bytes()), s * word.bytes()));
          Value element = broadcast(queries, at);
          for (int64_t v = 0; v < keySide; ++v) {
            Value &sum = next[static_cast<size_t>(i * keySide + v)];
            Value operand = loaded[static_cast<size_t>(v)][static_cast<size_t>(s)];
            sum = b.dot(keyLayout.dot, sum, operand, element);
          }
        }
      return next;
    });
    Values added = emitTerms(firstRow, position);
    for (int64_t v = 0; v < keySide; ++v) {
      Value at = b.add(position, v * lanes);
      Value scale = b.load(keyScales, {at}), log = b.load(valueLogs, {at});
      for (int64_t i = 0; i < rows; ++i) {
        auto number = static_cast<size_t>(i * keySide + v);
        Value factor = b.loadBroadcast(queryScales, {b.add(firstRow, i)});
        Value score = b.mulf(b.toFloat(dots[number]), scale);
        if (softcap) { // the factor has its inverse
          score = b.mulf(score, factor);
          score = terms ? b.addf(score, added[number]) : score;
          score = b.fma(b.tanh(score), b.splat(*softcap * kLog2E), log);
        } else {
          score = b.fma(score, factor, log);
          score = terms ? b.addf(score, added[number]) : score;
        }
        b.store(score, scores, {b.index(i), at});
      }
    }
  });
}

/// What the key table adds to the scores of the rows at a time and keySide vectors of positions,
/// times the query's factors; nothing without one.
Values Emitter::emitTerms(Value firstRow, Value position) {
  if (!terms)
    return {};
  int64_t lanes = b.facts.lanes;
  int64_t positions = op.getKeyTable().getType().getShape().back();
  SmallVector<Columns> columns;
  for (int64_t v = 0; v < keySide; ++v) {
    Value at = b.add(b.add(firstPosition, position), v * lanes);
    // The last block may have more positions than the table.
    bool isWhole = positions % block == 0;
    columns.push_back(isWhole ? Columns{at, {}} : b.columns(at, positions));
  }
  Values sums(static_cast<size_t>(rows * keySide), b.splat(0));
  return b.loop(b.index(0), b.index(terms), 1, sums, [&](Value n, ValueRange now) {
    Values next(now), loaded;
    for (const Columns &at : columns)
      loaded.push_back(b.load(table, {n, at.col}, at.mask));
    for (int64_t i = 0; i < rows; ++i) {
      Value factor = b.loadBroadcast(queryTerms, {b.add(firstRow, i), n});
      for (int64_t v = 0; v < keySide; ++v) {
        Value &sum = next[static_cast<size_t>(i * keySide + v)];
        sum = b.fma(factor, loaded[static_cast<size_t>(v)], sum);
      }
    }
    return next;
  });
}

/// log2 x for positive and normal x, to 4e-7; exact for 1.
Value Emitter::log2(Value x) {
  // Coefficients of t, t^2, ... with the least error from log2(1 + t), sqrt(1/2) <= 1 + t <
  // sqrt(2).
  static constexpr std::array<double, 7> kTerms = {
      1.44269973, -0.721375872, 0.480465033, -0.358961848, 0.297262591, -0.272697952, 0.17063452};
  Value bits = b.bitcast(x, b.intVectorType());
  Value root = b.splatInt(b.intVectorType(), 0x3f3504f3);
  Value exponent = arith::ShRSIOp::create(b, b.subi(bits, root), b.splatInt(b.intVectorType(), 23));
  Value t = b.bitcast(b.subi(bits, b.shiftLeft(exponent, 23)), b.vectorType());
  t = b.subf(t, b.splat(1));
  Value sum = b.splat(kTerms.back());
  for (double term : llvm::reverse(ArrayRef<double>(kTerms).drop_back()))
    sum = b.fma(sum, t, b.splat(term));
  return b.fma(sum, t, b.toFloat(exponent));
}

/// factor * 2^x for x <= 0, and 0 < factor * 2^kLeastExponent for all that are smaller. Relative
/// errors: 1.1e-4 (degree 3), 3e-6 (degree 4), 2e-7 (degree 5); exact at 0 for a factor 1.
Value Emitter::exp2(Value x, int64_t degree, double factor) {
  // Coefficients of r, r^2, ... with the least relative error of 1 + ... from 2^r, |r| <= 1/2.
  static constexpr std::array<double, 3> kThree = {0.69328290, 0.24221097, 0.055008933};
  static constexpr std::array<double, 4> kFour = {0.69312418, 0.24024099, 0.055906426,
                                                  0.0095828529};
  static constexpr std::array<double, 5> kFive = {0.69314700, 0.24022243, 0.055507336, 0.0096715130,
                                                  0.0013264727};
  ArrayRef<double> terms = degree == 3   ? ArrayRef<double>(kThree)
                           : degree == 4 ? ArrayRef<double>(kFour)
                                         : ArrayRef<double>(kFive);
  x = b.maxf(x, b.splat(kLeastExponent));
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  Value magic = b.splat(0x1.8p23);
  Value shifted = b.addf(x, magic);
  Value r = b.subf(x, b.subf(shifted, magic));
  Value sum = b.splat(factor * terms.back());
  for (double term : llvm::reverse(terms.drop_back()))
    sum = b.fma(sum, r, b.splat(factor * term));
  sum = b.fma(sum, r, b.splat(factor));
  Value exponent = b.shiftLeft(b.bitcast(shifted, b.intVectorType()), 23);
  return b.bitcast(b.addi(b.bitcast(sum, b.intVectorType()), exponent), b.vectorType());
}

/// Lanes of the vector of positions `v` that are below `bound`, an i32 in all lanes.
Value Emitter::positionMask(Value bound, int64_t v) {
  SmallVector<int32_t> numbers;
  for (int64_t i = 0; i < b.facts.lanes; ++i)
    numbers.push_back(static_cast<int32_t>(v * b.facts.lanes + i));
  Value positions = arith::ConstantOp::create(
      b, DenseIntElementsAttr::get(b.intVectorType(), ArrayRef<int32_t>(numbers)));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, positions, bound);
}

/// The positions of the stretch that a row sees.
Emitter::Seen Emitter::seenHere(Value row, Value stretch) {
  auto inStretch = [&](Value position) {
    Value here = b.maximum(b.index(0), b.minimum(b.sub(position, stretch), b.index(block)));
    return b.broadcastTo(b.intVectorType(), arith::IndexCastOp::create(b, b.getI32Type(), here));
  };
  Value end = overHeads || !causal ? most : b.minimum(b.add(least, row), most);
  return {op.getWindow() ? inStretch(firstSeen(end)) : Value(), inStretch(end)};
}

/// Lanes of the vector of positions `v` that are seen.
Value Emitter::seenMask(const Seen &seen, int64_t v) {
  Value mask = positionMask(seen.end, v);
  if (!seen.begin)
    return mask;
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(mask.getType()));
  return b.select(positionMask(seen.begin, v), none, mask);
}

Value Emitter::score(Value i, int64_t v, const Seen &seen) {
  Value x = b.load(scores, {i, b.index(v * b.facts.lanes)});
  return seen.end ? b.select(seenMask(seen, v), x, b.splat(kLowest)) : x;
}

/// Maxima of the stretch's scores. A loop of its own: the rows' maxima do not wait for each other's
/// weights.
void Emitter::emitMaxima(Value firstRow, Value stretch, bool masked) {
  b.loop(b.index(0), b.index(rows), 1, [&](Value i) {
    Seen seen = masked ? seenHere(b.add(firstRow, i), stretch) : Seen();
    Values largest;
    for (int64_t v = 0; v < positionVectors; ++v)
      largest.push_back(score(i, v, seen));
    while (largest.size() > 1) {
      Values next;
      for (size_t v = 0; v + 1 < largest.size(); v += 2)
        next.push_back(b.maxf(largest[v], largest[v + 1]));
      if (largest.size() % 2)
        next.push_back(largest.back());
      largest = next;
    }
    b.storeScalar(b.maxLanes(largest[0]), stretchMaxima, {i});
  });
}

/// Scores to weights, and the sums of these.
void Emitter::emitWeights(Value firstRow, Value stretch, bool masked) {
  int64_t lanes = b.facts.lanes;
  auto narrow = VectorType::get(lanes, b.intType(word.operandBits));
  b.loop(b.index(0), b.index(rows), 1, [&](Value i) {
    Seen seen = masked ? seenHere(b.add(firstRow, i), stretch) : Seen();
    Value shift = b.loadBroadcast(stretchMaxima, {i});
    auto mostWeight = static_cast<double>(dot.mostWeight);
    Value total = b.splat(0), sum = b.splat(0);
    auto store = [&](Value p, int64_t v) {
      // The nearest integer then stands in the low bits, under an exponent.
      Value rounded = b.bitcast(b.addf(p, b.splat(0x1.8p23)), b.intVectorType());
      if (word.operandBits == 32)
        rounded = b.subi(rounded, b.splatInt(b.intVectorType(), 0x4b400000));
      Value offset =
          b.add(b.mul(i, block * word.operandBits / 8), v * lanes * word.operandBits / 8);
      b.storeBytes(b.truncate(rounded, narrow), weights, offset);
    };
    for (int64_t v = 0; v < positionVectors; ++v) {
      Value at = b.index(v * lanes);
      Value p = exp2(b.subf(score(i, v, seen), shift), dot.degree, wide ? 1 : mostWeight);
      Value added = b.fma(p, b.load(valueInverses, {at}), total);
      if (masked) {
        Value mask = seenMask(seen, v);
        p = b.select(mask, p, b.splat(0));
        total = b.select(mask, added, total);
      } else {
        total = added;
      }
      if (wide) {
        sum = b.addf(sum, p);
        b.store(p, scores, {i, at});
      } else {
        store(p, v);
      }
    }
    if (wide) {
      Value all = b.sumLanes(sum);
      // 1 / M, and M: as much as the sum of all weights leaves.
      b.storeScalar(b.maxf(b.divf(all, b.scalar(kMostWeightSum)), b.scalar(1 / mostWeight)),
                    weightSteps, {i});
      Value factor =
          b.broadcast(b.minf(b.divf(b.scalar(kMostWeightSum), all), b.scalar(mostWeight)));
      for (int64_t v = 0; v < positionVectors; ++v)
        store(b.mulf(b.load(scores, {i, b.index(v * lanes)}), factor), v);
    }
    b.store(total, stretchSums, {i, b.index(0)});
  });
}

/// The factors of the sums so far and of the stretch's, for all rows at a time.
void Emitter::emitFactors(Value firstRow) {
  Value mask = rows < b.facts.lanes ? b.columns(b.index(0), rows).mask : Value();
  Value zero = b.index(0);
  Value before = b.load(maxima, {firstRow}), here = b.load(stretchMaxima, {zero});
  Value now = b.maxf(before, here);
  b.store(exp2(b.subf(before, now), 5, 1), oldFactors, {zero});
  Value factor = exp2(b.subf(here, now), 5, 1);
  b.store(factor, newFactors, {zero});
  if (wide)
    b.store(b.mulf(factor, b.load(weightSteps, {zero})), valueFactors, {zero});
  b.store(now, maxima, {firstRow}, mask);
}

/// Adds the stretch's values, multiplied by the weights, and the sums of the weights.
void Emitter::emitValues(Value firstRow, Value inUse) {
  int64_t lanes = b.facts.lanes;
  Value words = b.add(valueBase, valueLayout.headerBytes());
  for (int64_t first = 0; first < dimVectors; first += dimSide) {
    int64_t side = std::min(dimSide, dimVectors - first);
    Values dots(static_cast<size_t>(rows * side), b.splatInt(b.intVectorType(), 0));
    Value last = b.ceilDiv(inUse, valueLayout.word.elements());
    dots = b.loop(b.index(0), last, 1, dots, [&](Value row, ValueRange now) {
      Values next(now);
      SmallVector<Values> loaded;
      Value start = b.add(words, b.mul(row, valueLayout.wordBytes()));
      for (int64_t v = first; v < first + side; ++v) {
        Value at = b.add(start, word.bytes() * dimOf(v));
        if (overHeads)
          b.prefetchBytes(values, b.add(at, valueLayout.blockBytes()));
        loaded.push_back(valueOperands(loadWords(values, at, dims)));
      }
      for (int64_t s = 0; s < word.steps(); ++s)
        for (int64_t i = 0; i < rows; ++i) {
          Value at = b.add(b.mul(row, word.steps() * word.bytes()),
                           (i * block * word.operandBits / 8) + s * word.bytes());
          Value weight = broadcast(weights, at);
          for (int64_t v = 0; v < side; ++v) {
            Value &sum = next[static_cast<size_t>(i * side + v)];
            Value operand = loaded[static_cast<size_t>(v)][static_cast<size_t>(s)];
            sum = b.dot(valueLayout.dot, sum, weight, operand);
          }
        }
      return next;
    });
    for (int64_t i = 0; i < rows; ++i) {
      Value row = b.add(firstRow, i);
      Value before = b.loadBroadcast(oldFactors, {b.index(i)});
      Value factor = b.loadBroadcast(valueFactors, {b.index(i)});
      for (int64_t v = 0; v < side; ++v) {
        Value at = b.index((first + v) * lanes);
        Value sum = b.mulf(b.load(sums, {row, at}), before);
        Value added = b.toFloat(dots[static_cast<size_t>(i * side + v)]);
        b.store(b.fma(added, factor, sum), sums, {row, at});
      }
      if (first == 0) {
        Value zero = b.index(0);
        Value sum = b.mulf(b.load(weightSums, {row, zero}), before);
        Value added = b.load(stretchSums, {b.index(i), zero});
        factor = b.loadBroadcast(newFactors, {b.index(i)});
        b.store(b.fma(added, factor, sum), weightSums, {row, zero});
      }
    }
  }
}

void Emitter::emitResult(Value i) {
  Value total = b.broadcast(b.sumLanes(b.load(weightSums, {i, b.index(0)})));
  Value row = queryRow(i), start = headCol(i);
  for (int64_t v = 0; v < dimVectors; ++v) {
    Value value = b.divf(b.load(sums, {i, b.index(v * b.facts.lanes)}), total);
    Value mask = dims < b.facts.lanes ? b.columns(b.index(0), dims).mask : Value();
    k.finish(value, row, {b.add(start, dimOf(v)), mask});
  }
}

LogicalResult kernels::emitQuantizedAttention(StepKernel &k, plan::AttentionOp op) {
  auto type = cast<RankedTensorType>(op.getKeys().getType());
  std::optional<plan::CacheLayout> layout = plan::CacheLayout::of(type);
  std::optional<plan::CacheLayout> values =
      plan::CacheLayout::of(cast<RankedTensorType>(op.getValues().getType()));
  int64_t lanes = k.b.facts.lanes;
  if (layout->block % lanes != 0 || layout->block > kMostPositions ||
      values->block != layout->block)
    return op.emitError() << "expected keys and values in equal blocks of a multiple of " << lanes
                          << " positions, at most " << kMostPositions << ", found " << type;
  if (layout->dims > kMostDims)
    return op.emitError() << "expected heads of at most " << kMostDims << " dims, found "
                          << layout->dims;
  if (failed(checkWords(k, op, *layout)))
    return failure();
  Emitter(k, op).emit();
  return success();
}
