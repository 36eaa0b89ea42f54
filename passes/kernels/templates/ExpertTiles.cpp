#include "passes/kernels/templates/ExpertTiles.h"

#include <algorithm>

using namespace mlir;
using namespace bluec;
using namespace bluec::kernels;

namespace {
/// Places that are put in order at a time, at most: they stand on the stack.
constexpr int64_t kMostPlaces = 16 * 1024;
constexpr int64_t kNumberBytes = 4;
} // namespace

ExpertTiles::ExpertTiles(StepKernel &k, plan::ExpertLinearOp op, int64_t panelRows)
    : k(k), b(k.b), isSum(op.isSum()), routingType(op.getRouting().getType()),
      routing(k.buffer(op.getRouting())), bias(op.getBias() ? k.buffer(op.getBias()) : Value()),
      rows(rowShape(routingType).rows), experts(op.getNumExperts()), places(op.getPlaces()),
      panelRows(panelRows), vectors(panelRows / k.b.facts.lanes),
      ofExpert(k.shape().cols / panelRows),
      blockRows(std::clamp<int64_t>(kMostPlaces / places, 1, rows)) {}

Value ExpertTiles::loadNumber(Value at) {
  Value number = b.loadScalarBytes(scratch, b.mul(at, kNumberBytes), b.getI32Type());
  return arith::IndexCastOp::create(b, b.getIndexType(), number);
}
void ExpertTiles::storeNumber(Value number, Value at) {
  Value narrow = arith::IndexCastOp::create(b, b.getI32Type(), number);
  b.storeScalarBytes(narrow, scratch, b.mul(at, kNumberBytes));
}

void ExpertTiles::forVectors(Value column, function_ref<void(int64_t, Value)> body) {
  for (int64_t v = 0; v < vectors; ++v)
    body(v, b.add(column, v * b.facts.lanes));
}

void ExpertTiles::emit(int64_t height, Multiply multiply) {
  k.tasks = k.constantExpr(ofExpert);
  // One number more: each place is written before it is known to be one.
  scratch = b.scratchBytes((blockRows + experts + 1 + blockRows * places + 1) * kNumberBytes);
  Value valid = k.validRows(routingType);
  auto block = [&](Value first, Value end) {
    sortPlaces(first, end);
    b.loop(k.begin, k.end, 1, [&](Value task) {
      Value column = b.mul(task, panelRows);
      clear(first, end, column);
      b.loop(b.index(0), b.index(experts), 1,
             [&](Value expert) { multiplyExpert(expert, task, std::min(height, rows), multiply); });
      if (k.hasChain())
        finish(first, end, column);
    });
  };
  if (blockRows == rows)
    return block(b.index(0), valid);
  b.loop(b.index(0), valid, blockRows,
         [&](Value first) { block(first, b.minimum(b.add(first, blockRows), valid)); });
}

void ExpertTiles::sortPlaces(Value first, Value end) {
  b.loop(first, end, 1, [&](Value row) { storeNumber(b.index(0), b.sub(row, first)); });
  Values all{b.index(0)};
  all =
      b.loop(b.index(0), b.index(experts), 1, all, [&](Value expert, ValueRange before) -> Values {
        storeNumber(before[0], startAt(expert));
        return b.loop(first, end, 1, before, [&](Value row, ValueRange carried) -> Values {
          Value usedAt = b.sub(row, first), used = loadNumber(usedAt);
          Value share = b.loadScalar(routing, {row, expert});
          Value isOne =
              b.andi(arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, share, b.scalar(0)),
                     b.less(used, b.index(places)));
          Value one = b.select(isOne, b.index(1), b.index(0));
          storeNumber(b.add(b.mul(row, places), used), orderAt(carried[0]));
          storeNumber(b.add(used, one), usedAt);
          return {b.add(carried[0], one)};
        });
      });
  storeNumber(all[0], startAt(b.index(experts)));
}

void ExpertTiles::clear(Value first, Value end, Value column) {
  auto zero = [&](Value row) {
    forVectors(column, [&](int64_t, Value col) { b.store(b.splat(0), k.result, {row, col}, {}); });
  };
  b.loop(first, end, 1, [&](Value row) {
    if (isSum)
      return zero(row);
    b.loop(loadNumber(b.sub(row, first)), b.index(places), 1,
           [&](Value place) { zero(b.add(b.mul(row, places), place)); });
  });
}

void ExpertTiles::multiplyExpert(Value expert, Value task, int64_t height, Multiply multiply) {
  Value panel = b.add(b.mul(expert, ofExpert), task), column = b.mul(task, panelRows);
  Value from = loadNumber(startAt(expert)), to = loadNumber(startAt(b.add(expert, 1)));
  b.loop(from, to, height, [&](Value at) {
    auto tile = [&](int64_t rowsOfTile) {
      multiplyTile(expert, panel, column, at, to, rowsOfTile, multiply);
    };
    // Few rows left: most of a whole tile would be of no use.
    int64_t low = height / 2;
    if (low == 0)
      return tile(height);
    Value left = b.sub(to, at);
    b.ifThen(b.less(left, b.index(low + 1)), [&] { tile(low); });
    b.ifThen(b.less(b.index(low), left), [&] { tile(height); });
  });
}

void ExpertTiles::multiplyTile(Value expert, Value panel, Value column, Value at, Value end,
                               int64_t height, Multiply multiply) {
  // Where there are fewer, the last one stands for those that are not there.
  Values numbers, ofRows;
  TileRows tile;
  tile.height = height;
  Value last = b.sub(end, b.index(1));
  for (int64_t i = 0; i < height; ++i) {
    numbers.push_back(loadNumber(orderAt(i == 0 ? at : b.minimum(b.add(at, i), last))));
    ofRows.push_back(b.div(numbers.back(), places));
  }
  tile.first = isSum ? numbers[0] : ofRows[0];
  tile.each = isSum ? numbers : ofRows;
  Values products = multiply(tile, panel);
  Values biases;
  forVectors(column, [&](int64_t, Value col) {
    if (bias)
      biases.push_back(b.load(bias, {expert, col}, {}));
  });
  for (int64_t i = 0; i < height; ++i) {
    auto i2 = static_cast<size_t>(i);
    auto store = [&] {
      Value row = isSum ? ofRows[i2] : numbers[i2];
      Value share = isSum ? b.loadBroadcast(routing, {row, expert}) : Value();
      forVectors(column, [&](int64_t v, Value col) {
        Value product = products[static_cast<size_t>(i * vectors + v)];
        if (bias)
          product = b.addf(product, biases[static_cast<size_t>(v)]);
        if (isSum)
          product = b.fma(share, product, b.load(k.result, {row, col}, {}));
        b.store(product, k.result, {row, col}, {});
      });
    };
    i == 0 ? store() : b.ifThen(b.less(b.add(at, i), end), store);
  }
}

void ExpertTiles::finish(Value first, Value end, Value column) {
  int64_t perRow = isSum ? 1 : places;
  b.loop(b.mul(first, perRow), b.mul(end, perRow), 1, [&](Value row) {
    forVectors(column, [&](int64_t, Value col) {
      k.finish(b.load(k.result, {row, col}, {}), row, {col, {}});
    });
  });
}
