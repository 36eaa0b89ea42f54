// clang-format off
// y = x * panels + bias over panels of quantized weights (PanelLayout), then the fused chain.
//
// For each group of weights, and each stretch within it:
//   integer x:  sum = sum_k (w - zero) * x  in i32, which starts at -zero * (sum of x); w and zero
//               as they are stored, so that without zeros and an offset it starts at 0; where an
//               element is the upper bits of its operand, that many times as large, and the scale
//               that much smaller
//   f32 x:      sum = one chain of fused multiply-adds of x with w - zero
//   total = fma(sum, weight scale [* x scale of the stretch], total)
// With `gather` a stretch lies within one of the four tokens; of the padding the scale is 0.
// and y = total [* x scale of the row] + bias. Stretches are as long as no scale changes and i32
// holds every sum. They are added in order of k whatever the number of rows; sums of integers have
// no order, so that one row uses several accumulators where many rows hide their latency.
//
// A register tile is `height` rows by one panel. A word of weights gives, by shifts and masks, one
// operand for each step of `products` elements; the other operand is the word of x at the same k,
// broadcast. Where an instruction takes a lane as an operand, words of x are loaded a vector at a
// time. Many rows: see LinearTiles. One row streams panels and asks for lines ahead.
//
// Panels for a product in tiles (#plan.mma) have words as long as its rows, and two rows of x side by
// side are the other operand: a row that is alone stands there twice. Their sums come as 2 x 2 tiles,
// and so are the totals, which are parted when all of k is done; one row's sums are parted at the end
// of each stretch, so that its twin costs no more. Where x has rows side by side in memory
// (RowLayout), an operand is one load, and tiles are many rows by one vector of a panel: what unpacks a
// vector of weights is shared by all of them. With gather, or where rows stand alone, an operand is put
// together of two loads, and tiles are a few rows by a whole panel, for which that is done once.
// clang-format on
#include "compiler/dialect/plan/Layouts.h"
#include "passes/kernels/templates/ExpertTiles.h"
#include "passes/kernels/templates/LinearTiles.h"
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

constexpr int64_t kMostSums = 32; // of x in a stretch

class QuantizedLinearEmitter : LinearTiles {
public:
  QuantizedLinearEmitter(StepKernel &k, const LinearLayer &layer, const plan::PanelLayout &layout)
      : LinearTiles(k, layer, layout.panels(), layout.rows), layer(layer), layout(layout),
        xLayout(plan::RowLayout::of(cast<RankedTensorType>(layer.x.getType()))), word(layout.word),
        dot(cast<plan::PanelsAttr>(cast<RankedTensorType>(layer.panels.getType()).getEncoding())
                .getDot()),
        mma(xLayout ? plan::mmaFor(k.b.facts.target, dot) : plan::MmaAttr()),
        panels(k.buffer(layer.panels)), x(k.buffer(layer.x)), streams(rows == 1) {}

  LogicalResult emit();
  LogicalResult emitExperts(plan::ExpertLinearOp op);

private:
  LogicalResult prepare();
  LogicalResult chooseStretch();
  TileLimits tileLimits() const;
  /// Whether rows of a tile stand side by side in x.
  bool isPaired() const {
    return mma && xLayout->pairs == mma.getK() && !gather && !layer.ofExperts;
  }
  /// Elements of x that one load brings, of which each word is an operand by its lane; 0: words are
  /// loaded one by one.
  int64_t laneBlock() const {
    bool isWhole = xLayout && 8 * xLayout->elementBytes == word.operandBits;
    return b.facts.laneOperands && isWhole && !mma ? b.facts.lanes * word.products : 0;
  }
  /// Rows that one product takes.
  int64_t together() const { return mma ? mma.getM() : 1; }

