// plan.embedding: rows of a table in panels, put together from where their elements stand.
#include "passes/kernels/templates/Templates.h"

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

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

/// Where in their words the elements from column `col` on stand: bits to shift by, in a vector of
/// words.
static Value shiftsFrom(KernelBuilder &b, const plan::PanelLayout &layout, Value col) {
  const plan::WordLayout &word = layout.word;
  int64_t lanes = b.facts.lanes, each = word.elements();
  VectorType type = b.wordsType(word);
  auto constant = [&](llvm::function_ref<int64_t(int64_t)> of) -> Value {
    SmallVector<APInt> values;
    for (int64_t l = 0; l < lanes; ++l)
      values.emplace_back(type.getElementTypeBitWidth(), static_cast<uint64_t>(of(l)));
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
  };
  if (each <= lanes)
    return constant([&](int64_t l) { return word.bitOf(l % each); });
  // Several vectors share a word: bitOf of a number that is known at run time only.
  Value start =
      arith::IndexCastOp::create(b, type.getElementType(), b.rem(b.rem(col, layout.group), each));
  Value number = b.addi(b.broadcastTo(type, start), constant([](int64_t l) { return l; }));
  auto log = [](int64_t value) { return llvm::Log2_64(static_cast<uint64_t>(value)); };
  Value product = b.andi(number, b.splatInt(type, word.products - 1));
  Value step = b.shiftRight(number, log(word.products));
  return b.addi(b.shiftLeft(product, log(word.operandBits)), b.shiftLeft(step, log(word.bits)));
}

/// The same of quantized panels. A vector's elements share a group, and are whole words, or of one
/// word, but at the row's end.
static Value loadQuantized(KernelBuilder &b, const plan::PanelLayout &layout, Value panels,
                           Value panel, Value lane, Columns at) {
  int64_t lanes = b.facts.lanes, each = layout.word.elements();
  Value base = b.mul(panel, layout.panelBytes());
  Value header = b.add(base, b.mul(b.div(at.col, layout.group), layout.groupOffset(1)));
  Type scaleType = layout.scaleBytes == 4 ? b.getF32Type() : b.getF16Type();
  Value scale = b.loadScalarBytes(panels, b.add(header, b.mul(lane, layout.scaleBytes)), scaleType);
  if (layout.scaleBytes == 2)
    scale = arith::ExtFOp::create(b, b.getF32Type(), scale);
  Value zero = b.splatInt(b.intVectorType(), layout.offset);
  if (layout.zeros) {
    Value byte =
        b.loadScalarBytes(panels, b.add(b.add(header, layout.zerosOffset()), lane), b.getI8Type());
    Value wide = layout.offset ? arith::ExtUIOp::create(b, b.getI32Type(), byte).getResult()
                               : arith::ExtSIOp::create(b, b.getI32Type(), byte).getResult();
    zero = b.broadcastTo(b.intVectorType(), wide);
  }

  int64_t end = layout.groupOffset(layout.groups() - 1) + layout.headerBytes() +
                (layout.wordsIn(layout.groups() - 1) - 1) * layout.wordBytes();
  VectorType type = b.wordsType(layout.word);
  Value inRow = b.mul(lane, layout.word.bytes()), lastWord = b.add(b.add(base, end), inRow);
  Value first = b.add(b.add(header, layout.headerBytes()), inRow), words;
  for (int64_t i = 0; i * each < lanes; ++i) {
    Value number = b.add(b.div(b.rem(at.col, layout.group), each), i);
    Value offset = b.add(first, b.mul(number, layout.wordBytes()));
    if (at.mask)
      offset = b.minimum(offset, lastWord);
    Value word = b.broadcastTo(type, b.loadScalarBytes(panels, offset, type.getElementType()));
    SmallVector<bool> later;
    for (int64_t l = 0; l < lanes; ++l)
      later.push_back(l >= i * each);
    Value mask = arith::ConstantOp::create(b, DenseElementsAttr::get(b.maskType(), later));
    words = words ? b.select(mask, word, words) : word;
  }
  Value shifts = shiftsFrom(b, layout, at.col);
  Value mask = b.splatInt(type, (int64_t{1} << layout.word.bits) - 1);
  Value ints = b.andi(b.shiftRight(words, shifts), mask);
  if (layout.word.wordBits() < 32)
    ints = arith::ExtUIOp::create(b, b.intVectorType(), ints);
  else
    ints = b.truncate(ints, b.intVectorType());
  if (!layout.offset) { // the sign is the highest bit
    Value sign = b.splatInt(b.intVectorType(), int64_t{1} << (layout.word.bits - 1));
    ints = b.subi(arith::XOrIOp::create(b, ints, sign), sign);
  }
  return b.mulf(b.toFloat(b.subi(ints, zero)), b.broadcast(scale));
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
