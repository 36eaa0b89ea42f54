#include "passes/kernels/templates/LinearTiles.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {
/// Rows under which the panels' traffic stops mattering: less than a byte for each multiply-add of
/// a register tile's column.
constexpr int64_t kBlockRows = 128;
} // namespace

LinearTiles::LinearTiles(StepKernel &k, const LinearLayer &layer, int64_t panelCount,
                         int64_t panelRows)
    : k(k), b(k.b), bias(layer.bias ? k.buffer(layer.bias) : Value()),
      type(cast<RankedTensorType>(layer.op->getResult(0).getType())), rows(rowShape(type).rows),
      width(rowShape(type).cols), panelCount(panelCount), panelRows(panelRows),
      vectors(panelRows / k.b.facts.lanes), depth(layer.depth), gather(layer.gather),
      parts(gather ? plan::DownsampleAttr::kParts : 1) {}

Values LinearTiles::overParts(const TileRows &tile, ValueRange init,
                              function_ref<Values(const Part &, ValueRange)> body) {
  Value row = tile.first;
  int64_t height = tile.height;
  Part part;
  if (!gather) {
    part.start = b.index(0);
    part.rows = tile.each;
    for (int64_t r = 0; tile.each.empty() && r < height; ++r)
      part.rows.push_back(b.add(row, r));
    return body(part, init);
  }
  // Rows of one line of the grid are two tokens apart, which addresses can say; only the last one
  // may be cut by the grid's edge. Other tiles have an address for each row.
  int64_t rowsAcross = gather->getRowsAcross(), lineRows = rowsAcross % height == 0 ? height : 1;
  struct Corner {
    Value first, top, left; // the picture's first token; line and column of the upper left of four
  };
  SmallVector<Corner> corners;
  for (int64_t r = 0; r < height; r += lineRows) {
    Value at = b.add(row, r), within = b.rem(at, gather->getRows());
    corners.push_back({b.mul(b.div(at, gather->getRows()), gather->getTokens()),
                       b.mul(b.div(within, rowsAcross), 2), b.mul(b.rem(within, rowsAcross), 2)});
  }
  int64_t down = gather->getHeight(), across = gather->getWidth();
  return b.loop(b.index(0), b.index(parts), 1, init, [&](Value number, ValueRange carried) {
    Value half = b.div(number, 2), odd = b.rem(number, 2);
    Value below = gather->getColumnMajor() ? odd : half;
    Value beside = gather->getColumnMajor() ? half : odd;
    part.start = b.mul(number, partDepth());
    part.rows.clear();
    part.inside.clear();
    for (const Corner &corner : corners) {
      Value y = b.add(corner.top, below), x = b.add(corner.left, beside);
      Value isInside = b.less(y, b.index(down));
      Value line = b.add(corner.first, b.mul(b.minimum(y, b.index(down - 1)), across));
      for (int64_t r = 0; r < lineRows; ++r) {
        Value column = b.add(x, 2 * r);
        bool mayBeOutside = r + 1 == lineRows && across % 2 != 0;
        part.rows.push_back(
            b.add(line, mayBeOutside ? b.minimum(column, b.index(across - 1)) : column));
        part.inside.push_back(
            mayBeOutside
                ? arith::AndIOp::create(b, isInside, b.less(column, b.index(across))).getResult()
                : isInside);
      }
    }
    return body(part, carried);
  });
}

Tiling LinearTiles::chooseTiling(const TileLimits &most, int64_t rowBytes) const {
  Tiling best;
  int64_t leastLoads = std::numeric_limits<int64_t>::max();
  int64_t step = rows < most.step ? 1 : most.step;
  for (int64_t height = step; height <= std::min(most.rows, rows); height += step) {
    int64_t whole = rows / height, rest = rows % height;
    // Of each step of k: one load for each row and for each vector of the tile, and a test.
    int64_t loads = whole * (height + most.vectors + 1) + (rest ? rest + most.vectors + 1 : 0);
    if (loads < leastLoads) {
      leastLoads = loads;
      best = {height, whole + (rest ? 1 : 0), 1};
    }
  }
  // A panel is read once for each block, perhaps from memory; x is read once for each panel, from
  // the second-level cache if the block fits there, else from the one behind it. Under kBlockRows
  // rows the panels' traffic would be the larger one.
  int64_t fitting = b.facts.l2Bytes / 2 / (rowBytes * best.height);
  // So few tiles that fit leave a panel's traffic below that of x, if panels are read so often that
  // they come from a cache.
  constexpr int64_t kFewestTiles = 4;
  bool cached = rows > 4 * kBlockRows && fitting >= kFewestTiles;
  int64_t enough = cached ? 1 : llvm::divideCeil(kBlockRows, best.height);
  best.block = std::clamp<int64_t>(std::max(fitting, enough), 1, best.tiles);
  return best;
}

Columns LinearTiles::columnsOf(const Span &span, int64_t v) {
  Value col = b.add(b.mul(span.panel, panelRows), v * b.facts.lanes);
  if (span.first)
    col = b.add(col, b.mul(span.first, b.facts.lanes));
  if (width % panelRows == 0)
    return {col, {}};
  return b.columns(col, width);
}