  /// A register tile in the making: sums of `rows` rows, as many as a product takes at a time, by
  /// vectors of weights, for each of these the `vectors` of each panel.
  struct Tile {
    SmallVector<RowPlace> rows; // bytes in x; of floats: the row, as its elements
    Values inside;              // of each row, whether it is no padding; empty: none is
    Value start;                // k of the rows' first element
    Values panels;              // bytes
    Value first;                // vector of the panel; null: 0
    bool streams = false;
    int64_t vectors = 1;      // of all panels
    int64_t ofPanel = 1;      // vectors
    int64_t accumulators = 1; // for each sum
    int64_t together = 1;     // rows
    int64_t height = 1;       // rows, of all
    int64_t groups() const { return llvm::divideCeil(height, together); }
    /// Rows of a group's totals: one row's have no twin.
    int64_t ofTotal() const { return std::min(together, height); }
    /// The first `count` rows of a group, of which the last one may stand there twice.
    SmallVector<int64_t> rowsOf(int64_t group, int64_t count) const {
      SmallVector<int64_t> rows;
      for (int64_t i = 0; i < count; ++i)
        rows.push_back(std::min(group * together + i, height - 1));
      return rows;
    }
    /// Of the sums of a group of rows.
    size_t at(int64_t accumulator, int64_t group, int64_t vector) const {
      return static_cast<size_t>((accumulator * groups() + group) * vectors + vector);
    }
    /// Of what each row has.
    size_t ofRow(int64_t row, int64_t vector) const {
      return static_cast<size_t>(row * vectors + vector);
    }
  };
  Values multiply(const TileRows &rowsOfTile, const Span &span);
  Values addGroups(const Tile &tile, ValueRange totals);
  /// Adds the products of [from, from + length) of the group whose header is at `header` bytes in a
  /// panel and whose first element is k = `start` to `totals`.
  Values addStretch(const Tile &tile, Value header, Value start, Value from, int64_t length,
                    ValueRange totals);
  Values startSums(const Tile &tile, ValueRange zeros, Value first, int64_t length);
  /// The totals of each row, by row and vector.
  Values partRows(const Tile &tile, ValueRange totals);
  /// What a group's row `i` has of its sums or totals.
  Value rowOf(Value group, int64_t i) {
    SmallVector<int64_t> lanes;
    for (int64_t lane = 0; lane < b.facts.lanes; ++lane)
      lanes.push_back(laneOfRow(i, lane));
    return b.shuffle(group, group, lanes);
  }
  /// Which lane of a group's sums belongs to `lane` of its row `i`.
  int64_t laneOfRow(int64_t i, int64_t lane) const {
    return (lane / mma.getN() * mma.getM() + i) * mma.getN() + lane % mma.getN();
  }
  /// The vectors of the rows of a group, as its sums or totals stand.
  Value sideBySide(ValueRange ofRows);
  /// The scales of a group's rows for its stretch, as its totals stand.
  Value rowScales(const Tile &tile, int64_t group, Value stretch);
  Values addProducts(const Tile &tile, ValueRange zeros, Value words, Value first, int64_t length,
                     ValueRange sums);
  /// The same by products in tiles.
  Values addTileProducts(const Tile &tile, ValueRange zeros, Value words, Value first,
                         int64_t length, ValueRange sums);
  /// The operand of weights for the step that begins with element `i` behind `words`, of the tile's
  /// vector `v`. `raw` is what earlier steps have loaded, by vector.
  Value weights(const Tile &tile, ValueRange zeros, Value words, int64_t i, int64_t v, Values &raw);
  /// The operand of weights for one step: elements [step * products, + products) of each word.
  Value unpack(Value words, int64_t step, Value zero);
  /// The operand of x for a group of rows, elements [i, i + products) of `length` from `first` on.
  /// `loaded` is what earlier operands have loaded, by row.
  Value rowsOperand(const Tile &tile, int64_t group, Value first, int64_t i, int64_t length,
                    Values &loaded);
  Value loadScales(Value offset);
  void prefetch(const Tile &tile, Value at, int64_t bytes);

