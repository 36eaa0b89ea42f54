// y = x * panels + bias over panels of floats, then the fused chain.
//
// Many rows: a register tile of `height` rows by one panel (R columns). For each k it loads the
// panel's R weights once (f16 becomes f32 there) and multiplies them with `height` broadcast
// elements of x. A task is one panel under one block of row tiles. The block is as high as half the
// second-level cache allows: all panels read x from there, and all tiles the panel.
//
// Experts: what ExpertTiles says; the chains are the same.
//
// One row: several panels side by side, so that their chains of multiply-adds overlap. This form is
// bound by memory, and asks for lines well ahead.
#include "passes/kernels/templates/ExpertTiles.h"
#include "passes/kernels/templates/LinearTiles.h"
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

class LinearEmitter : LinearTiles {
public:
  LinearEmitter(StepKernel &k, const LinearLayer &layer, ArrayRef<int64_t> shape)
      : LinearTiles(k, layer, shape[0], shape[2]), x(k.buffer(layer.x)),
        panels(k.buffer(layer.panels)) {}

  void emit();
  void emitExperts(plan::ExpertLinearOp op);

private:
  static constexpr int64_t kUnroll = 4; // steps of k between two tests of a single row's loop

  /// Rows of a register tile: beside the accumulators stand the panel's vectors, and two broadcasts
  /// in flight.
  int64_t mostRows() const { return b.facts.accumulators(vectors + 2) / vectors; }
  Values multiply(const TileRows &tile, Value panel, int64_t side, int64_t unroll,
                  int64_t aheadBytes);
  Values addProducts(const Part &part, ValueRange panelsAt, int64_t unroll, int64_t aheadBytes,
                     ValueRange before);

  Value loadWeights(ValueRange at) {
    Type element = cast<MemRefType>(panels.getType()).getElementType();
    auto type = VectorType::get(b.facts.lanes, element);
    Value vector = vector::LoadOp::create(b, type, panels, at);
    return element.isF32() ? vector : b.extend(vector);
  }

  Value x, panels;
};

} // namespace

Values LinearEmitter::multiply(const TileRows &tile, Value panel, int64_t side, int64_t unroll,
                               int64_t aheadBytes) {
  Values sums(static_cast<size_t>(tile.height * side * vectors), b.splat(0));
  Values panelsAt;
  for (int64_t i = 0; i < side; ++i)
    panelsAt.push_back(b.add(panel, i));
  return overParts(tile, sums, [&](const Part &part, ValueRange before) {
    Values after = addProducts(part, panelsAt, unroll, aheadBytes, before);
    // A token of the padding adds nothing.
    for (size_t i = 0; !part.inside.empty() && i < after.size(); ++i)
      after[i] =
          b.select(part.inside[i / static_cast<size_t>(side * vectors)], after[i], before[i]);
    return after;
  });
}

/// Of a part of k, for each of its rows and each vector of the panels.
Values LinearEmitter::addProducts(const Part &part, ValueRange panelsAt, int64_t unroll,
                                  int64_t aheadBytes, ValueRange before) {
  int64_t perRow = static_cast<int64_t>(panelsAt.size()) * vectors;
  auto step = [&](Value at, ValueRange carried) {
    Values next(carried);
    Values weights;
    Value depthAt = b.add(part.start, at);
    for (Value panel : panelsAt)
      for (int64_t v = 0; v < vectors; ++v)
        weights.push_back(loadWeights({panel, depthAt, b.index(v * b.facts.lanes)}));
    for (auto [r, row] : llvm::enumerate(part.rows)) {
      Value element = b.loadBroadcast(x, {row, at});
      for (int64_t v = 0; v < perRow; ++v) {
        Value &sum = next[r * static_cast<size_t>(perRow) + static_cast<size_t>(v)];
        sum = b.fma(element, weights[static_cast<size_t>(v)], sum);
      }
    }
    return next;
  };
  Values sums(before);
  int64_t whole = partDepth() / unroll * unroll;
  if (whole > 0)
    sums = b.loop(b.index(0), b.index(whole), unroll, sums, [&](Value at, ValueRange carried) {
      Values values(carried);
      if (aheadBytes > 0) {
        int64_t elementBytes = cast<MemRefType>(panels.getType()).getElementTypeBitWidth() / 8;
        int64_t perLine = b.facts.lineBytes / elementBytes;
        int64_t rowsAhead = aheadBytes / elementBytes / panelRows;
        for (Value panel : panelsAt)
          for (int64_t line = 0; line < unroll * panelRows / perLine; ++line) {
            Value ahead = b.add(b.add(part.start, at), rowsAhead + line * perLine / panelRows);
            memref::PrefetchOp::create(
                b, panels, ValueRange{panel, ahead, b.index(line * perLine % panelRows)},
                /*isWrite=*/false, /*localityHint=*/3, /*isDataCache=*/true);
          }
      }
      for (int64_t u = 0; u < unroll; ++u)
        values = step(b.add(at, u), values);
      return values;
    });
  for (int64_t at = whole; at < partDepth(); ++at)
    sums = step(b.index(at), sums);
  return sums;
}

void LinearEmitter::emit() {
  constexpr int64_t kSide = 2; // panels at a time
  if (rows == 1)
    return emitOneRow(kSide, [&](const TileRows &tile, const Span &span) {
      return multiply(tile, span.panel, span.side, kUnroll, b.facts.floatAheadBytes);
    });
  emitManyRows({mostRows(), /*step=*/1, vectors}, depth * 4,
               [&](const TileRows &tile, const Span &span) {
                 return multiply(tile, span.panel, span.side, /*unroll=*/1, /*aheadBytes=*/0);
               });
}

void LinearEmitter::emitExperts(plan::ExpertLinearOp op) {
  ExpertTiles tiles(k, op, panelRows);
  bool isOne = tiles.mostRows() == 1;
  tiles.emit(mostRows(), [&](const TileRows &tile, Value panel) {
    return multiply(tile, panel, /*side=*/1, isOne ? kUnroll : 1,
                    isOne ? b.facts.floatAheadBytes : 0);
  });
}

/// Whether a panel's rows are whole vectors; an error if not.
static bool areWhole(StepKernel &k, Operation *op, RankedTensorType panels) {
  if (panels.getRank() == 3 && panels.getDimSize(2) % k.b.facts.lanes == 0)
    return true;
  op->emitError() << "expected panels of a multiple of " << k.b.facts.lanes << " rows, found "
                  << panels;
  return false;
}

LogicalResult kernels::emitLinear(StepKernel &k, plan::LinearOp op) {
  RankedTensorType panels = op.getPanels().getType();
  if (isa<blue::QuantizedType>(panels.getElementType()))
    return emitQuantizedLinear(k, op);
  if (!areWhole(k, op, panels))
    return failure();
  LinearEmitter(k, LinearLayer(op), panels.getShape()).emit();
  return success();
}

LogicalResult kernels::emitExpertLinear(StepKernel &k, plan::ExpertLinearOp op) {
  RankedTensorType panels = op.getPanels().getType();
  if (isa<blue::QuantizedType>(panels.getElementType()))
    return emitQuantizedExpertLinear(k, op);
  if (!areWhole(k, op, panels))
    return failure();
  LinearEmitter(k, LinearLayer(op), panels.getShape()).emitExperts(op);
  return success();
}
