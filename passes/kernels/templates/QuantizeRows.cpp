// plan.quantize: rows of f32 to integers with scales and sums (RowLayout).
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "compiler/dialect/plan/Layouts.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

class RowQuantizer {
public:
  RowQuantizer(StepKernel &k, plan::QuantizeOp op)
      : k(k), b(k.b), op(op), layout(*plan::RowLayout::of(op.getType())),
        most((int64_t{1} << (8 * layout.elementBytes - 1)) - 1) {}

  void quantizeRow(Value row, function_ref<Value(Columns)> rootValue);

private:
  /// The number to quantize at (row, at), with 0 in lanes past the row.
  Value number(Value row, Columns at, function_ref<Value(Columns)> rootValue);
  /// max |x| of the group's columns.
  Value largest(Value start, int64_t length, function_ref<Value(Columns)> number);
  void quantizeGroup(Value elements, Value start, int64_t length, Value scale,
                     function_ref<Value(Columns)> number);
  void storeSums(const RowPlace &place);
  Type elementType() { return b.getIntegerType(static_cast<unsigned>(8 * layout.elementBytes)); }
  Columns columnsIn(Value start, int64_t from, int64_t length) {
    Columns at = b.columns(b.index(from), length);
    return {b.add(start, from), at.mask};
  }

  StepKernel &k;
  KernelBuilder &b;
  plan::QuantizeOp op;
  plan::RowLayout layout;
  int64_t most; // magnitude of an integer
};

} // namespace

Value RowQuantizer::number(Value row, Columns at, function_ref<Value(Columns)> rootValue) {
  Value value = k.finished(rootValue(at), row, at);
  return at.mask ? b.select(at.mask, value, b.splat(0)) : value;
}

Value RowQuantizer::largest(Value start, int64_t length, function_ref<Value(Columns)> number) {
  Value max = b.splat(0);
  auto magnitude = [&](Columns at) { return b.absf(number(at)); };
  int64_t lanes = b.facts.lanes, whole = length / lanes * lanes;
  if (whole > 0)
    max = b.loop(b.index(0), b.index(whole), lanes, max, [&](Value from, ValueRange carried) {
      return Values{b.maxf(magnitude({b.add(start, from), {}}), carried[0])};
    })[0];
  if (whole < length)
    max = b.maxf(magnitude(columnsIn(start, whole, length)), max);
  return b.maxLanes(max);
}

void RowQuantizer::quantizeGroup(Value elements, Value start, int64_t length, Value scale,
                                 function_ref<Value(Columns)> number) {
  auto narrow = VectorType::get(b.facts.lanes, elementType());
  auto store = [&](Columns at) {
    Value ints = toIntegers(b, number(at), scale, most);
    if (at.mask)
      ints = b.select(at.mask, ints, b.splatInt(b.intVectorType(), 0));
    Value offset = b.add(elements, elementOffset(b, layout, at.col));
    b.storeBytes(arith::TruncIOp::create(b, narrow, ints), k.result, offset);
  };
  int64_t lanes = b.facts.lanes, whole = length / lanes * lanes;
  if (whole > 0)
    b.loop(b.index(0), b.index(whole), lanes, [&](Value from) { store({b.add(start, from), {}}); });
  if (whole < length)
    store(columnsIn(start, whole, length));
}

void RowQuantizer::storeSums(const RowPlace &place) {
  int64_t lanes = b.facts.lanes;
  auto narrow = VectorType::get(lanes, elementType());
  b.forStretches(layout.k, layout.sums, {}, [&](Value start, int64_t length, ValueRange) {
    // A vector may reach past the stretch, where other elements stand, or past the row's end,
    // where the padding is 0.
    auto part = [&](Columns at) {
      Value offset = b.add(place.elements, elementOffset(b, layout, at.col));
      Value ints =
          arith::ExtSIOp::create(b, b.intVectorType(), b.loadBytes(k.result, offset, narrow));
      return at.mask ? b.select(at.mask, ints, b.splatInt(b.intVectorType(), 0)) : ints;
    };
    Values sum = {b.splatInt(b.intVectorType(), 0)};
    constexpr int64_t kUnroll = 16;
    sum = b.forStretches(
        length, kUnroll * lanes, sum, [&](Value first, int64_t several, ValueRange carried) {
          Value added = carried[0];
          for (int64_t from = 0; from < several; from += lanes)
            added = b.addi(added, part(columnsIn(b.add(start, first), from, several)));
          return Values{added};
        });
    Value total = vector::ReductionOp::create(b, vector::CombiningKind::ADD, sum[0]);
    Value number = b.div(start, layout.sums);
    b.storeScalarBytes(total, k.result, sumAt(b, layout, place, number));
    return Values{};
  });
}

void RowQuantizer::quantizeRow(Value row, function_ref<Value(Columns)> rootValue) {
  RowPlace place = placeOf(b, layout, row);
  // The row's padding has to be 0.
  int64_t lanes = b.facts.lanes, end = layout.elementsBytes() / layout.elementBytes;
  auto narrow = VectorType::get(lanes, elementType());
  for (int64_t i = layout.k / lanes * lanes; i < end; i += lanes)
    b.storeBytes(b.splatInt(narrow, 0), k.result, b.add(place.elements, layout.elementOffset(i)));

  Value room = k.rowScratch;
  auto compute = [&](Columns at) {
    Value value = number(row, at, rootValue);
    if (room)
      b.store(value, room, at.col);
    return value;
  };
  auto again = [&](Columns at) { return room ? b.load(room, at.col) : number(row, at, rootValue); };
  std::optional<APFloat> given = op.getStaticScale();
  b.forStretches(layout.k, layout.group, {}, [&](Value start, int64_t length, ValueRange) {
    auto first = [&](Columns at) { return compute({b.add(start, at.col), at.mask}); };
    Value scale = given ? b.scalar(given->convertToDouble()) : largestScale(b, length, most, first);
    Value group = b.div(start, layout.group);
    b.storeScalarBytes(scale, k.result, scaleAt(b, layout, place, group));
    quantizeGroup(place.elements, start, length, scale, again);
    return Values{};
  });
  storeSums(place);
}

void StepKernel::finishRow(Value row, function_ref<Value(Columns)> rootValue) {
  if (quantize)
    RowQuantizer(*this, quantize).quantizeRow(row, rootValue);
  else
    b.forColumns(shape().cols, [&](Columns at) { finish(rootValue(at), row, at); });
}

LogicalResult kernels::checkQuantize(StepKernel &k) {
  if (!k.quantize)
    return success();
  auto layout = *plan::RowLayout::of(k.quantize.getType());
  if (layout.group < layout.k && layout.group % k.b.facts.lanes != 0)
    return k.quantize.emitError() << "expected groups of a multiple of " << k.b.facts.lanes
                                  << " elements, found " << k.quantize.getType();
  if (!k.root || (isa<plan::QuantizeOp, blue::RmsNormOp, blue::LayerNormOp, blue::EmbeddingOp,
                      plan::EmbeddingOp, plan::LastRowOp>(k.root) &&
                  plan::normGroups(k.root) == 1))
    return success();
  return k.quantize.emitError() << "expected a step that makes whole rows, found "
                                << k.root->getName();
}