  /// What vector `v` of the tile has at byte `offset` of its panel.
  Value inPanel(const Tile &tile, int64_t v, Value offset, int64_t bytesPerVector) {
    Value base = b.add(tile.panels[static_cast<size_t>(v / tile.ofPanel)], offset);
    if (tile.first)
      base = b.add(base, b.mul(tile.first, bytesPerVector));
    return b.add(base, v % tile.ofPanel * bytesPerVector);
  }

  LinearLayer layer;
  plan::PanelLayout layout;
  std::optional<plan::RowLayout> xLayout; // nullopt: x is of floats
  plan::WordLayout word;
  plan::DotAttr dot;
  plan::MmaAttr mma; // null: a row at a time is multiplied, by `dot`
  Value panels, x;
  bool streams;        // panels are read once a call
  int64_t stretch = 0; // elements
};

} // namespace

/// Elements that share a scale: 0 for all of them, as in types.
static int64_t groupOr0(int64_t group, int64_t k) { return group >= k ? 0 : group; }

LogicalResult QuantizedLinearEmitter::chooseStretch() {
  int64_t length = partDepth();
  stretch = std::min(layout.group, length);
  if (!xLayout)
    return success();
  int64_t shared = std::gcd(groupOr0(layout.group, length), groupOr0(xLayout->group, length));
  stretch = shared == 0 ? length : shared;
  // |w - zero| * |x| at most, by the ranges of both.
  int64_t weight = layout.zeros ? (int64_t{1} << word.bits) - 1 : int64_t{1} << (word.bits - 1);
  int64_t activation = (int64_t{1} << (8 * xLayout->elementBytes - 1)) - 1;
  int64_t most =
      std::numeric_limits<int32_t>::max() / ((weight << layout.operandShift()) * activation);
  int64_t unit = std::lcm(xLayout->sums, word.elements());
  // No more sums than can be added one by one.
  if (int64_t longest = std::min(most, kMostSums * unit); stretch > longest)
    stretch = longest / unit * unit;
  bool divides = stretch % unit == 0 && (layout.group >= length || layout.group % unit == 0);
  if (stretch == 0 || (stretch < length && !divides))
    return layer.op->emitError() << "expected sums over a divisor of every stretch of at most "
                                 << most << " elements that share a scale, and whole words, found "
                                 << layer.x.getType() << " and " << layer.panels.getType();
  return success();
}

LinearTiles::TileLimits QuantizedLinearEmitter::tileLimits() const {
  if (mma) {
    // A vector of weights at a time: its words, a mask, an operand. Of x, side by side, so many
    // operands that loads can be far ahead (with two, sums wait in memory); else two and what they
    // come of.
    int64_t wide = dot.getK() * dot.getBits() / 32;
    int64_t across = isPaired() ? 1 : vectors;
    int64_t ofWeights = word.steps() > 1 ? 2 * wide + 1 : wide;
    int64_t ofX = isPaired() ? 8 : 0, ofGroup = together() * across + (isPaired() ? 0 : 4);
    int64_t groups = b.facts.accumulators(ofWeights + ofX) / ofGroup;
    return {together() * std::max<int64_t>(1, groups), together(), across};
  }
  // With x by lanes a row has a vector of x beside its sums.
  if (laneBlock() > 0) {
    int64_t others = word.steps() > 1 ? 2 * vectors + 1 : vectors;
    return {std::max<int64_t>(1, b.facts.accumulators(others) / (vectors + 1)), 1, vectors};
  }
  // Beside the sums and totals: words and the operands that come of them, a mask, two broadcasts.
  int64_t others = word.steps() > 1 ? 2 * vectors + 3 : vectors + 2;
  int64_t free = b.facts.accumulators(others);
  int64_t both = free / (2 * vectors);
  // On a small register file the totals, needed once a stretch, are the ones to wait in memory.
  return {std::max<int64_t>(1, both >= 4 ? both : free / vectors), 1, vectors};
}

