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
      if (auto found = dyn_cast<plan::AppendKeysOp>(user)) {
        append = found;
        cache = k.buffer(append.getCache());
        layout = plan::CacheLayout::of(cast<RankedTensorType>(append.getCache().getType()));
      }
    if (layout)
      rotated = b.scratch({dims});
    if (op.getAxes()) {
      gathered.first = b.scratch({1, half});
      gathered.second = b.scratch({1, half});
    }
  }

  void emitRow(Value row);

private:
  /// A row of tables of cosines and sines.
  struct Angles {
    Value cos, sin, row;
  };

  Angles anglesOf(Value row);
  Angles gather(Value positions, Value row);
  Value clamped(Value positions, ValueRange place);
  void emitHalves(Value row, Value head, const Angles &angles);
  void emitPairs(Value row, Value head, const Angles &angles);
  void put(Value vector, Value row, Value head, Value dim, Value mask);

  StepKernel &k;
  blue::RopeOp op;
  KernelBuilder &b;
  Value x, cos, sin;
  plan::AppendKeysOp append;               // may be null
  Value cache, place;                      // then the cache, and where it has the row
  std::optional<plan::CacheLayout> layout; // of a quantized cache
  Value rotated;                           // a head, before it is quantized as a whole
  std::pair<Value, Value> gathered; // a row's cosines and sines, where its angles follow axes
  int64_t heads, dims, half, lastPosition;
};

} // namespace

/// Stores dims [dim, dim + lanes) of a head of a row.
void RopeEmitter::put(Value vector, Value row, Value head, Value dim, Value mask) {
  if (layout)
    b.store(vector, rotated, {dim}, mask);
  else if (cache)
    storeKeyRow(k, cache, place, head, {dim, mask}, vector);
  if (k.result)
    k.finish(vector, row, {b.add(b.mul(head, dims), dim), mask});
}

void RopeEmitter::emitHalves(Value row, Value head, const Angles &angles) {
  Value start = b.mul(head, dims);
  b.forColumns(half, [&](Columns at) {
    Value first = b.load(x, {row, b.add(start, at.col)}, at.mask);
    Value second = b.load(x, {row, b.add(b.add(start, at.col), half)}, at.mask);
    Value c = b.load(angles.cos, {angles.row, at.col}, at.mask);
    Value s = b.load(angles.sin, {angles.row, at.col}, at.mask);
    put(b.subf(b.mulf(first, c), b.mulf(second, s)), row, head, at.col, at.mask);
    put(b.addf(b.mulf(second, c), b.mulf(first, s)), row, head, b.add(at.col, half), at.mask);
  });
}

void RopeEmitter::emitPairs(Value row, Value head, const Angles &angles) {
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
    auto twiceEach = [&](Value from) {
      Value loaded = b.load(from, {angles.row, tableCol}, tableMask);
      return vector::ShuffleOp::create(b, loaded, loaded, twice).getResult();
    };
    Value value = b.load(x, {row, b.add(start, at.col)}, at.mask);
    Value other = vector::ShuffleOp::create(b, value, value, swapped);
    Value straight = b.mulf(value, twiceEach(angles.cos));
    Value crossed = b.mulf(other, twiceEach(angles.sin));
    put(b.select(isOdd, b.addf(straight, crossed), b.subf(straight, crossed)), row, head, at.col,
        at.mask);
  });
}

/// A position, within the tables. One outside of them is the caller's mistake; it must not become a
/// read outside.
Value RopeEmitter::clamped(Value positions, ValueRange place) {
  Value position = arith::IndexCastOp::create(b, b.getIndexType(), b.loadScalar(positions, place));
  return b.maximum(b.index(0), b.minimum(position, b.index(lastPosition)));
}

/// Cosines and sines of a row whose angles follow several axes, side by side: what turns a head
/// does not know of axes then.
RopeEmitter::Angles RopeEmitter::gather(Value positions, Value row) {
  ArrayRef<int64_t> axes = *op.getAxes();
  SmallVector<Value> tableRows(static_cast<size_t>(*std::max_element(axes.begin(), axes.end())) +
                               1);
  for (auto [axis, tableRow] : llvm::enumerate(tableRows))
    if (llvm::is_contained(axes, static_cast<int64_t>(axis)))
      tableRow = clamped(positions, {row, b.index(static_cast<int64_t>(axis))});
  Value zero = b.index(0);
  for (size_t first = 0, end = 0; first < axes.size(); first = end) {
    while (end < axes.size() && axes[end] == axes[first])
      ++end;
    Value tableRow = tableRows[static_cast<size_t>(axes[first])];
    auto start = static_cast<int64_t>(first), count = static_cast<int64_t>(end - first);
    for (auto [from, to] : {std::pair(cos, gathered.first), std::pair(sin, gathered.second)}) {
      // Axes may change from angle to angle.
      if (count == 1)
        b.storeScalar(b.loadScalar(from, {tableRow, b.index(start)}), to, {zero, b.index(start)});
      else
        b.forColumns(count, [&, from = from, to = to](Columns at) {
          Value angle = start == 0 ? at.col : b.add(at.col, start);
          b.store(b.load(from, {tableRow, angle}, at.mask), to, {zero, angle}, at.mask);
        });
    }
  }
  return {gathered.first, gathered.second, zero};
}

/// The cosines and sines of a row.
RopeEmitter::Angles RopeEmitter::anglesOf(Value row) {
  if (!op.getPosition())
    return {cos, sin, b.rem(row, lastPosition + 1)};
  if (op.isConsecutive())
    return {cos, sin, b.minimum(b.add(k.position, row), b.index(lastPosition))};
  Value positions = k.buffer(op.getPosition());
  return op.getAxes() ? gather(positions, row) : Angles{cos, sin, clamped(positions, row)};
}

void RopeEmitter::emitRow(Value row) {
  Angles angles = anglesOf(row);
  if (append)
    place = placeInCache(b, b.add(k.position, row), append.getCache(), append.getRing());
  b.loop(b.index(0), b.index(heads), 1, [&](Value head) {
    if (op.getInterleaved())
      emitPairs(row, head, angles);
    else
      emitHalves(row, head, angles);
    // Dims that are not rotated.
    int64_t rest = dims - 2 * half;
    if (rest > 0)
      b.forColumns(rest, [&](Columns at) {
        Value dim = b.add(at.col, 2 * half);
        Value value = b.load(x, {row, b.add(b.mul(head, dims), dim)}, at.mask);
        put(value, row, head, dim, at.mask);
      });
    if (layout)
      storeQuantizedKey(k, *layout, cache, place, head,
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
