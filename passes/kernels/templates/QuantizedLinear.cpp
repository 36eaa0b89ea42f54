// clang-format off
// y = x * panels + bias over panels of quantized weights (PanelLayout), then the fused chain.
//
// For each group of weights, and each stretch within it:
//   integer x:  sum = sum_k (w - zero) * x  in i32, which starts at -zero * (sum of x); w and zero
//               as they are stored, so that without zeros and an offset it starts at 0
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
// side are the other operand: a row that is alone stands there twice. Their sums come as 2 x 2 tiles
// and are parted at the end of a stretch. Where x has rows side by side in memory (RowLayout), an
// operand is one load, and tiles are many rows by one vector of a panel: what unpacks a vector of
// weights is shared by all of them. With gather, or where rows stand alone, an operand is put together
// of two loads, and tiles are a few rows by a whole panel, for which that is done once.
// clang-format on
#include "compiler/dialect/plan/Layouts.h"
#include "passes/kernels/templates/LinearTiles.h"
#include "passes/kernels/templates/Quantize.h"
#include "passes/kernels/templates/Templates.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {

constexpr int64_t kMostSums = 32; // of x in a stretch

class QuantizedLinearEmitter : LinearTiles {
public:
  QuantizedLinearEmitter(StepKernel &k, plan::LinearOp op, const plan::PanelLayout &layout)
      : LinearTiles(k, op, layout.panels(), layout.rows), op(op), layout(layout),
        xLayout(plan::RowLayout::of(op.getX().getType())), word(layout.word),
        dot(cast<plan::PanelsAttr>(op.getPanels().getType().getEncoding()).getDot()),
        mma(xLayout ? plan::mmaFor(k.b.facts.target, dot) : plan::MmaAttr()),
        panels(k.buffer(op.getPanels())), x(k.buffer(op.getX())) {}

  LogicalResult emit();

private:
  LogicalResult chooseStretch();
  TileLimits tileLimits() const;
  /// Whether rows of a tile stand side by side in x.
  bool isPaired() const { return mma && xLayout->pairs == mma.getK() && !gather; }
  /// Elements of x that one load brings, of which each word is an operand by its lane; 0: words are
  /// loaded one by one.
  int64_t laneBlock() const {
    bool isWhole = xLayout && 8 * xLayout->elementBytes == word.operandBits;
    return b.facts.laneOperands && isWhole && !mma ? b.facts.lanes * word.products : 0;
  }
  /// Rows that one product takes.
  int64_t together() const { return mma ? mma.getM() : 1; }
  /// Of a vector of weights' sums for as many rows.
  VectorType sumsType() const {
    return VectorType::get(b.facts.lanes * together(), b.getI32Type());
  }

  /// A register tile in the making: sums of `rows` rows, as many as a product takes at a time, by
  /// vectors of weights, for each of these the `vectors` of each panel.
  struct Tile {
    Values rows;   // where each row's elements begin: bytes in x, or the row, when x is of floats
    Values heads;  // of each row, what its scales and sums are behind; none when x is of floats
    Values inside; // of each row, whether it is no padding; empty: none is
    Value start;   // k of the rows' first element
    Values panels; // bytes
    Value first;   // vector of the panel; null: 0
    bool streams = false;
    int64_t vectors = 1;      // of all panels
    int64_t ofPanel = 1;      // vectors
    int64_t accumulators = 1; // for each sum
    int64_t together = 1;     // rows
    int64_t height() const { return static_cast<int64_t>(rows.size()); }
    int64_t groups() const { return llvm::divideCeil(height(), together); }
    /// Of the sums of a group of rows.
    size_t at(int64_t accumulator, int64_t group, int64_t vector) const {
      return static_cast<size_t>((accumulator * groups() + group) * vectors + vector);
    }
    /// Of what each row has.
    size_t ofRow(int64_t row, int64_t vector) const {
      return static_cast<size_t>(row * vectors + vector);
    }
  };
  Values multiply(Value row, int64_t height, const Span &span);
  Values addGroups(const Tile &tile, ValueRange totals);
  /// Adds the products of [from, from + length) of the group whose header is at `header` bytes in a
  /// panel and whose first element is k = `start` to `totals`.
  Values addStretch(const Tile &tile, Value header, Value start, Value from, int64_t length,
                    ValueRange totals);
  Values startSums(const Tile &tile, ValueRange zeros, Value first, int64_t length);
  /// The sums of each row, by row and vector.
  Values partRows(const Tile &tile, ValueRange sums);
  /// Which lane of a group's sums belongs to `lane` of its row `i`.
  int64_t laneOfRow(int64_t i, int64_t lane) const {
    return (lane / mma.getN() * mma.getM() + i) * mma.getN() + lane % mma.getN();
  }
  Values addProducts(const Tile &tile, ValueRange zeros, Value words, Value first, int64_t length,
                     ValueRange sums);
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