LogicalResult QuantizedLinearEmitter::prepare() {
  if (xLayout && xLayout->pairs != 0 && (!mma || xLayout->pairs != mma.getK()))
    return layer.op->emitError()
           << "expected rows in pairs of as many elements as a product in tiles has, found "
           << layer.x.getType();
  return chooseStretch();
}

LogicalResult QuantizedLinearEmitter::emitExperts(plan::ExpertLinearOp op) {
  if (failed(prepare()))
    return failure();
  ExpertTiles tiles(k, op, layout.rows);
  streams = tiles.mostRows() == 1;
  tiles.emit(tileLimits().rows, [&](const TileRows &tile, Value panel) {
    return multiply(tile, {panel, /*side=*/1, vectors, {}});
  });
  return success();
}

LogicalResult QuantizedLinearEmitter::emit() {
  if (failed(prepare()))
    return failure();
  auto tile = [&](const TileRows &rowsOfTile, const Span &span) {
    return multiply(rowsOfTile, span);
  };
  // Chains of floats may not be split among accumulators, so two panels' overlap.
  if (rows == 1)
    emitOneRow(xLayout ? 1 : 2, tile);
  else
    emitManyRows(tileLimits(), xLayout ? parts * xLayout->rowBytes() : layout.k * 4, tile);
  return success();
}

Values QuantizedLinearEmitter::multiply(const TileRows &rowsOfTile, const Span &span) {
  int64_t height = rowsOfTile.height;
  Tile tile;
  tile.streams = streams;
  tile.first = span.first;
  tile.ofPanel = span.vectors;
  tile.vectors = span.side * span.vectors;
  tile.together = together();
  tile.height = height;
  if (xLayout)
    tile.accumulators =
        llvm::divideCeil(b.facts.dotsInFlight, tile.together * tile.groups() * tile.vectors);
  for (int64_t p = 0; p < span.side; ++p)
    tile.panels.push_back(b.mul(b.add(span.panel, p), layout.panelBytes()));

  Value none =
      b.broadcastTo(VectorType::get(b.facts.lanes * tile.ofTotal(), b.getF32Type()), b.scalar(0));
  Values totals(static_cast<size_t>(tile.groups() * tile.vectors), none);
  totals = overParts(rowsOfTile, totals, [&](const Part &part, ValueRange carried) {
    tile.start = part.start;
    tile.inside = part.inside;
    tile.rows.clear();
    for (Value from : part.rows)
      tile.rows.push_back(xLayout ? placeOf(b, *xLayout, from) : RowPlace{from, {}});
    return addGroups(tile, carried);
  });
  totals = partRows(tile, totals);
  if (!xLayout || xLayout->group < layout.k)
    return totals;
  for (int64_t r = 0; r < height; ++r) {
    Value at = scaleAt(b, *xLayout, tile.rows[static_cast<size_t>(r)], b.index(0));
    Value scale = b.broadcast(b.loadScalarBytes(x, at, b.getF32Type()));
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value &total = totals[tile.ofRow(r, v)];
      total = b.mulf(total, scale);
    }
  }
  return totals;
}

/// Adds the products of one part of k.
Values QuantizedLinearEmitter::addGroups(const Tile &tile, ValueRange totals) {
  // A group may reach over all parts, else it lies within one.
  bool isWhole = layout.group >= layout.k;
  int64_t groupBytes = layout.groupOffset(1);
  return b.forStretches(partDepth(), std::min(layout.group, partDepth()), totals,
                        [&](Value at, int64_t length, ValueRange carried) {
                          Value start = isWhole ? b.index(0) : b.add(tile.start, at);
                          Value header = b.mul(b.div(start, layout.group), groupBytes);
                          if (tile.streams)
                            prefetch(tile, header, layout.headerBytes());
                          return b.forStretches(
                              length, stretch, carried,
                              [&](Value from, int64_t part, ValueRange inner) {
                                Value within = isWhole ? b.add(tile.start, from) : from;
                                return addStretch(tile, header, start, within, part, inner);
                              });
                        });
}

