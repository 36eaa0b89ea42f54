// clang-format off
// Attention with streaming softmax over packed keys.
//
// A tile is a few query rows that share keys and values: rows of one head (a chunk, an encoder), or
// heads of one group at one position (decoding one token). Positions are taken in stretches of
// kStretch counted from position 0. For each stretch and row:
//   s[j] = scale * dot(q, k[j])                  one chain over the head's dims
//   m' = max(m, max s);  p[j] = exp(s[j] - m');  c = exp(m - m')
//   l = c l + sum p;     o = c o + sum p[j] v[j] one chain over positions
// and at the end o / l. What a row does depends on its own position only: positions past it have
// p = 0 and do not enter the chains, and a stretch without any of its positions leaves c = 1. With
// a window, stretches before it are left out. With a soft cap, s = cap tanh(scale / cap dot(q, k)).
// With sinks, m begins with the head's sink and l with 1.
// clang-format on
#include "passes/kernels/templates/Templates.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

constexpr int64_t kStretch = plan::kFloatStretch;
constexpr int64_t kMostDims = 1024; // of a head; a tile's sums stand on the stack
constexpr double kLowest =
    -3.402823466e+38; // below every score, and finite: no infinity - infinity

class AttentionEmitter {
public:
  AttentionEmitter(StepKernel &k, plan::AttentionOp op);
  void emit();

private:
  void chooseTiles();
  void emitTile(Value batch, Value group, Value headInGroup, Value row);
  void emitScores(Value inUse);
  void emitSoftmax(Value stretch);
  void emitValues(Value stretch, Value last);
  void emitResult(Value row);
  /// Row of the query and of the result, and first column of the head, of row `i` of the tile.
  Value queryRow(int64_t i) { return overHeads ? tileRow : b.minimum(b.add(tileRow, i), lastRow); }
  Value queryRow(Value i) { return overHeads ? tileRow : b.minimum(b.add(tileRow, i), lastRow); }
  Value headOf(Value i) { return overHeads ? b.add(firstHead, i) : firstHead; }
  Value headCol(Value i) { return b.mul(headOf(i), dims); }
  /// The first position in the window of a row that sees positions before `end`.
  Value firstSeen(Value end) {
    Value window = b.index(static_cast<int64_t>(*op.getWindow()));
    return b.sub(b.maximum(end, window), window);
  }

  StepKernel &k;
  KernelBuilder &b;
  plan::AttentionOp op;
  Value query, keys, values, sinks; // sinks may be null
  int64_t batches, tokens, heads, kvHeads, groupSize, dims, keyBlocks, keyLanes, valueRows;
  bool causal;

  // The tile.
  bool overHeads = false; // rows of a tile are heads of a group, not tokens
  int64_t height = 1;     // rows of a tile
  int64_t tilesPerGroup = 1, tilesPerHead = 1;
  int64_t dimVectors = 1; // vectors that hold a head's dims, the last one perhaps in part
  int64_t dimSide = 1;    // of which so many at a time
  int64_t keySide = 1;    // vectors of scores at a time

  // Of the tile being written.
  Value batch, group, firstHead, tileRow, lastRow;
  Value scores, sums, maxima, weightSums, factors, counts; // scratch
  Value least, most; // positions that all rows, and that some row, attend to
  Value held;        // where the stretch stands in the cache: elsewhere in a ring
};

} // namespace

AttentionEmitter::AttentionEmitter(StepKernel &k, plan::AttentionOp op)
    : k(k), b(k.b), op(op), query(k.buffer(op.getQuery())), keys(k.buffer(op.getKeys())),
      values(k.buffer(op.getValues())), sinks(op.getSinks() ? k.buffer(op.getSinks()) : Value()),
      heads(op.getNumHeads()), kvHeads(op.getNumKvHeads()), groupSize(heads / kvHeads),
      causal(op.getCausal()) {
  auto queryShape = cast<RankedTensorType>(op.getQuery().getType()).getShape();
  auto keyShape = cast<RankedTensorType>(op.getKeys().getType()).getShape();
  batches = causal ? 1 : queryShape[0];
  tokens = queryShape[queryShape.size() - 2];
  dims = queryShape.back() / heads;
  keyBlocks = keyShape[2];
  keyLanes = keyShape[4];
  valueRows = cast<RankedTensorType>(op.getValues().getType()).getDimSize(1);
}

