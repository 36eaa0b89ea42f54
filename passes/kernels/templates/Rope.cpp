// Rotary position embedding, and the append to a key cache that may follow it.
#include "passes/kernels/templates/Templates.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

class RopeEmitter {
public:
  RopeEmitter(StepKernel &k, blue::RopeOp op)
      : k(k), op(op), b(k.b), x(k.buffer(op.getX())), cos(k.buffer(op.getCos())),
        sin(k.buffer(op.getSin())), heads(op.getNumHeads()),
        dims(rowShape(op.getType()).cols / heads), half(rowShape(op.getCos().getType()).cols),
        lastPosition(rowShape(op.getCos().getType()).rows - 1) {
    for (Operation *user : op->getUsers())
      if (auto append = dyn_cast<plan::AppendKeysOp>(user)) {
        cache = k.buffer(append.getCache());
        layout = plan::CacheLayout::of(cast<RankedTensorType>(append.getCache().getType()));
      }
    if (layout)
      rotated = b.scratch({dims});
  }

  void emitRow(Value row);

private:
  /// Angles [first, first + count) of a head, which follow the table's row `row`.
  struct Section {
    int64_t first, count;
    Value table;
  };

  SmallVector<Section> sectionsOf(Value row);
  void emitHalves(Value row, Value head, Section section);
  void emitPairs(Value row, Value head, Value table);
  void put(Value vector, Value row, Value head, Value dim, Value mask);

  StepKernel &k;
  blue::RopeOp op;
  KernelBuilder &b;
  Value x, cos, sin, cache;
  std::optional<plan::CacheLayout> layout; // of a quantized cache
  Value rotated;                           // a head, before it is quantized as a whole
  int64_t heads, dims, half, lastPosition;
};

} // namespace

/// Stores dims [dim, dim + lanes) of a head of a row.
void RopeEmitter::put(Value vector, Value row, Value head, Value dim, Value mask) {
  if (layout)
    b.store(vector, rotated, {dim}, mask);
  else if (cache)
    storeKeyRow(k, cache, row, head, {dim, mask}, vector);
  if (k.result)
    k.finish(vector, row, {b.add(b.mul(head, dims), dim), mask});
}

void RopeEmitter::emitHalves(Value row, Value head, Section section) {
  Value start = b.mul(head, dims);
  b.forColumns(section.count, [&](Columns at) {
    Value angle = section.first == 0 ? at.col : b.add(at.col, section.first);
    Value first = b.load(x, {row, b.add(start, angle)}, at.mask);
    Value second = b.load(x, {row, b.add(b.add(start, angle), half)}, at.mask);
    Value c = b.load(cos, {section.table, angle}, at.mask);
    Value s = b.load(sin, {section.table, angle}, at.mask);
    put(b.subf(b.mulf(first, c), b.mulf(second, s)), row, head, angle, at.mask);
    put(b.addf(b.mulf(second, c), b.mulf(first, s)), row, head, b.add(angle, half), at.mask);
  });
}

void RopeEmitter::emitPairs(Value row, Value head, Value table) {
  int64_t lanes = b.facts.lanes, pairs = lanes / 2;
  Value start = b.mul(head, dims);
  SmallVector<int64_t> twice, swapped;
  for (int64_t i = 0; i < lanes; ++i) {
    twice.push_back(i / 2);
    swapped.push_back(i ^ 1);
  }
  SmallVector<bool> odd;
  for (int64_t i = 0; i < lanes; ++i)
    odd.push_back(i % 2 == 1);
  Value isOdd = arith::ConstantOp::create(b, DenseElementsAttr::get(b.maskType(), odd));
  b.forColumns(2 * half, [&](Columns at) {
    Value tableCol = b.div(at.col, 2);
    // Only the first half of the table's lanes is used; past its row there may be nothing to read.
    Value tableMask = b.laneMask(b.minimum(b.index(pairs), b.sub(b.index(half), tableCol)));
    auto angles = [&](Value from) {
      Value loaded = b.load(from, {table, tableCol}, tableMask);
      return vector::ShuffleOp::create(b, loaded, loaded, twice).getResult();
    };
    Value value = b.load(x, {row, b.add(start, at.col)}, at.mask);
    Value other = vector::ShuffleOp::create(b, value, value, swapped);
    Value straight = b.mulf(value, angles(cos)), crossed = b.mulf(other, angles(sin));
    put(b.select(isOdd, b.addf(straight, crossed), b.subf(straight, crossed)), row, head, at.col,
        at.mask);
  });
}

/// Which row of the tables each angle takes. A position outside of them is the caller's mistake; it
/// must not become a read outside.
SmallVector<RopeEmitter::Section> RopeEmitter::sectionsOf(Value row) {
  Value last = b.index(lastPosition);
  if (op.isConsecutive())
    return {{0, half, b.minimum(b.add(k.position, row), last)}};
  Value positions = k.buffer(op.getPosition());
  auto table = [&](ValueRange place) -> Value {
    Value position =
        arith::IndexCastOp::create(b, b.getIndexType(), b.loadScalar(positions, place));
    return b.maximum(b.index(0), b.minimum(position, last));
  };
  if (!op.getSections())
    return {{0, half, table(row)}};
  SmallVector<Section> sections;
  int64_t first = 0;
  for (auto [axis, count] : llvm::enumerate(*op.getSections())) {
    sections.push_back({first, count, table({row, b.index(static_cast<int64_t>(axis))})});
    first += count;
  }
  return sections;
}

void RopeEmitter::emitRow(Value row) {
  SmallVector<Section> sections = sectionsOf(row);
  b.loop(b.index(0), b.index(heads), 1, [&](Value head) {
    if (op.getInterleaved())
      emitPairs(row, head, sections.front().table);
    else
      for (const Section &section : sections)
        emitHalves(row, head, section);
    // Dims that are not rotated.
    int64_t rest = dims - 2 * half;
    if (rest > 0)
      b.forColumns(rest, [&](Columns at) {
        Value dim = b.add(at.col, 2 * half);
        Value value = b.load(x, {row, b.add(b.mul(head, dims), dim)}, at.mask);
        put(value, row, head, dim, at.mask);
      });
    if (layout)
      storeQuantizedKey(k, *layout, cache, row, head,
                        [&](Columns at) { return b.load(rotated, {at.col}, at.mask); });
  });
}

LogicalResult kernels::emitRope(StepKernel &k, blue::RopeOp op) {
  if (op.isConsecutive() && !op.getPosition().getDefiningOp<plan::PositionOp>())
    return op.emitError("expected a position given by plan.position");
  RopeEmitter emitter(k, op);
  k.tasks = k.validRowsExpr(op.getType());
  k.b.loop(k.begin, k.end, 1, [&](Value row) { emitter.emitRow(row); });
  return success();
}