void QuantizedLinearEmitter::prefetch(const Tile &tile, Value at, int64_t bytes) {
  int64_t ahead = b.facts.quantizedAheadBytes;
  if (ahead == 0)
    return;
  for (Value panel : tile.panels)
    for (int64_t line = 0; line < bytes; line += b.facts.lineBytes)
      b.prefetchBytes(panels, b.add(b.add(panel, at), ahead + line));
}

Value QuantizedLinearEmitter::loadScales(Value offset) {
  Type element = layout.scaleBytes == 4 ? b.getF32Type() : b.getF16Type();
  Value scales = b.loadBytes(panels, offset, VectorType::get(b.facts.lanes, element));
  if (layout.scaleBytes != 4)
    scales = b.extend(scales);
  // Exact, but for scales that are hardly larger than 0.
  int64_t shift = xLayout ? layout.operandShift() : 0;
  return shift == 0 ? scales : b.mulf(scales, b.splat(std::ldexp(1.0, static_cast<int>(-shift))));
}

Values QuantizedLinearEmitter::addStretch(const Tile &tile, Value header, Value start, Value from,
                                          int64_t length, ValueRange totals) {
  Values zeros;
  for (int64_t v = 0; layout.zeros && v < tile.vectors; ++v) {
    Value offset = inPanel(tile, v, b.add(header, layout.zerosOffset()), b.facts.lanes);
    Value bytes = b.loadBytes(panels, offset, VectorType::get(b.facts.lanes, b.getI8Type()));
    zeros.push_back(layout.offset
                        ? arith::ExtUIOp::create(b, b.intVectorType(), bytes).getResult()
                        : arith::ExtSIOp::create(b, b.intVectorType(), bytes).getResult());
  }
  // The first element, within x's row.
  Value first = b.sub(b.add(start, from), tile.start);
  Values sums = startSums(tile, zeros, first, length);
  // Stretches are whole words but for a row's last one.
  Value words = b.add(b.add(header, layout.headerBytes()),
                      b.mul(b.div(from, word.elements()), layout.wordBytes()));
  // Enough work in a loop's body to hide the loop; more than that gains nothing (measured).
  // Products in tiles are done so soon that twice as many are.
  int64_t steps = mma ? 8 : word.products >= 4 ? 32 / word.products : 4;
  int64_t unroll = word.elements() * (tile.streams ? 4 : llvm::divideCeil(steps, word.steps()));
  sums = b.forStretches(length, unroll, sums, [&](Value at, int64_t part, ValueRange carried) {
    Value offset = b.add(words, b.mul(b.div(at, word.elements()), layout.wordBytes()));
    return addProducts(tile, zeros, offset, b.add(first, at), part, carried);
  });

  Values next(totals);
  for (int64_t v = 0; v < tile.vectors; ++v) {
    Value ofColumns = loadScales(inPanel(tile, v, header, b.facts.lanes * layout.scaleBytes));
    Value scales = sideBySide(Values(static_cast<size_t>(tile.ofTotal()), ofColumns));
    for (int64_t group = 0; group < tile.groups(); ++group) {
      Value sum = sums[tile.at(0, group, v)];
      for (int64_t a = 1; a < tile.accumulators; ++a)
        sum = b.addi(sum, sums[tile.at(a, group, v)]);
      if (tile.ofTotal() < tile.together)
        sum = rowOf(sum, 0);
      Value factor = scales;
      if (xLayout && xLayout->group < layout.k) {
        factor = b.mulf(scales, rowScales(tile, group, b.div(first, xLayout->group)));
      } else if (!tile.inside.empty()) {
        Values ofRows;
        for (int64_t r : tile.rowsOf(group, tile.ofTotal()))
          ofRows.push_back(b.select(tile.inside[static_cast<size_t>(r)], ofColumns, b.splat(0)));
        factor = sideBySide(ofRows);
      }
      Value &total = next[tile.at(0, group, v)];
      total = b.fma(xLayout ? b.toFloat(sum) : sum, factor, total);
    }
  }
  return next;
}