void AttentionEmitter::chooseTiles() {
  // Rows by vectors of keys or values: as many multiplications for each load as registers allow,
  // which hold rows * side sums, side vectors and a broadcast.
  int64_t most = 1;
  double bestRatio = 0;
  for (int64_t side = 1; side <= 4; ++side) {
    int64_t rows = std::max<int64_t>(1, (b.facts.registers - 1) / side - 1);
    double ratio = static_cast<double>(rows * side) / static_cast<double>(rows + side);
    if (ratio > bestRatio) {
      bestRatio = ratio;
      most = rows;
    }
  }
  overHeads = tokens == 1;
  int64_t rows = overHeads ? groupSize : tokens;
  // Heads of a group are cut evenly; the last tile of tokens may be ragged.
  height = std::min(rows, most);
  if (overHeads)
    while (rows % height != 0)
      --height;
  tilesPerGroup = overHeads ? groupSize / height : groupSize;
  tilesPerHead = overHeads ? 1 : llvm::divideCeil(tokens, height);
  dimVectors = llvm::divideCeil(dims, b.facts.lanes);
  int64_t side = std::clamp<int64_t>((b.facts.registers - 1) / (height + 1), 1, 8);
  dimSide = llvm::divideCeil(dimVectors, llvm::divideCeil(dimVectors, side));
  keySide = std::min(side, kStretch / b.facts.lanes);
  while ((kStretch / b.facts.lanes) % keySide != 0)
    --keySide;
}

void AttentionEmitter::emit() {
  chooseTiles();
  scores = b.scratch({height, kStretch});
  sums = b.scratch({height, dimVectors * b.facts.lanes});
  maxima = b.scratch({height});
  weightSums = b.scratch({height});
  factors = b.scratch({height});
  counts = {};

  bool batchIsCount = !causal && k.rowsPerCount(op.getQuery().getType()).has_value();
  AffineExpr d0 = getAffineDimExpr(0, b.getContext());
  AffineExpr elements = batchIsCount ? d0 : k.constantExpr(batches);
  AffineExpr tiles = k.constantExpr(tilesPerHead);
  bool rowsAreCount = causal && k.rowsPerCount(op.getQuery().getType()).has_value();
  Value tileCount = b.index(tilesPerHead);
  if (rowsAreCount) {
    tiles = d0.ceilDiv(overHeads ? 1 : height);
    tileCount = b.ceilDiv(k.count, overHeads ? 1 : height);
  }
  k.tasks = elements * (kvHeads * tilesPerGroup) * tiles;
  lastRow = b.index(tokens - 1);

  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value tile = arith::RemUIOp::create(b, task, tileCount);
    Value rest = arith::DivUIOp::create(b, task, tileCount);
    Value inGroup = b.rem(rest, tilesPerGroup);
    rest = b.div(rest, tilesPerGroup);
    Value kvHead = b.rem(rest, kvHeads);
    emitTile(b.div(rest, kvHeads), kvHead, inGroup, b.mul(tile, overHeads ? 1 : height));
  });
}

void AttentionEmitter::emitTile(Value batchAt, Value groupAt, Value headInGroup, Value row) {
  batch = batchAt;
  group = groupAt;
  firstHead = b.add(b.mul(group, groupSize), overHeads ? b.mul(headInGroup, height) : headInGroup);
  tileRow = row;
  // Positions are valid up to the rows of this call; rows past them compute nothing that counts.
  if (causal) {
    Value valid = b.add(k.position, b.minimum(k.count, b.index(tokens)));
    least = b.minimum(b.add(b.add(k.position, row), 1), valid);
    most = overHeads ? least : b.minimum(b.add(b.add(k.position, row), height), valid);
  } else {
    least = most = b.index(valueRows);
  }

  b.loop(b.index(0), b.index(height), 1, [&](Value i) {
    // A sink is a score, and its weight 1 so far.
    Value sink = sinks ? b.loadScalar(sinks, {b.index(0), headOf(i)}) : b.scalar(kLowest);
    b.storeScalar(sink, maxima, {i});
    b.storeScalar(b.scalar(sinks ? 1 : 0), weightSums, {i});
    b.loop(b.index(0), b.index(dimVectors), 1,
           [&](Value v) { b.store(b.splat(0), sums, {i, b.mul(v, b.facts.lanes)}); });
  });
  Value from = b.index(0);
  if (op.getWindow())
    from = b.mul(b.div(firstSeen(least), kStretch), kStretch);
  b.loop(from, most, kStretch, [&](Value stretch) {
    Value last = b.minimum(most, b.add(stretch, kStretch));
    held = op.getRing() ? b.rem(stretch, valueRows) : stretch;
    emitScores(b.sub(last, stretch));
    emitSoftmax(stretch);
    emitValues(stretch, last);
  });
  emitResult(row);
}

