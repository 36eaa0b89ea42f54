// plan.embedding: rows of a table in panels, put together from where their elements stand.
#include "passes/kernels/templates/Templates.h"

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

/// Columns from `at` on of row `lane` of panel `panel`, panels being of floats [panels, K, R].
static Value loadFloats(KernelBuilder &b, Value panels, Value panel, Value lane, Columns at) {
  auto type = cast<MemRefType>(panels.getType());
  Value last = b.index(type.getDimSize(1) - 1);
  Values elements;
  for (int64_t i = 0; i < b.facts.lanes; ++i) {
    Value col = b.add(at.col, i);
    elements.push_back(b.loadScalar(panels, {panel, at.mask ? b.minimum(col, last) : col, lane}));
  }
  auto vectorType = VectorType::get(b.facts.lanes, type.getElementType());
  Value vector = vector::FromElementsOp::create(b, vectorType, elements);
  return type.getElementType().isF32() ? vector : b.extend(vector);
}

/// The same of quantized panels. A vector's elements share a group, and are whole words but at the
/// row's end.
static Value loadQuantized(KernelBuilder &b, const plan::PanelLayout &layout, Value panels,
                           Value panel, Value lane, Columns at) {
  int64_t lanes = b.facts.lanes, each = layout.word.elements();
  Value base = b.mul(panel, layout.panelBytes());
  Value header = b.add(base, b.mul(b.div(at.col, layout.group), layout.groupOffset(1)));
  Type scaleType = layout.scaleBytes == 4 ? b.getF32Type() : b.getF16Type();
  Value scale = b.loadScalarBytes(panels, b.add(header, b.mul(lane, layout.scaleBytes)), scaleType);
  if (layout.scaleBytes == 2)
    scale = arith::ExtFOp::create(b, b.getF32Type(), scale);
  Value zero = b.splatInt(b.intVectorType(), int64_t{1} << (layout.word.bits - 1));
  if (layout.zeros) {
    Value byte =
        b.loadScalarBytes(panels, b.add(b.add(header, layout.zerosOffset()), lane), b.getI8Type());
    zero = b.broadcastTo(b.intVectorType(), arith::ExtUIOp::create(b, b.getI32Type(), byte));
  }

  int64_t end = layout.groupOffset(layout.groups() - 1) + layout.headerBytes() +
                (layout.wordsIn(layout.groups() - 1) - 1) * layout.wordBytes();
  Value inRow = b.mul(lane, 4), lastWord = b.add(b.add(base, end), inRow);
  Value first = b.add(b.add(header, layout.headerBytes()), inRow), words;
  SmallVector<int32_t> places;
  for (int64_t i = 0; i < lanes; ++i)
    places.push_back(static_cast<int32_t>(layout.word.bitOf(i % each)));
  for (int64_t i = 0; i * each < lanes; ++i) {
    Value number = b.add(b.div(b.rem(at.col, layout.group), each), i);
    Value offset = b.add(first, b.mul(number, layout.wordBytes()));
    if (at.mask)
      offset = b.minimum(offset, lastWord);
    Value word =
        b.broadcastTo(b.intVectorType(), b.loadScalarBytes(panels, offset, b.getI32Type()));
    SmallVector<bool> later;
    for (int64_t l = 0; l < lanes; ++l)
      later.push_back(l >= i * each);
    Value mask = arith::ConstantOp::create(b, DenseElementsAttr::get(b.maskType(), later));
    words = words ? b.select(mask, word, words) : word;
  }
  Value shifts = arith::ConstantOp::create(
      b, DenseIntElementsAttr::get(b.intVectorType(), ArrayRef<int32_t>(places)));
  Value mask = b.splatInt(b.intVectorType(), (int64_t{1} << layout.word.bits) - 1);
  Value ints = b.subi(b.andi(b.shiftRight(words, shifts), mask), zero);
  return b.mulf(b.toFloat(ints), b.broadcast(scale));
}

LogicalResult kernels::emitEmbedding(StepKernel &k, plan::EmbeddingOp op) {
  KernelBuilder &b = k.b;
  RankedTensorType type = op.getPanels().getType();
  std::optional<plan::PanelLayout> layout = plan::PanelLayout::of(type);
  if (layout && layout->group < layout->k && layout->group % b.facts.lanes != 0)
    return op.emitError() << "expected groups of a multiple of " << b.facts.lanes
                          << " elements, found " << type;
  int64_t panelRows = layout ? layout->rows : type.getDimSize(2);
  int64_t last = layout ? layout->n - 1 : type.getDimSize(0) * panelRows - 1;
  Value ids = k.buffer(op.getIds()), panels = k.buffer(op.getPanels());
  k.tasks = k.validRowsExpr(op.getType());
  b.loop(k.begin, k.end, 1, [&](Value row) {
    // An id outside the table is the caller's mistake; it must not become a read outside the table.
    Value id = arith::IndexCastOp::create(b, b.getIndexType(), b.loadScalar(ids, {row}));
    id = b.maximum(b.index(0), b.minimum(id, b.index(last)));
    Value panel = b.div(id, panelRows), lane = b.rem(id, panelRows);
    k.finishRow(row, [&](Columns at) {
      return layout ? loadQuantized(b, *layout, panels, panel, lane, at)
                    : loadFloats(b, panels, panel, lane, at);
    });
  });
  return success();
}
