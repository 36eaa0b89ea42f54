// y = x * panels + bias, then the fused chain.
//
// Many rows: a register tile of `height` rows by one panel (R columns). For each k it loads the
// panel's R weights once and multiplies them with `height` broadcast elements of x. A task is one
// panel under one block of row tiles; the block is as high as half the second-level cache allows,
// so that x is read from there for all panels, and the panel is read from there for all tiles. One
// row: several panels side by side, so that their chains of multiply-adds overlap; this form is
// bound by memory, and asks for lines well ahead.
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

/// Rows under which the panels' traffic stops mattering: less than a byte for each multiply-add of
/// a register tile's column.
constexpr int64_t kBlockRows = 128;

struct Tiling {
  int64_t height = 1; // rows of a register tile
  int64_t tiles = 1;  // register tiles that cover all rows
  int64_t block = 1;  // register tiles of a task
};

class LinearEmitter {
public:
  LinearEmitter(StepKernel &k, plan::LinearOp op)
      : k(k), b(k.b), x(k.buffer(op.getX())), panels(k.buffer(op.getPanels())),
        bias(op.getBias() ? k.buffer(op.getBias()) : Value()), type(op.getType()),
        rows(rowShape(type).rows), width(rowShape(type).cols) {
    ArrayRef<int64_t> shape = op.getPanels().getType().getShape();
    panelCount = shape[0];
    depth = shape[1];
    panelCols = shape[2];
    vectors = panelCols / b.facts.lanes;
  }

  void emitManyRows();
  void emitOneRow();

private:
  Tiling chooseTiling() const;
  void emitTile(Value row, int64_t height, Value panel);
  /// Accumulators of `height` rows from `row` on by the panels from `panel` on, `side` of them.
  Values multiply(Value row, int64_t height, Value panel, int64_t side, int64_t unroll,
                  int64_t prefetchLines);
  Columns columnsOf(Value panel, int64_t vector);
  void storeTile(ValueRange sums, Value row, int64_t height, Value panel);

  StepKernel &k;
  KernelBuilder &b;
  Value x, panels, bias;
  RankedTensorType type;
  int64_t rows, width;
  int64_t panelCount, depth, panelCols, vectors;
};

} // namespace

Tiling LinearEmitter::chooseTiling() const {
  // Beside the accumulators: the panel's vectors, and two broadcasts in flight.
  int64_t most = std::max<int64_t>(1, b.facts.accumulators(vectors + 2) / vectors);
  Tiling best;
  double bestShare = 0;
  for (int64_t height = 1; height <= std::min(most, rows); ++height) {
    int64_t tiles = llvm::divideCeil(rows, height);
    double useful = static_cast<double>(rows) / static_cast<double>(tiles * height);
    // One load for each row and each vector of the panel against height * vectors multiplications.
    double perLoad =
        static_cast<double>(height * vectors) / static_cast<double>(height + vectors + 1);
    if (double share = useful * perLoad; share > bestShare) {
      bestShare = share;
      best = {height, tiles, tiles};
    }
  }
  // A panel is read once for each block, perhaps from memory; x is read once for each panel, from
  // the second-level cache if the block fits there, else from the one behind it. Under kBlockRows
  // rows the panels' traffic would be the larger one.
  int64_t rowBytes = depth * 4;
  int64_t fitting = b.facts.l2Bytes / 2 / (rowBytes * best.height);
  int64_t enough = llvm::divideCeil(kBlockRows, best.height);
  best.block = std::clamp<int64_t>(std::max(fitting, enough), 2, std::max<int64_t>(best.tiles, 2));
  // The last tile may reach back over the one before it, which must belong to the same task.
  bool ragged = rows % best.height != 0;
  auto breaks = [&](int64_t block) { return ragged && best.tiles % block == 1 && best.tiles > 1; };
  while (best.block > 2 && breaks(best.block))
    --best.block;
  while (breaks(best.block))
    ++best.block;
  return best;
}

Columns LinearEmitter::columnsOf(Value panel, int64_t vector) {
  Value col = b.add(b.mul(panel, panelCols), vector * b.facts.lanes);
  if (width % panelCols == 0)
    return {col, {}};
  return b.columns(col, width);
}