/// scores[i][j] for positions of the stretch, `inUse` of them, rounded up to keySide vectors.
void AttentionEmitter::emitScores(Value inUse) {
  int64_t lanes = b.facts.lanes;
  std::optional<double> softcap;
  if (op.getSoftcap())
    softcap = op.getSoftcap()->convertToDouble();
  Value scale = b.splat(op.getScale().convertToDouble() / softcap.value_or(1));
  Values rowsAt, colsAt;
  for (int64_t i = 0; i < height; ++i) {
    Value row = queryRow(i);
    rowsAt.push_back(causal ? row : b.add(b.mul(batch, tokens), row));
    colsAt.push_back(headCol(b.index(i)));
  }
  b.loop(b.index(0), inUse, keySide * lanes, [&](Value offset) {
    Values blocks, lanesAt;
    for (int64_t v = 0; v < keySide; ++v) {
      Value position = b.add(b.add(held, offset), v * lanes);
      // Blocks past the last one are not there; what is computed for them is not used.
      blocks.push_back(b.minimum(b.div(position, keyLanes), b.index(keyBlocks - 1)));
      lanesAt.push_back(b.rem(position, keyLanes));
    }
    Values dots(static_cast<size_t>(height * keySide), b.splat(0));
    dots = b.loop(b.index(0), b.index(dims), 1, dots, [&](Value dim, ValueRange carried) {
      Values next(carried), loaded;
      for (int64_t v = 0; v < keySide; ++v)
        loaded.push_back(b.load(keys, {batch, group, blocks[static_cast<size_t>(v)], dim,
                                       lanesAt[static_cast<size_t>(v)]}));
      for (int64_t i = 0; i < height; ++i) {
        Value element = b.loadBroadcast(
            query, {rowsAt[static_cast<size_t>(i)], b.add(colsAt[static_cast<size_t>(i)], dim)});
        for (int64_t v = 0; v < keySide; ++v) {
          Value &dot = next[static_cast<size_t>(i * keySide + v)];
          dot = b.fma(element, loaded[static_cast<size_t>(v)], dot);
        }
      }
      return next;
    });
    for (int64_t i = 0; i < height; ++i)
      for (int64_t v = 0; v < keySide; ++v) {
        Value score = b.mulf(dots[static_cast<size_t>(i * keySide + v)], scale);
        if (softcap)
          score = b.mulf(b.tanh(score), b.splat(*softcap));
        b.store(score, scores, {b.index(i), b.add(offset, v * lanes)});
      }
  });
}

void AttentionEmitter::emitSoftmax(Value stretch) {
  int64_t lanes = b.facts.lanes;
  b.loop(b.index(0), b.index(height), 1, [&](Value i) {
    Value valid = overHeads || !causal ? most : b.minimum(b.add(least, i), most);
    Value inUse = b.maximum(b.index(0), b.minimum(b.sub(valid, stretch), b.index(kStretch)));
    Value lowest = b.splat(kLowest);
    auto seen = [&](Value j) {
      Value mask = b.laneMask(b.sub(inUse, j));
      if (!op.getWindow())
        return mask;
      Value none = arith::ConstantOp::create(b, b.getZeroAttr(b.maskType()));
      return b.select(b.laneMask(b.sub(b.sub(firstSeen(valid), stretch), j)), none, mask);
    };
    Values largest =
        b.loop(b.index(0), inUse, lanes, ValueRange{lowest}, [&](Value j, ValueRange carried) {
          Value mask = seen(j);
          Value score = b.select(mask, b.load(scores, {i, j}), lowest);
          return Values{b.maxf(score, carried[0])};
        });
    Value before = b.loadScalar(maxima, {i});
    Value now = b.maxf(b.maxLanes(largest[0]), before);
    Value shift = b.broadcast(now);
    Value factor = b.exp(b.subf(b.broadcast(before), shift));
    Values total =
        b.loop(b.index(0), inUse, lanes, ValueRange{b.splat(0)}, [&](Value j, ValueRange carried) {
          Value mask = seen(j);
          Value weight = b.exp(b.subf(b.load(scores, {i, j}), shift));
          weight = b.select(mask, weight, b.splat(0));
          b.store(weight, scores, {i, j});
          return Values{b.addf(carried[0], weight)};
        });
    Value scalarFactor = b.firstLane(factor);
    b.storeScalar(now, maxima, {i});
    b.storeScalar(scalarFactor, factors, {i});
    Value sum = b.addf(b.mulf(b.loadScalar(weightSums, {i}), scalarFactor), b.sumLanes(total[0]));
    b.storeScalar(sum, weightSums, {i});
  });
}