void LinearTiles::storeTile(ValueRange sums, Value row, int64_t height, const Span &span) {
  Values biases;
  for (int64_t v = 0; bias && v < span.vectors; ++v) {
    Columns at = columnsOf(span, v);
    biases.push_back(b.load(bias, {b.index(0), at.col}, at.mask));
  }
  // A costly chain would be repeated for each vector of the tile: the sums pass through the
  // result's own bytes instead, and a loop over rows finishes them.
  bool inLoop = height > 1 && k.hasCostlyChain();
  for (int64_t r = 0; r < height; ++r)
    for (int64_t v = 0; v < span.vectors; ++v) {
      Columns at = columnsOf(span, v);
      Value sum = sums[static_cast<size_t>(r * span.vectors + v)];
      if (bias)
        sum = b.addf(sum, biases[static_cast<size_t>(v)]);
      if (inLoop)
        b.store(sum, k.result, {b.add(row, r), at.col}, at.mask);
      else
        k.finish(sum, b.add(row, r), at);
    }
  if (!inLoop)
    return;
  b.loop(row, b.add(row, height), 1, [&](Value at) {
    for (int64_t v = 0; v < span.vectors; ++v) {
      Columns cols = columnsOf(span, v);
      k.finish(b.load(k.result, {at, cols.col}, cols.mask), at, cols);
    }
  });
}

int64_t LinearTiles::lowTile(const Tiling &tiling, int64_t step) const {
  // So low, a tile computes few rows that are not there, and its code would cost more than it
  // saves.
  constexpr int64_t kLeast = 16;
  bool isCounted = rows > 1 && k.rowsPerCount(type) == 1; // row by row
  if (!isCounted || tiling.height < kLeast)
    return 0;
  int64_t rest = rows % tiling.height, half = tiling.height / 2 / step * step;
  return rest > 0 && rest < half ? rest : half;
}

void LinearTiles::emitManyRows(const TileLimits &most, int64_t rowBytes, Multiply multiply) {
  Tiling tiling = chooseTiling(most, rowBytes);
  int64_t blockRows = tiling.block * tiling.height, low = lowTile(tiling, most.step);
  k.tasks = k.validRowsExpr(type).ceilDiv(blockRows) * panelCount;
  Value valid = k.validRows(type), tiles = b.ceilDiv(valid, tiling.height);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value panel = b.rem(task, panelCount);
    Value first = b.mul(b.div(task, panelCount), tiling.block);
    Value last = b.minimum(b.add(first, tiling.block), tiles);
    auto tile = [&](Value number, int64_t height) {
      Value row = b.mul(number, tiling.height);
      auto emit = [&](const Span &span) {
        // Rows are far apart: nothing else asks in time for where results go and residuals stand.
        for (int64_t r = 0; r < height; ++r)
          for (int64_t v = 0; v < span.vectors; ++v)
            k.prefetchFinish(b.add(row, r), columnsOf(span, v).col);
        storeTile(multiply({row, height, {}}, span), row, height, span);
      };
      if (most.vectors == vectors)
        return emit({panel, 1, vectors, {}});
      b.loop(b.index(0), b.index(vectors), most.vectors,
             [&](Value first) { emit({panel, 1, most.vectors, first}); });
    };
    int64_t whole = rows / tiling.height, rest = rows % tiling.height;
    // Tiles of the whole height, then at most one that is lower: few of its rows are valid, or the
    // result ends there.
    Value end = rest ? b.minimum(last, b.index(whole)) : last;
    if (low > 0)
      end = b.minimum(end, b.div(b.add(valid, tiling.height - 1 - low), tiling.height));
    b.loop(first, end, 1, [&](Value number) { tile(number, tiling.height); });
    if (low == 0) {
      if (rest > 0)
        b.ifThen(b.less(b.index(whole), last), [&] { tile(b.index(whole), rest); });
      return;
    }
    auto lower = [&](Value isOfThisHeight, int64_t height) {
      b.ifThen(b.andi(b.less(end, last), isOfThisHeight), [&] { tile(end, height); });
    };
    Value left = b.sub(valid, b.mul(end, tiling.height));
    lower(b.less(left, b.index(low + 1)), low);
    if (rest > low)
      lower(b.less(b.index(low), left), rest);
  });
}

void LinearTiles::emitOneRow(int64_t side, Multiply multiply) {
  k.tasks = k.constantExpr(panelCount);
  Value row = b.index(0);
  auto emit = [&](Value panel, int64_t panels) {
    Values sums = multiply({row, 1, {}}, {panel, panels, vectors, {}});
    for (int64_t p = 0; p < panels; ++p)
      storeTile(
          ValueRange(sums).slice(static_cast<size_t>(p * vectors), static_cast<size_t>(vectors)),
          row, 1, {b.add(panel, p), 1, vectors, {}});
  };
  if (side == 1)
    return b.loop(k.begin, k.end, 1, [&](Value panel) { emit(panel, 1); });
  Value paired = b.add(k.begin, b.mul(b.div(b.sub(k.end, k.begin), side), side));
  b.loop(k.begin, paired, side, [&](Value panel) { emit(panel, side); });
  b.loop(paired, k.end, 1, [&](Value panel) { emit(panel, 1); });
}