Values LinearEmitter::multiply(Value row, int64_t height, Value panel, int64_t side, int64_t unroll,
                               int64_t prefetchLines) {
  Values sums(static_cast<size_t>(height * side * vectors), b.splat(0));
  Values rowsAt, panelsAt;
  for (int64_t i = 0; i < height; ++i)
    rowsAt.push_back(b.add(row, i));
  for (int64_t i = 0; i < side; ++i)
    panelsAt.push_back(b.add(panel, i));
  auto step = [&](Value depthAt, ValueRange carried) {
    Values next(carried);
    Values weights;
    for (int64_t p = 0; p < side; ++p)
      for (int64_t v = 0; v < vectors; ++v)
        weights.push_back(b.load(panels, {panelsAt[p], depthAt, b.index(v * b.facts.lanes)}));
    for (int64_t r = 0; r < height; ++r) {
      Value element = b.loadBroadcast(x, {rowsAt[r], depthAt});
      for (int64_t v = 0; v < side * vectors; ++v) {
        Value &sum = next[static_cast<size_t>(r * side * vectors + v)];
        sum = b.fma(element, weights[static_cast<size_t>(v)], sum);
      }
    }
    return next;
  };
  int64_t whole = depth / unroll * unroll;
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), unroll, sums, [&](Value at, ValueRange carried) {
      Values values(carried);
      if (prefetchLines > 0) {
        int64_t perLine = 16; // f32 in a line of 64 bytes
        for (int64_t p = 0; p < side; ++p)
          for (int64_t line = 0; line < unroll * panelCols / perLine; ++line) {
            Value ahead =
                b.add(at, prefetchLines * perLine / panelCols + line * perLine / panelCols);
            memref::PrefetchOp::create(
                b, panels, ValueRange{panelsAt[p], ahead, b.index(line * perLine % panelCols)},
                /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
          }
      }
      for (int64_t u = 0; u < unroll; ++u)
        values = step(b.add(at, u), values);
      return values;
    });
  for (int64_t at = whole; at < depth; ++at)
    sums = step(b.index(at), sums);
  return sums;
}

void LinearEmitter::storeTile(ValueRange sums, Value row, int64_t height, Value panel) {
  Values biases;
  for (int64_t v = 0; bias && v < vectors; ++v) {
    Columns at = columnsOf(panel, v);
    biases.push_back(b.load(bias, {b.index(0), at.col}, at.mask));
  }
  // A costly chain would be repeated for each vector of the tile: the sums pass through the
  // result's own bytes instead, and a loop over rows finishes them.
  bool inLoop = height > 1 && k.hasCostlyChain();
  for (int64_t r = 0; r < height; ++r)
    for (int64_t v = 0; v < vectors; ++v) {
      Columns at = columnsOf(panel, v);
      Value sum = sums[static_cast<size_t>(r * vectors + v)];
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
    for (int64_t v = 0; v < vectors; ++v) {
      Columns cols = columnsOf(panel, v);
      k.finish(b.load(k.result, {at, cols.col}, cols.mask), at, cols);
    }
  });
}

void LinearEmitter::emitTile(Value row, int64_t height, Value panel) {
  storeTile(multiply(row, height, panel, /*side=*/1, /*unroll=*/1, /*prefetchLines=*/0), row,
            height, panel);
}

void LinearEmitter::emitManyRows() {
  Tiling tiling = chooseTiling();
  int64_t blockRows = tiling.block * tiling.height;
  k.tasks = k.validRowsExpr(type).ceilDiv(blockRows) * panelCount;
  Value valid = b.ceilDiv(k.validRows(type), tiling.height);
  b.loop(k.begin, k.end, 1, [&](Value task) {
    Value panel = b.rem(task, panelCount);
    Value first = b.mul(b.div(task, panelCount), tiling.block);
    Value last = b.minimum(b.add(first, tiling.block), valid);
    b.loop(first, last, 1, [&](Value tile) {
      // The last tile is moved back so that it stays within the rows.
      Value row = b.mul(tile, tiling.height);
      if (rows % tiling.height != 0)
        row = b.minimum(row, b.index(rows - tiling.height));
      emitTile(row, tiling.height, panel);
    });
  });
}

void LinearEmitter::emitOneRow() {
  constexpr int64_t kSide = 2;   // panels at a time
  constexpr int64_t kUnroll = 4; // steps of k between two tests of the loop
  constexpr int64_t kAhead = 32; // lines asked for ahead of their use
  k.tasks = k.constantExpr(panelCount);
  Value row = b.index(0);
  auto emit = [&](Value panel, int64_t side) {
    Values sums = multiply(row, 1, panel, side, kUnroll, kAhead);
    for (int64_t p = 0; p < side; ++p)
      storeTile(
          ValueRange(sums).slice(static_cast<size_t>(p * vectors), static_cast<size_t>(vectors)),
          row, 1, b.add(panel, p));
  };
  Value pairs = b.mul(b.div(b.sub(k.end, k.begin), kSide), kSide);
  Value paired = b.add(k.begin, pairs);
  b.loop(k.begin, paired, kSide, [&](Value panel) { emit(panel, kSide); });
  b.loop(paired, k.end, 1, [&](Value panel) { emit(panel, 1); });
}

LogicalResult kernels::emitLinear(StepKernel &k, plan::LinearOp op) {
  ArrayRef<int64_t> panels = op.getPanels().getType().getShape();
  if (panels.size() != 3 || panels[2] % k.b.facts.lanes != 0)
    return op.emitError() << "expected panels of a multiple of " << k.b.facts.lanes
                          << " rows, found " << op.getPanels().getType();
  LinearEmitter emitter(k, op);
  if (k.shape().rows == 1)
    emitter.emitOneRow();
  else
    emitter.emitManyRows();
  return success();
}