Value QuantizedLinearEmitter::sideBySide(ValueRange ofRows) {
  if (ofRows.size() == 1)
    return ofRows[0];
  SmallVector<int64_t> places(static_cast<size_t>(mma.getM() * b.facts.lanes));
  for (int64_t i = 0; i < mma.getM(); ++i)
    for (int64_t lane = 0; lane < b.facts.lanes; ++lane)
      places[static_cast<size_t>(laneOfRow(i, lane))] = i * b.facts.lanes + lane;
  return b.shuffle(ofRows[0], ofRows[1], places);
}

Value QuantizedLinearEmitter::rowScales(const Tile &tile, int64_t group, Value stretch) {
  auto at = [&](int64_t row) {
    return scaleAt(b, *xLayout, tile.rows[static_cast<size_t>(row)], stretch);
  };
  if (isPaired() && tile.ofTotal() > 1) { // which stand one after the other
    Value both = b.loadBytes(x, at(2 * group), VectorType::get(2, b.getF32Type()));
    SmallVector<int64_t> places(static_cast<size_t>(mma.getM() * b.facts.lanes));
    for (int64_t i = 0; i < mma.getM(); ++i)
      for (int64_t lane = 0; lane < b.facts.lanes; ++lane)
        places[static_cast<size_t>(laneOfRow(i, lane))] = i;
    return b.shuffle(both, both, places);
  }
  Values ofRows;
  for (int64_t row : tile.rowsOf(group, tile.ofTotal())) {
    Value scale = b.loadScalarBytes(x, at(row), b.getF32Type());
    if (!tile.inside.empty())
      scale = b.select(tile.inside[static_cast<size_t>(row)], scale, b.scalar(0));
    ofRows.push_back(b.broadcast(scale));
  }
  return sideBySide(ofRows);
}

Values QuantizedLinearEmitter::partRows(const Tile &tile, ValueRange totals) {
  Values parted(static_cast<size_t>(tile.height * tile.vectors));
  for (int64_t row = 0; row < tile.height; ++row)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value total = totals[tile.at(0, row / tile.together, v)];
      parted[tile.ofRow(row, v)] = tile.ofTotal() > 1 ? rowOf(total, row % tile.together) : total;
    }
  return parted;
}

Values QuantizedLinearEmitter::startSums(const Tile &tile, ValueRange zeros, Value first,
                                         int64_t length) {
  Values sums(static_cast<size_t>(tile.accumulators * tile.groups() * tile.vectors),
              xLayout
                  ? b.splatInt(VectorType::get(b.facts.lanes * tile.together, b.getI32Type()), 0)
                  : b.splat(0));
  if (!xLayout || (zeros.empty() && layout.offset == 0))
    return sums;
  Value none = b.splatInt(b.intVectorType(), 0);
  Values starts(static_cast<size_t>(tile.height * tile.vectors)), offsets;
  for (Value zero : zeros)
    offsets.push_back(b.subi(none, b.shiftLeft(zero, layout.operandShift())));
  Value number = b.div(first, xLayout->sums);
  for (int64_t r = 0; r < tile.height; ++r) {
    Value base = sumAt(b, *xLayout, tile.rows[static_cast<size_t>(r)], number), sum;
    for (int64_t i = 0; i * xLayout->sums < length; ++i) {
      Value part = b.loadScalarBytes(x, b.add(base, xLayout->numberOffset(i)), b.getI32Type());
      sum = sum ? b.addi(sum, part) : part;
    }
    Value all = b.broadcastTo(b.intVectorType(), sum);
    Value offset =
        zeros.empty()
            ? b.subi(none, b.shiftLeft(all, llvm::Log2_64(static_cast<uint64_t>(layout.offset))))
            : Value();
    for (int64_t v = 0; v < tile.vectors; ++v)
      starts[tile.ofRow(r, v)] = offset ? offset : b.muli(offsets[static_cast<size_t>(v)], all);
  }
  for (int64_t group = 0; group < tile.groups(); ++group)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Values ofRows;
      for (int64_t row : tile.rowsOf(group, tile.together))
        ofRows.push_back(starts[tile.ofRow(row, v)]);
      sums[tile.at(0, group, v)] = sideBySide(ofRows);
    }
  return sums;
}

