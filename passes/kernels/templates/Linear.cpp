// y = x * panels + bias over panels of floats, then the fused chain.
//
// Many rows: a register tile of `height` rows by one panel (R columns). For each k it loads the
// panel's R weights once (f16 becomes f32 there) and multiplies them with `height` broadcast
// elements of x. A task is one panel under one block of row tiles. The block is as high as half the
// second-level cache allows: all panels read x from there, and all tiles the panel.
//
// One row: several panels side by side, so that their chains of multiply-adds overlap. This form is
// bound by memory, and asks for lines well ahead.
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
  LinearEmitter(StepKernel &k, plan::LinearOp op, ArrayRef<int64_t> shape)
      : LinearTiles(k, op, shape[0], shape[2]), x(k.buffer(op.getX())),
        panels(k.buffer(op.getPanels())) {}

  void emit();

private:
  Values multiply(Value row, int64_t height, Value panel, int64_t side, int64_t unroll,
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

Values LinearEmitter::multiply(Value row, int64_t height, Value panel, int64_t side, int64_t unroll,
                               int64_t aheadBytes) {
  Values sums(static_cast<size_t>(height * side * vectors), b.splat(0));
  Values panelsAt;
  for (int64_t i = 0; i < side; ++i)
    panelsAt.push_back(b.add(panel, i));
  return overParts(row, height, sums, [&](const Part &part, ValueRange before) {
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
  constexpr int64_t kSide = 2;   // panels at a time
  constexpr int64_t kUnroll = 4; // steps of k between two tests of the loop
  if (rows == 1)
    return emitOneRow(kSide, [&](Value row, int64_t height, const Span &span) {
      return multiply(row, height, span.panel, span.side, kUnroll, b.facts.floatAheadBytes);
    });
  // Beside the accumulators: the panel's vectors, and two broadcasts in flight.
  emitManyRows({b.facts.accumulators(vectors + 2) / vectors, /*step=*/1, vectors}, depth * 4,
               [&](Value row, int64_t height, const Span &span) {
                 return multiply(row, height, span.panel, span.side, /*unroll=*/1,
                                 /*aheadBytes=*/0);
               });
}

LogicalResult kernels::emitLinear(StepKernel &k, plan::LinearOp op) {
  auto panels = op.getPanels().getType();
  if (isa<blue::QuantizedType>(panels.getElementType()))
    return emitQuantizedLinear(k, op);
  ArrayRef<int64_t> shape = panels.getShape();
  if (shape.size() != 3 || shape[2] % k.b.facts.lanes != 0)
    return op.emitError() << "expected panels of a multiple of " << k.b.facts.lanes
                          << " rows, found " << panels;
  LinearEmitter(k, op, shape).emit();
  return success();
}