void AttentionEmitter::emitValues(Value stretch, Value last) {
  int64_t lanes = b.facts.lanes;
  Value start = b.mul(group, dims);
  Value rowOffset = b.mul(batch, valueRows);
  // Below a row's window weights are 0, and change nothing.
  Value first = op.getWindow() ? b.maximum(stretch, firstSeen(least)) : stretch;
  Value common = b.maximum(first, b.minimum(least, last));
  for (int64_t from = 0; from < dimVectors; from += dimSide) {
    int64_t side = std::min(dimSide, dimVectors - from);
    SmallVector<Columns> cols;
    for (int64_t v = 0; v < side; ++v) {
      Columns at = b.columns(b.index((from + v) * lanes), dims);
      cols.push_back({b.add(start, at.col), at.mask});
    }
    Values carried;
    for (int64_t i = 0; i < height; ++i) {
      Value factor = b.loadBroadcast(factors, {b.index(i)});
      for (int64_t v = 0; v < side; ++v)
        carried.push_back(b.mulf(b.load(sums, {b.index(i), b.index((from + v) * lanes)}), factor));
    }
    auto step = [&](Value position, ValueRange now, bool someRowsOnly) {
      Values next(now), loaded;
      Value row = op.getRing() ? b.add(held, b.sub(position, stretch)) : b.add(rowOffset, position);
      for (Columns at : cols)
        loaded.push_back(b.load(values, {row, at.col}, at.mask));
      for (int64_t i = 0; i < height; ++i) {
        Value weight = b.loadBroadcast(scores, {b.index(i), b.sub(position, stretch)});
        Value takes = someRowsOnly ? b.less(position, b.add(least, i)) : Value();
        for (int64_t v = 0; v < side; ++v) {
          Value &sum = next[static_cast<size_t>(i * side + v)];
          Value added = b.fma(weight, loaded[static_cast<size_t>(v)], sum);
          sum = takes ? b.select(takes, added, sum) : added;
        }
      }
      return next;
    };
    carried = b.loop(first, common, 1, carried,
                     [&](Value position, ValueRange now) { return step(position, now, false); });
    if (causal && !overHeads)
      carried = b.loop(common, last, 1, carried,
                       [&](Value position, ValueRange now) { return step(position, now, true); });
    for (int64_t i = 0; i < height; ++i)
      for (int64_t v = 0; v < side; ++v)
        b.store(carried[static_cast<size_t>(i * side + v)], sums,
                {b.index(i), b.index((from + v) * lanes)});
  }
}

void AttentionEmitter::emitResult(Value row) {
  Value valid = b.index(overHeads ? height : tokens);
  Value rowsHere = overHeads ? b.index(height) : b.minimum(b.index(height), b.sub(valid, row));
  b.loop(b.index(0), rowsHere, 1, [&](Value i) {
    Value total = b.loadBroadcast(weightSums, {i});
    Value at = queryRow(i);
    if (!causal)
      at = b.add(b.mul(batch, tokens), at);
    Value start = headCol(i);
    b.forColumns(dims, [&](Columns cols) {
      Value value = b.divf(b.load(sums, {i, cols.col}), total);
      k.finish(value, at, {b.add(start, cols.col), cols.mask});
    });
  });
}

LogicalResult kernels::emitAttention(StepKernel &k, plan::AttentionOp op) {
  auto keys = cast<RankedTensorType>(op.getKeys().getType());
  if (plan::CacheLayout::of(keys))
    return emitQuantizedAttention(k, op);
  if (keys.getRank() != 5 || keys.getDimSize(4) % k.b.facts.lanes != 0)
    return op.emitError() << "expected keys packed in blocks of a multiple of " << k.b.facts.lanes
                          << " positions, found " << keys;
  int64_t dims = rowShape(op.getType()).cols / static_cast<int64_t>(op.getNumHeads());
  if (dims > kMostDims)
    return op.emitError() << "expected heads of at most " << kMostDims << " dims, found " << dims;
  AttentionEmitter(k, op).emit();
  return success();
}