Value QuantizedLinearEmitter::unpack(Value words, int64_t step, Value zero) {
  // Within the elements of an operand, so that the last step needs no mask; the first one, where
  // an element is to be the upper bits.
  int64_t width = word.operandBits, upper = layout.operandShift();
  auto operand = b.packedType(word, width);
  if (xLayout && upper > 0) {
    Value value = b.shiftLeft(b.bitcast(words, operand), upper - step * word.bits);
    int64_t mask = -(int64_t{1} << upper);
    return step == 0 ? value : b.andi(value, b.splatInt(operand, mask));
  }
  Value value = b.shiftRight(b.bitcast(words, operand), step * word.bits);
  if (word.bits < width && (step + 1) * word.bits < width)
    value = b.andi(value, b.splatInt(operand, (int64_t{1} << word.bits) - 1));
  if (xLayout)
    return value;
  if (!zero)
    zero = b.splatInt(b.intVectorType(), layout.offset);
  return b.toFloat(b.subi(value, zero));
}

Value QuantizedLinearEmitter::rowsOperand(const Tile &tile, int64_t group, Value first, int64_t i,
                                          int64_t length, Values &loaded) {
  int64_t k = word.products, bytes = xLayout->elementBytes;
  auto loadAt = [&](int64_t row, int64_t elements) {
    // Steps are whole parts of pairs.
    Value offset = b.mul(b.add(first, i), xLayout->pairs == 0 ? bytes : 2 * bytes);
    return b.loadBytes(x, b.add(tile.rows[static_cast<size_t>(row)].elements, offset),
                       VectorType::get(elements, b.intType(dot.getBits())));
  };
  auto repeated = [&](ArrayRef<int64_t> starts) {
    SmallVector<int64_t> elements;
    for (int64_t tiles = b.facts.lanes / mma.getN(), t = 0; t < tiles; ++t)
      for (int64_t start : starts)
        llvm::append_range(elements, llvm::seq(start, start + k));
    return elements;
  };
  if (isPaired()) {
    Value both = loadAt(2 * group, 2 * k);
    return b.shuffle(both, both, repeated({0, k}));
  }
  // A vector of each row where the stretch has whole ones and rows stand alone, else a step's.
  int64_t wide = b.facts.lanes * 4 / bytes;
  int64_t block = length % wide == 0 && xLayout->pairs == 0 ? wide : k;
  SmallVector<int64_t> rows = tile.rowsOf(group, together());
  for (int64_t row : rows)
    if (i % block == 0)
      loaded[static_cast<size_t>(row)] = loadAt(row, block);
  return b.shuffle(loaded[static_cast<size_t>(rows[0])], loaded[static_cast<size_t>(rows[1])],
                   repeated({i % block, block + i % block}));
}

Value QuantizedLinearEmitter::weights(const Tile &tile, ValueRange zeros, Value words, int64_t i,
                                      int64_t v, Values &raw) {
  int64_t each = word.elements();
  Value &vector = raw[static_cast<size_t>(v)];
  if (i % each == 0)
    vector = b.loadBytes(
        panels,
        inPanel(tile, v, b.add(words, i / each * layout.wordBytes()), b.facts.lanes * word.bytes()),
        b.wordsType(word));
  return unpack(vector, i % each / word.products,
                zeros.empty() ? Value() : zeros[static_cast<size_t>(v)]);
}