  plan::LinearOp op;
  plan::PanelLayout layout;
  std::optional<plan::RowLayout> xLayout; // nullopt: x is of floats
  plan::WordLayout word;
  plan::DotAttr dot;
  plan::MmaAttr mma; // null: a row at a time is multiplied, by `dot`
  Value panels, x;
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
  int64_t most = std::numeric_limits<int32_t>::max() / (weight * activation);
  int64_t unit = std::lcm(xLayout->sums, word.elements());
  // No more sums than can be added one by one.
  if (int64_t longest = std::min(most, kMostSums * unit); stretch > longest)
    stretch = longest / unit * unit;
  bool divides = stretch % unit == 0 && (layout.group >= length || layout.group % unit == 0);
  if (stretch == 0 || (stretch < length && !divides))
    return op.emitError() << "expected sums over a divisor of every stretch of at most " << most
                          << " elements that share a scale, and whole words, found "
                          << op.getX().getType() << " and " << op.getPanels().getType();
  return success();
}

LinearTiles::TileLimits QuantizedLinearEmitter::tileLimits() const {
  if (mma) {
    // A vector of weights at a time: its words, a mask, an operand; and an operand of x, or two and
    // what they come of.
    int64_t wide = dot.getK() * dot.getBits() / 32;
    int64_t others = word.steps() > 1 ? 2 * wide + 1 : wide;
    int64_t across = isPaired() ? 1 : vectors;
    int64_t ofGroup = together() * across + (isPaired() ? 0 : 4);
    int64_t groups = b.facts.accumulators(others + (isPaired() ? 2 : 0)) / ofGroup;
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

LogicalResult QuantizedLinearEmitter::emit() {
  if (xLayout && xLayout->pairs != 0 && (!mma || xLayout->pairs != mma.getK()))
    return op.emitError()
           << "expected rows in pairs of as many elements as a product in tiles has, found "
           << op.getX().getType();
  if (failed(chooseStretch()))
    return failure();
  auto tile = [&](Value row, int64_t height, const Span &span) {
    return multiply(row, height, span);
  };
  // Chains of floats may not be split among accumulators, so two panels' overlap.
  if (rows == 1)
    emitOneRow(xLayout ? 1 : 2, tile);
  else
    emitManyRows(tileLimits(), xLayout ? parts * xLayout->rowBytes() : layout.k * 4, tile);
  return success();
}

Values QuantizedLinearEmitter::multiply(Value row, int64_t height, const Span &span) {
  Tile tile;
  tile.streams = rows == 1;
  tile.first = span.first;
  tile.ofPanel = span.vectors;
  tile.vectors = span.side * span.vectors;
  tile.together = together();
  if (xLayout)
    tile.accumulators =
        llvm::divideCeil(b.facts.dotsInFlight,
                         tile.together * llvm::divideCeil(height, tile.together) * tile.vectors);
  for (int64_t p = 0; p < span.side; ++p)
    tile.panels.push_back(b.mul(b.add(span.panel, p), layout.panelBytes()));

  Values totals(static_cast<size_t>(height * tile.vectors), b.splat(0));
  totals = overParts(row, height, totals, [&](const Part &part, ValueRange carried) {
    tile.start = part.start;
    tile.inside = part.inside;
    tile.rows.clear();
    tile.heads.clear();
    for (Value from : part.rows) {
      RowPlace place = xLayout ? placeOf(b, *xLayout, from) : RowPlace{from, {}};
      tile.rows.push_back(place.elements);
      tile.heads.push_back(place.head);
    }
    return addGroups(tile, carried);
  });
  if (!xLayout || xLayout->group < layout.k)
    return totals;
  for (int64_t r = 0; r < height; ++r) {
    Value offset = b.add(tile.heads[static_cast<size_t>(r)], xLayout->scalesOffset());
    Value scale = b.broadcast(b.loadScalarBytes(x, offset, b.getF32Type()));
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
  if (layout.scaleBytes == 4)
    return b.loadBytes(panels, offset, b.vectorType());
  return b.extend(b.loadBytes(panels, offset, VectorType::get(b.facts.lanes, b.getF16Type())));
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
  int64_t steps = word.products >= 4 ? 32 / word.products : 4;
  int64_t unroll = word.elements() * (tile.streams ? 4 : llvm::divideCeil(steps, word.steps()));
  sums = b.forStretches(length, unroll, sums, [&](Value at, int64_t part, ValueRange carried) {
    Value offset = b.add(words, b.mul(b.div(at, word.elements()), layout.wordBytes()));
    return addProducts(tile, zeros, offset, b.add(first, at), part, carried);
  });

  sums = partRows(tile, sums);
  Values next(totals);
  for (int64_t v = 0; v < tile.vectors; ++v) {
    Value scale = loadScales(inPanel(tile, v, header, b.facts.lanes * layout.scaleBytes));
    for (int64_t r = 0; r < tile.height(); ++r) {
      Value sum = sums[tile.ofRow(r, v)];
      Value factor = scale;
      if (xLayout && xLayout->group < layout.k) {
        Value group = b.div(first, xLayout->group);
        Value offset = b.add(b.add(tile.heads[static_cast<size_t>(r)], b.mul(group, 4)),
                             xLayout->scalesOffset());
        Value rowScale = b.loadScalarBytes(x, offset, b.getF32Type());
        if (!tile.inside.empty())
          rowScale = b.select(tile.inside[static_cast<size_t>(r)], rowScale, b.scalar(0));
        factor = b.mulf(scale, b.broadcast(rowScale));
      } else if (!tile.inside.empty()) {
        factor = b.select(tile.inside[static_cast<size_t>(r)], scale, b.splat(0));
      }
      Value &total = next[tile.ofRow(r, v)];
      total = b.fma(xLayout ? b.toFloat(sum) : sum, factor, total);
    }
  }
  return next;
}

Values QuantizedLinearEmitter::partRows(const Tile &tile, ValueRange sums) {
  Values parted(static_cast<size_t>(tile.height() * tile.vectors));
  for (int64_t group = 0; group < tile.groups(); ++group)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value sum = sums[tile.at(0, group, v)];
      for (int64_t a = 1; a < tile.accumulators; ++a)
        sum = b.addi(sum, sums[tile.at(a, group, v)]);
      if (!mma) {
        parted[tile.ofRow(group, v)] = sum;
        continue;
      }
      for (int64_t i = 0; i < mma.getM() && group * mma.getM() + i < tile.height(); ++i) {
        SmallVector<int64_t> ofRow;
        for (int64_t lane = 0; lane < b.facts.lanes; ++lane)
          ofRow.push_back(laneOfRow(i, lane));
        parted[tile.ofRow(group * mma.getM() + i, v)] = b.shuffle(sum, sum, ofRow);
      }
    }
  return parted;
}

Values QuantizedLinearEmitter::startSums(const Tile &tile, ValueRange zeros, Value first,
                                         int64_t length) {
  Values sums(static_cast<size_t>(tile.accumulators * tile.groups() * tile.vectors),
              xLayout ? b.splatInt(sumsType(), 0) : b.splat(0));
  if (!xLayout || (zeros.empty() && layout.offset == 0))
    return sums;
  Value none = b.splatInt(b.intVectorType(), 0);
  Values starts(static_cast<size_t>(tile.height() * tile.vectors)), offsets;
  for (Value zero : zeros)
    offsets.push_back(b.subi(none, zero));
  Value at = b.add(b.mul(b.div(first, xLayout->sums), 4), xLayout->sumsOffset());
  for (int64_t r = 0; r < tile.height(); ++r) {
    Value base = b.add(tile.heads[static_cast<size_t>(r)], at), sum;
    for (int64_t i = 0; i * xLayout->sums < length; ++i) {
      Value part = b.loadScalarBytes(x, b.add(base, 4 * i), b.getI32Type());
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
  if (!mma) {
    llvm::copy(starts, sums.begin());
    return sums;
  }
  // Side by side, as the sums of both rows are.
  SmallVector<int64_t> places(static_cast<size_t>(2 * b.facts.lanes));
  for (int64_t i : {0, 1})
    for (int64_t lane = 0; lane < b.facts.lanes; ++lane)
      places[static_cast<size_t>(laneOfRow(i, lane))] = i * b.facts.lanes + lane;
  for (int64_t group = 0; group < tile.groups(); ++group)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      int64_t second = std::min(2 * group + 1, tile.height() - 1);
      sums[tile.at(0, group, v)] =
          b.shuffle(starts[tile.ofRow(2 * group, v)], starts[tile.ofRow(second, v)], places);
    }
  return sums;
}

Value QuantizedLinearEmitter::unpack(Value words, int64_t step, Value zero) {
  // Within the elements of an operand, so that the last step needs no mask.
  int64_t width = word.operandBits;
  auto operand = b.packedType(word, width);
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
    return b.loadBytes(x, b.add(tile.rows[static_cast<size_t>(row)], offset),
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
  int64_t rows[2] = {2 * group, std::min(2 * group + 1, tile.height() - 1)};
  for (int64_t row : rows)
    if (i % block == 0)
      loaded[static_cast<size_t>(row)] = loadAt(row, block);
  return b.shuffle(loaded[static_cast<size_t>(rows[0])], loaded[static_cast<size_t>(rows[1])],
                   repeated({i % block, block + i % block}));
}

Values QuantizedLinearEmitter::addProducts(const Tile &tile, ValueRange zeros, Value words,
                                           Value first, int64_t length, ValueRange sums) {
  Values next(sums);
  int64_t each = word.elements();
  if (tile.streams)
    prefetch(tile, words, llvm::divideCeil(length, each) * layout.wordBytes());
  Values raw(static_cast<size_t>(tile.vectors)), lanes(tile.rows.size());
  int64_t block = laneBlock() > 0 && length % laneBlock() == 0 ? laneBlock() : 0;
  int64_t lhsBits = word.operandBits == 8 && layout.offset ? word.bits : 0;
  for (int64_t i = 0, number = 0; i < length; i += word.products, ++number) {
    auto weights = [&](int64_t v) {
      Value &vector = raw[static_cast<size_t>(v)];
      if (i % each == 0)
        vector = b.loadBytes(panels,
                             inPanel(tile, v, b.add(words, i / each * layout.wordBytes()),
                                     b.facts.lanes * word.bytes()),
                             b.wordsType(word));
      return unpack(vector, i % each / word.products,
                    zeros.empty() ? Value() : zeros[static_cast<size_t>(v)]);
    };
    auto sumAt = [&](int64_t group, int64_t v) -> Value & {
      return next[tile.at(number % tile.accumulators, group, v)];
    };
    if (mma) {
      // Sums fill the registers: a vector of weights after the other.
      Values operands;
      for (int64_t group = 0; group < tile.groups(); ++group)
        operands.push_back(rowsOperand(tile, group, first, i, length, lanes));
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value weight = weights(v);
        for (int64_t group = 0; group < tile.groups(); ++group)
          sumAt(group, v) =
              b.mma(mma, sumAt(group, v), operands[static_cast<size_t>(group)], weight);
      }
      continue;
    }
    Values operands;
    for (int64_t v = 0; v < tile.vectors; ++v)
      operands.push_back(weights(v));
    for (int64_t r = 0; r < tile.height(); ++r) {
      Value base = tile.rows[static_cast<size_t>(r)], element = b.add(first, i), operand;
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
        Value &sum = sumAt(r, v);
        sum = xLayout ? b.dot(dot, sum, weight, operand, lhsBits) : b.fma(operand, weight, sum);
      }
    }
  }
  return next;
}

LogicalResult kernels::emitQuantizedLinear(StepKernel &k, plan::LinearOp op) {
  std::optional<plan::PanelLayout> layout = plan::PanelLayout::of(op.getPanels().getType());
  if (!layout || layout->rows % k.b.facts.lanes != 0)
    return op.emitError() << "expected panels of a multiple of " << k.b.facts.lanes
                          << " rows, found " << op.getPanels().getType();
  return QuantizedLinearEmitter(k, op, *layout).emit();
}