Values QuantizedLinearEmitter::addTileProducts(const Tile &tile, ValueRange zeros, Value words,
                                               Value first, int64_t length, ValueRange sums) {
  Values next(sums), raw(static_cast<size_t>(tile.vectors)), loaded(tile.rows.size());
  for (int64_t i = 0, number = 0; i < length; i += word.products, ++number) {
    Values operands;
    for (int64_t group = 0; group < tile.groups(); ++group)
      operands.push_back(rowsOperand(tile, group, first, i, length, loaded));
    // Sums fill the registers: a vector of weights after the other.
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value weight = weights(tile, zeros, words, i, v, raw);
      for (int64_t group = 0; group < tile.groups(); ++group) {
        Value &sum = next[tile.at(number % tile.accumulators, group, v)];
        sum = b.mma(mma, sum, operands[static_cast<size_t>(group)], weight);
      }
    }
  }
  return next;
}

Values QuantizedLinearEmitter::addProducts(const Tile &tile, ValueRange zeros, Value words,
                                           Value first, int64_t length, ValueRange sums) {
  if (tile.streams)
    prefetch(tile, words, llvm::divideCeil(length, word.elements()) * layout.wordBytes());
  if (mma)
    return addTileProducts(tile, zeros, words, first, length, sums);
  Values next(sums), raw(static_cast<size_t>(tile.vectors)), lanes(tile.rows.size());
  int64_t block = laneBlock() > 0 && length % laneBlock() == 0 ? laneBlock() : 0;
  int64_t lhsBits = word.operandBits == 8 && layout.offset ? word.bits : 0;
  for (int64_t i = 0, number = 0; i < length; i += word.products, ++number) {
    Values operands;
    for (int64_t v = 0; v < tile.vectors; ++v)
      operands.push_back(weights(tile, zeros, words, i, v, raw));
    for (int64_t r = 0; r < tile.height; ++r) {
      Value base = tile.rows[static_cast<size_t>(r)].elements, element = b.add(first, i), operand;
      if (xLayout) {
        Value offset = b.add(base, b.mul(element, xLayout->elementBytes));
        Value &loaded = lanes[static_cast<size_t>(r)];
        if (block > 0 && i % block == 0)
          loaded = b.loadBytes(x, offset, b.wordsType(word));
        operand = block > 0 ? b.repeatLane(loaded, i % block / word.products, word)
                            : b.broadcastWord(x, offset, word, 8 * xLayout->elementBytes);
      } else {
        operand = b.loadBroadcast(x, {base, element});
      }
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value weight = operands[static_cast<size_t>(v)];
        Value &sum = next[tile.at(number % tile.accumulators, r, v)];
        sum = xLayout ? b.dot(dot, sum, weight, operand, lhsBits) : b.fma(operand, weight, sum);
      }
    }
  }
  return next;
}

/// The layout of panels whose rows are whole vectors; nothing, and an error, if they are not.
static std::optional<plan::PanelLayout> layoutOf(StepKernel &k, Operation *op,
                                                 RankedTensorType panels) {
  std::optional<plan::PanelLayout> layout = plan::PanelLayout::of(panels);
  if (layout && layout->rows % k.b.facts.lanes == 0)
    return layout;
  op->emitError() << "expected panels of a multiple of " << k.b.facts.lanes << " rows, found "
                  << panels;
  return std::nullopt;
}

LogicalResult kernels::emitQuantizedLinear(StepKernel &k, plan::LinearOp op) {
  std::optional<plan::PanelLayout> layout = layoutOf(k, op, op.getPanels().getType());
  return layout ? QuantizedLinearEmitter(k, LinearLayer(op), *layout).emit() : failure();
}

LogicalResult kernels::emitQuantizedExpertLinear(StepKernel &k, plan::ExpertLinearOp op) {
  std::optional<plan::PanelLayout> layout = layoutOf(k, op, op.getPanels().getType());
  return layout ? QuantizedLinearEmitter(k, LinearLayer(op), *layout).emitExperts(op) : failure();
}
