// The INT8 KV cache and attention over it: what stands in the cache to the byte, rows against plain
// softmax over what the cache means, and the same bits however a conversation is cut.
//
// How far a row may be from plain softmax over the same integers (the query's, the keys', the
// values'): in a stretch of positions the weights p[j] vs[j] become integers in steps of their
// largest over 255 (operands of i8, unsigned), 127 (signed) or 32767 (wider), half a step off at
// most, after a polynomial with a relative error of 1.1e-4 or 3e-6 and scores of a relative error
// of some 2^-23. So
//   |y - plain| <= (sum over stretches (max p vs / M / 2 sum |vi|) + e sum p |v|) / sum p
// with e twice the relative error, once for the numerator and once for the denominator.
#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/blue/BlueEvaluators.h"
#include "tests/conformance/CacheBytes.h"
#include "tests/conformance/Checks.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>

using namespace bluec::conformance;

namespace {

std::string number(int64_t value) { return std::to_string(value); }

struct Geometry {
  int64_t heads, kvHeads, dims, context, block;
  int64_t queryCols() const { return heads * dims; }
  int64_t kvCols() const { return kvHeads * dims; }
  CacheBytes cache(bool keys, int64_t dotBits, const LayoutFacts &facts) const {
    return {keys, kvHeads, dims, context, block, dotBits, facts};
  }
};

using Bytes = std::vector<uint8_t>;

Bytes bytesOf(const Data &data) {
  Bytes bytes(4 * data.size());
  std::memcpy(bytes.data(), data.data(), bytes.size());
  return bytes;
}

/// blue.quantize for one head: its scale, and the integers.
float quantize(const float *x, int64_t count, int64_t most, bool half, std::vector<int64_t> &ints) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(x[i]));
  float scale = largest / static_cast<float>(most);
  if (half)
    scale = bluec::reference::halfToFloat(bluec::reference::floatToHalf(std::min(scale, 65504.0f)));
  ints.clear();
  for (int64_t i = 0; i < count; ++i) {
    float q = scale == 0 ? 0 : std::nearbyint(x[i] / scale);
    ints.push_back(
        static_cast<int64_t>(std::clamp(q, -static_cast<float>(most), static_cast<float>(most))));
  }
  return scale;
}

/// Writes row `row` of `data` at `position`.
void append(Bytes &bytes, const CacheBytes &cache, const Data &data, int64_t row,
            int64_t position) {
  std::vector<int64_t> ints;
  for (int64_t head = 0; head < cache.heads; ++head) {
    const float *x = data.data() + (row * cache.heads + head) * cache.dims;
    uint16_t scale = bluec::reference::floatToHalf(quantize(x, cache.dims, 127, true, ints));
    std::memcpy(&bytes[static_cast<size_t>(cache.scale(head, position))], &scale, 2);
    auto each = static_cast<size_t>(cache.inWords());
    if (cache.keys) // dims that fill the last word
      ints.resize((ints.size() + each - 1) / each * each, 0);
    for (size_t d = 0; d < ints.size(); ++d)
      bytes[static_cast<size_t>(cache.element(head, position, static_cast<int64_t>(d)))] =
          static_cast<uint8_t>(ints[d] + cache.offset());
  }
}

class Case {
public:
  Case(const Geometry &g, int64_t dotBits, double scale, const LayoutFacts &facts)
      : g(g), dotBits(dotBits), scale(scale), keys(g.cache(true, dotBits, facts)),
        values(g.cache(false, dotBits, facts)) {}
  /// The type of products as the plain evaluator has it: wider dots stand for narrower ones.
  int64_t computeBits() const { return keys.mostQuery() == 127 ? 8 : 16; }

  StepText append(const std::string &entry, const CacheBytes &cache, int64_t rows) const {
    Shape x = {rows, g.kvCols()};
    Operand operand = cache.operand();
    return {entry,
            rows,
            {{Place::Input, "x", x}, operand},
            std::string("    plan.append_") + (cache.keys ? "keys" : "values") + " %a0 into %a1" +
                (how.ringOf ? " {ring}" : "") + " : " + tensorText(x) + ", " + typeText(operand) +
                "\n    plan.yield",
            {}};
  }
  StepText attend(const std::string &entry, int64_t rows) const {
    return attentionStep(entry, rows, g.heads, scale, keys, values, how);
  }

  struct Expected {
    std::vector<double> rows, bounds;
  };
  /// Plain softmax over what the caches hold; row t of `q` sees positions 0 .. first + t, or the
  /// last ones of these.
  Expected reference(const Data &q, const Bytes &keyBytes, const Bytes &valueBytes, int64_t first,
                     int64_t count) const;

  Geometry g;
  int64_t dotBits;
  double scale;
  CacheBytes keys, values;
  Scores how;
  Data sinks; // by head
  Data basis; // by key head, term and dim
  Data table; // by term and position
};

Case::Expected Case::reference(const Data &q, const Bytes &keyBytes, const Bytes &valueBytes,
                               int64_t first, int64_t count) const {
  auto scaleAt = [](const CacheBytes &layout, const Bytes &bytes, int64_t head, int64_t position) {
    uint16_t half;
    std::memcpy(&half, &bytes[static_cast<size_t>(layout.scale(head, position))], 2);
    return static_cast<double>(bluec::reference::halfToFloat(half));
  };
  auto most = static_cast<double>(keys.mostWeight());
  double polynomial = computeBits() == 8 ? 1.1e-4 : 3.5e-6;
  Expected expected;
  std::vector<int64_t> ints;
  for (int64_t t = 0; t < count; ++t)
    for (int64_t h = 0; h < g.heads; ++h) {
      int64_t kv = h / (g.heads / g.kvHeads), seen = first + t + 1;
      double queryScale = static_cast<double>(quantize(q.data() + t * g.queryCols() + h * g.dims,
                                                       g.dims, keys.mostQuery(), false, ints));
      std::vector<double> weights;
      int64_t from0 = how.window ? std::max<int64_t>(0, seen - how.window) : 0;
      double sink = how.sinks ? sinks[static_cast<size_t>(h)] : -1e300;
      double largest = sink, size = how.sinks ? std::fabs(sink) : 0, total = 0;
      // The query's products with the basis, and what they are sums of.
      std::vector<double> products, magnitudes;
      for (int64_t n = 0; n < how.terms; ++n) {
        products.push_back(0);
        magnitudes.push_back(0);
        for (int64_t d = 0; d < g.dims; ++d) {
          double product = double(q[static_cast<size_t>(t * g.queryCols() + h * g.dims + d)]) *
                           double(basis[static_cast<size_t>((kv * how.terms + n) * g.dims + d)]);
          products.back() += product;
          magnitudes.back() += std::fabs(product);
        }
      }
      for (int64_t j = 0; j < seen; ++j) {
        if (j < from0) {
          weights.push_back(-1e300);
          continue;
        }
        int64_t dot = 0;
        for (int64_t d = 0; d < g.dims; ++d)
          dot += ints[static_cast<size_t>(d)] * keys.elementAt(keyBytes, keys.element(kv, j, d));
        double score =
            scale * queryScale * scaleAt(keys, keyBytes, kv, j) * static_cast<double>(dot);
        for (int64_t n = 0; n < how.terms; ++n) {
          auto at = static_cast<double>(table[static_cast<size_t>(n * g.context + j)]);
          score += scale * products[static_cast<size_t>(n)] * at;
          size = std::max(size, scale * magnitudes[static_cast<size_t>(n)] * std::fabs(at));
        }
        weights.push_back(how.softcap != 0 ? how.softcap * std::tanh(score / how.softcap) : score);
        largest = std::max(largest, weights.back());
        size = std::max(size, std::fabs(weights.back()));
      }
      for (double &weight : weights)
        total += weight = std::exp(weight - largest);
      if (how.sinks)
        total += std::exp(sink - largest);
      // A score's roundings, and those of the maxima that it meets, as a factor of its weight.
      double relative = polynomial + 6e-7 * (1 + size);
      for (int64_t d = 0; d < g.dims; ++d) {
        double sum = 0, steps = 0, magnitude = 0;
        for (int64_t from = 0; from < seen; from += g.block) {
          double top = 0, integers = 0;
          for (int64_t j = from; j < std::min(seen, from + g.block); ++j) {
            double vs = scaleAt(values, valueBytes, kv, j);
            auto vi = static_cast<double>(values.elementAt(valueBytes, values.element(kv, j, d)));
            double weight = weights[static_cast<size_t>(j)];
            sum += weight * vs * vi;
            magnitude += std::fabs(weight * vs * vi);
            top = std::max(top, weight * std::max(vs, 0x1p-24));
            integers += std::fabs(vi);
          }
          steps += 0.5 * (1 + 1e-5) * top / most * integers;
        }
        expected.rows.push_back(sum / total);
        expected.bounds.push_back((steps + 2 * relative * magnitude) / total);
      }
    }
  return expected;
}

/// `nearest` is how near to its bound the worst error has to be, as a part of it.
void expectWithin(const Data &actual, const Case::Expected &expected, double nearest = 0.2) {
  ASSERT_GE(actual.size(), expected.rows.size());
  double worst = 0;
  for (size_t i = 0; i < expected.rows.size(); ++i) {
    double error = std::fabs(static_cast<double>(actual[i]) - expected.rows[i]);
    double bound = expected.bounds[i] + 1e-30;
    ASSERT_LE(error, bound) << "element " << i << ": expected " << expected.rows[i] << ", found "
                            << actual[i];
    worst = std::max(worst, error / bound);
  }
  // A bound that nothing comes near would hold for a wrong kernel too.
  EXPECT_GE(worst, nearest);
}

/// The plain evaluator's blue.attention without a past: the rows, the keys and the values.
std::vector<std::vector<float>> evaluate(const Case &c, const Data &q, const Data &k, const Data &v,
                                         int64_t rows) {
  std::string query = "tensor<?x" + number(c.g.queryCols()) + "xf32>";
  std::string added = "tensor<?x" + number(c.g.kvCols()) + "xf32>";
  std::string past = "tensor<?x" + number(c.g.kvCols()) + "x!blue.quantized<i8 group " +
                     number(c.g.dims) + " scale f16>>";
  char factor[32];
  std::snprintf(factor, sizeof(factor), "%.17e", c.scale);
  std::string text =
      "func.func @f(%q: " + query + ", %k: " + added + ", %v: " + added + ", %pk: " + past +
      ", %pv: " + past + ") -> (" + query + ", " + past + ", " + past +
      ") { %y:3 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads = " +
      number(c.g.heads) + ", num_kv_heads = " + number(c.g.kvHeads) + ", scale = " + factor +
      ", compute_type = i" + number(c.computeBits()) + "} : (" + query + ", " + added + ", " +
      added + ", " + past + ", " + past + ") -> " + query + " present " + past + ", " + past +
      " return %y#0, %y#1, %y#2 : " + query + ", " + past + ", " + past + " }";
  mlir::MLIRContext context;
  context.loadDialect<bluec::blue::BlueDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context));
  if (!module)
    return {};
  using bluec::reference::Tensor;
  auto tensor = [&](int64_t count, int64_t cols, const Data &data) {
    return std::make_shared<const Tensor>(Tensor::floats({count, cols}, data));
  };
  llvm::SmallVector<std::shared_ptr<const Tensor>> inputs = {
      tensor(rows, c.g.queryCols(), q), tensor(rows, c.g.kvCols(), k),
      tensor(rows, c.g.kvCols(), v), tensor(0, c.g.kvCols(), {}), tensor(0, c.g.kvCols(), {})};
  bluec::reference::GraphEvaluation evaluation;
  evaluation.evaluators = &bluec::reference::blueEvaluators();
  auto results = bluec::reference::evaluateFunction(module->lookupSymbol<mlir::func::FuncOp>("f"),
                                                    inputs, evaluation);
  std::vector<std::vector<float>> values;
  if (succeeded(results))
    for (const auto &result : *results)
      values.push_back(result->f32);
  return values;
}

Data rowsOf(const Data &data, int64_t cols, int64_t from, int64_t count, int64_t capacity) {
  Data rows(static_cast<size_t>(capacity * cols), std::nanf(""));
  std::copy(data.begin() + from * cols, data.begin() + (from + count) * cols, rows.begin());
  return rows;
}

/// Random queries, keys and values of a conversation of so many tokens.
struct Talk {
  Talk(const Geometry &g, int64_t total)
      : g(g), total(total), q(randomData(total * g.queryCols(), 1, 3)),
        k(randomData(total * g.kvCols(), 2, 3)), v(randomData(total * g.kvCols(), 3, 3)) {}

  /// The rows of attention, the conversation fed in chunks by the steps "k", "v" and "a" of `rows`.
  Data inChunks(CompiledSteps &steps, int64_t rows) const {
    Data all;
    for (int64_t at = 0; at < total; at += rows) {
      int64_t count = std::min(rows, total - at);
      steps.run("k", {rowsOf(k, g.kvCols(), at, count, rows)}, count, at);
      steps.run("v", {rowsOf(v, g.kvCols(), at, count, rows)}, count, at);
      Data y =
          steps.run("a", {rowsOf(q, g.queryCols(), at, count, rows)}, count, at, Split::Threads);
      all.insert(all.end(), y.begin(), y.begin() + count * g.queryCols());
    }
    return all;
  }

  Geometry g;
  int64_t total;
  Data q, k, v;
};

} // namespace

class QuantizedAttentionTest : public OnTarget {};
BLUEC_ON_ALL_FACTS(QuantizedAttentionTest, /*narrow=*/true);

// What is appended stands in the cache to the byte, and nothing else changes: positions that do not
// start at a word, across blocks, up to the context's end.
TEST_P(QuantizedAttentionTest, AppendsToTheByte) {
  for (int64_t dotBits : {8, 16})
    for (Geometry g : {Geometry{2, 2, 64, 70, 32},
                       {3, 3, 20, 67, 16},
                       {2, 1, 6, 40, 16},
                       {2, 2, 72, 100, 64},
                       {1, 1, 128, 33, 48}}) {
      SCOPED_TRACE(number(g.kvHeads) + " heads of " + number(g.dims) + ", dot i" + number(dotBits));
      Case c(g, dotBits, 0.125, facts());
      int64_t rows = 19;
      CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                     c.append("k1", c.keys, 1), c.append("v1", c.values, 1)});
      ASSERT_TRUE(steps.ok());
      if (!steps.runs())
        continue;
      ASSERT_EQ(static_cast<int64_t>(4 * steps.cache("keys").size()), c.keys.bytes());
      ASSERT_EQ(static_cast<int64_t>(4 * steps.cache("values").size()), c.values.bytes());
      Data k = randomData(g.context * g.kvCols(), 1, 3), v = randomData(g.context * g.kvCols(), 2);
      // A token of zeros, of numbers too small for a scale, too large for one, and ties.
      for (int64_t i = 0; i < g.kvCols(); ++i) {
        auto at = [&](int64_t token) { return static_cast<size_t>(token * g.kvCols() + i); };
        k[at(1)] = v[at(2)] = 0;
        k[at(2)] *= 1e-7f;
        v[at(3)] *= 1e-9f;
        k[at(3)] *= 1e8f;
        k[at(4)] = static_cast<float>(i % 256 - 127) * 0.5f;
      }
      Bytes keyBytes = bytesOf(steps.cache("keys")), valueBytes = bytesOf(steps.cache("values"));
      int64_t at = 0;
      for (int64_t count : {1, 2, 3, 5, 1, 19, 4, 1, 18}) {
        count = std::min(count, g.context - at);
        if (count == 0)
          break;
        bool one = count == 1;
        Split split = count % 2 ? Split::Threads : Split::SinglesReversed;
        steps.run(one ? "k1" : "k", {rowsOf(k, g.kvCols(), at, count, one ? 1 : rows)}, count, at,
                  split);
        steps.run(one ? "v1" : "v", {rowsOf(v, g.kvCols(), at, count, one ? 1 : rows)}, count, at,
                  split);
        for (int64_t row = at; row < at + count; ++row) {
          append(keyBytes, c.keys, k, row, row);
          append(valueBytes, c.values, v, row, row);
        }
        at += count;
        ASSERT_TRUE(bytesOf(steps.cache("keys")) == keyBytes) << "keys before " << at;
        ASSERT_TRUE(bytesOf(steps.cache("values")) == valueBytes) << "values before " << at;
      }
    }
}

// A conversation fed in chunks of two lengths, then some of its tokens again one by one: every row
// is within its bound, and the same bits for every chunk length and split of tasks, whether the
// positions behind it have been written or not.
TEST_P(QuantizedAttentionTest, RowsDoNotDependOnChunks) {
  const std::vector<std::pair<int64_t, Geometry>> cases = {
      {8, {4, 2, 64, 300, 128}}, {16, {4, 2, 64, 300, 128}}, {8, {3, 1, 72, 141, 64}},
      {16, {3, 3, 80, 70, 32}},  {8, {2, 1, 6, 70, 48}},     {16, {8, 1, 20, 37, 16}},
      {8, {1, 1, 96, 131, 128}}, {16, {2, 2, 128, 45, 16}}};
  for (const auto &[dotBits, g] : cases) {
    SCOPED_TRACE(number(g.heads) + " heads of " + number(g.dims) + ", dot i" + number(dotBits));
    Case c(g, dotBits, 1 / std::sqrt(static_cast<double>(g.dims)), facts());
    int64_t total = g.context, chunk = 64;
    Data q = randomData(total * g.queryCols(), 1, 4), k = randomData(total * g.kvCols(), 2, 4);
    Data v = randomData(total * g.kvCols(), 3, 2);
    CompiledSteps steps(target(), {c.append("k", c.keys, chunk), c.append("v", c.values, chunk),
                                   c.attend("a", chunk), c.attend("a1", 1)});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data first;
    for (int64_t length : {chunk, int64_t{7}}) {
      SCOPED_TRACE("chunks of " + number(length));
      steps.clearCaches();
      Data all;
      Split split = length == 7 ? Split::Threads : Split::Whole;
      for (int64_t at = 0; at < total; at += length) {
        int64_t count = std::min(length, total - at);
        steps.run("k", {rowsOf(k, g.kvCols(), at, count, chunk)}, count, at, split);
        steps.run("v", {rowsOf(v, g.kvCols(), at, count, chunk)}, count, at, split);
        Data rows = steps.run("a", {rowsOf(q, g.queryCols(), at, count, chunk)}, count, at, split);
        all.insert(all.end(), rows.begin(), rows.begin() + count * g.queryCols());
      }
      if (first.empty()) {
        first = all;
        expectWithin(all, c.reference(q, bytesOf(steps.cache("keys")),
                                      bytesOf(steps.cache("values")), 0, total));
      }
      expectSameBits(all, first, total * g.queryCols());
    }
    for (int64_t at : {int64_t{0}, int64_t{1}, int64_t{6}, g.block - 1, g.block, g.block + 1,
                       total - 2, total - 1}) {
      SCOPED_TRACE("token " + number(at));
      Data row = steps.run("a1", {rowsOf(q, g.queryCols(), at, 1, 1)}, 1, at,
                           at % 2 ? Split::SinglesReversed : Split::Whole);
      expectSameBits(row, rowsOf(first, g.queryCols(), at, 1, 1), g.queryCols());
    }
  }
}

// Keys that are rotated on their way stand in the cache as the rotated row does when it is
// quantized.
TEST_P(QuantizedAttentionTest, RopeRotatesAndAppends) {
  struct Rotation {
    int64_t heads, dims, rotated;
    bool interleaved;
  };
  for (Rotation r : {Rotation{2, 32, 32, false}, {3, 64, 64, true}, {1, 36, 20, false}}) {
    SCOPED_TRACE(number(r.dims) + (r.interleaved ? " interleaved" : " halves"));
    Geometry g{r.heads, r.heads, r.dims, 40, 32};
    Case c(g, 16, 1, facts());
    int64_t rows = 9, count = 7, position = 29;
    Shape x = {rows, g.kvCols()}, table = {g.context, r.rotated / 2};
    Operand cache = c.keys.operand();
    std::string rope =
        "    %p = plan.position\n    %y = blue.rope %a0, %a1, %a2 at %p {num_heads = " +
        number(r.heads) + " : i64" + (r.interleaved ? ", interleaved" : "") + "} : (" +
        tensorText(x) + ", " + tensorText(table) + ", " + tensorText(table) + ", index) -> " +
        tensorText(x) + "\n";
    std::vector<Operand> operands = {
        {Place::Input, "x", x}, {Place::Weight, "cos", table}, {Place::Weight, "sin", table}};
    StepText rotate{"rotate", rows, operands, rope + "    plan.yield %y : " + tensorText(x), x};
    operands.push_back(cache);
    StepText append{"append",
                    rows,
                    operands,
                    rope + "    plan.append_keys %y into %a3 : " + tensorText(x) + ", " +
                        typeText(cache) + "\n    plan.yield",
                    {}};
    CompiledSteps steps(target(), {rotate, append});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data input = withGarbageFrom(randomData(rows * g.kvCols(), 1), count, g.kvCols());
    steps.set("cos", randomData(elements(table), 2));
    steps.set("sin", randomData(elements(table), 3));
    Data rotated = steps.run("rotate", {input}, count, position);
    Bytes expected = bytesOf(steps.cache("keys"));
    for (int64_t row = 0; row < count; ++row)
      ::append(expected, c.keys, rotated, row, position + row);
    steps.run("append", {input}, count, position, Split::Threads);
    EXPECT_TRUE(bytesOf(steps.cache("keys")) == expected);
  }
}

// What the plain evaluator makes of blue.attention: its keys and values are those in the caches,
// and its rows are within the bounds.
TEST_P(QuantizedAttentionTest, AgreesWithThePlainEvaluator) {
  for (int64_t dotBits : {8, 16}) {
    SCOPED_TRACE("dot i" + number(dotBits));
    Geometry g{4, 2, 24, 90, 32};
    Case c(g, dotBits, 0.2, facts());
    int64_t rows = g.context;
    CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                   c.attend("a", rows)});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data q = randomData(rows * g.queryCols(), 1, 3), k = randomData(rows * g.kvCols(), 2, 3);
    Data v = randomData(rows * g.kvCols(), 3, 3);
    steps.run("k", {k}, rows);
    steps.run("v", {v}, rows);
    std::vector<std::vector<float>> plain = evaluate(c, q, k, v, rows);
    ASSERT_EQ(plain.size(), 3u);
    for (const CacheBytes &cache : {c.keys, c.values}) {
      Bytes bytes = bytesOf(steps.cache(cache.keys ? "keys" : "values"));
      for (int64_t t = 0; t < rows; ++t)
        for (int64_t i = 0; i < g.kvCols(); ++i) {
          int64_t head = i / g.dims;
          uint16_t half;
          std::memcpy(&half, &bytes[static_cast<size_t>(cache.scale(head, t))], 2);
          int64_t integer = cache.elementAt(bytes, cache.element(head, t, i % g.dims));
          ASSERT_EQ(bluec::reference::halfToFloat(half) * static_cast<float>(integer),
                    plain[cache.keys ? 1 : 2][static_cast<size_t>(t * g.kvCols() + i)]);
        }
    }
    Case::Expected expected =
        c.reference(q, bytesOf(steps.cache("keys")), bytesOf(steps.cache("values")), 0, rows);
    expected.rows.assign(plain[0].begin(), plain[0].end());
    for (double &bound : expected.bounds)
      bound += 1e-6;
    expectWithin(steps.run("a", {q}, rows), expected);
  }
}

// Windows that end in a block, between two and before the first; caps; sinks: rows are within the
// bounds, and the same bits in chunks and one by one.
TEST_P(QuantizedAttentionTest, WindowsCapsAndSinks) {
  for (int64_t dotBits : {8, 16})
    for (const Scores &how : {Scores{1}, Scores{45}, Scores{20, 2.0, true}}) {
      SCOPED_TRACE("dot i" + number(dotBits) + ", window " + number(how.window));
      Geometry g{4, 2, 24, 100, 32};
      Case c(g, dotBits, 0.2, facts());
      c.how = how;
      c.sinks = randomData(g.heads, 4, 4);
      int64_t rows = 23, total = 90;
      CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                     c.attend("a", rows), c.attend("a1", 1)});
      ASSERT_TRUE(steps.ok());
      if (!steps.runs())
        continue;
      if (how.sinks)
        steps.set("sinks", c.sinks);
      Talk talk(g, total);
      Data all = talk.inChunks(steps, rows), singles;
      for (int64_t at = 0; at < total; ++at) {
        Data y = steps.run("a1", {rowsOf(talk.q, g.queryCols(), at, 1, 1)}, 1, at);
        singles.insert(singles.end(), y.begin(), y.begin() + g.queryCols());
      }
      expectSameBits(singles, all, total * g.queryCols());
      // A window of one leaves a weight of one, which no rounding touches.
      expectWithin(all,
                   c.reference(talk.q, bytesOf(steps.cache("keys")), bytesOf(steps.cache("values")),
                               0, total),
                   how.window == 1 ? 0 : 0.1);
    }
}

// Keys with a part that is not in the cache, many times as large as what is: rows are within the
// bounds, and the same bits in chunks and one by one, for heads and contexts that fill no vector.
TEST_P(QuantizedAttentionTest, LiftedKeys) {
  const std::vector<std::pair<Geometry, Scores>> cases = {
      {{4, 2, 64, 128, 64}, {0, 0, false, 2}},
      {{3, 1, 20, 70, 32}, {0, 0, false, 1}},
      {{3, 3, 72, 101, 48}, {0, 0, false, 6}},
      {{4, 2, 24, 45, 16}, {20, 30.0, true, 9}}};
  for (int64_t dotBits : {8, 16})
    for (const auto &[g, how] : cases) {
      SCOPED_TRACE("dot i" + number(dotBits) + ", heads of " + number(g.dims));
      Case c(g, dotBits, 0.02, facts());
      c.how = how;
      c.sinks = randomData(g.heads, 4, 4);
      c.basis = randomData(g.kvHeads * how.terms * g.dims, 5, 60);
      c.table = randomData(how.terms * g.context, 6, 1);
      int64_t rows = 23, total = g.context;
      CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                     c.attend("a", rows), c.attend("a1", 1)});
      ASSERT_TRUE(steps.ok());
      if (!steps.runs())
        continue;
      if (how.sinks)
        steps.set("sinks", c.sinks);
      steps.set("basis", c.basis);
      steps.set("table", c.table);
      Talk talk(g, total);
      Data all = talk.inChunks(steps, rows), singles;
      for (int64_t at = 0; at < total; ++at) {
        Data y = steps.run("a1", {rowsOf(talk.q, g.queryCols(), at, 1, 1)}, 1, at);
        singles.insert(singles.end(), y.begin(), y.begin() + g.queryCols());
      }
      expectSameBits(singles, all, total * g.queryCols());
      expectWithin(all,
                   c.reference(talk.q, bytesOf(steps.cache("keys")), bytesOf(steps.cache("values")),
                               0, total),
                   0.1);
    }
}

// Caches that are rings give the bits that caches of the whole context give: windows that begin and
// end anywhere in a block, rings that are just large enough, in chunks and one by one.
TEST_P(QuantizedAttentionTest, Rings) {
  const std::vector<Scores> cases = {{45}, {64, 2.0, true}, {33, 0, false, 3}};
  for (int64_t dotBits : {8, 16})
    for (const Scores &how : cases)
      for (int64_t rows : {20, 1}) {
        SCOPED_TRACE("dot i" + number(dotBits) + ", window " + number(how.window) + ", chunks of " +
                     number(rows));
        Geometry g{4, 2, 24, 300, 32}, small = g;
        small.context = (how.window + rows - 1 + g.block - 1) / g.block * g.block;
        Talk talk(g, 290);
        Data sinks = randomData(g.heads, 4, 4), table = randomData(how.terms * g.context, 6, 1);
        Data basis = randomData(g.kvHeads * how.terms * g.dims, 5, 60);
        std::vector<Data> found;
        for (int64_t ringOf : {int64_t{0}, g.context}) {
          Case c(ringOf ? small : g, dotBits, 0.2, facts());
          c.how = how;
          c.how.ringOf = ringOf;
          CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                         c.attend("a", rows)});
          ASSERT_TRUE(steps.ok());
          if (!steps.runs())
            continue;
          if (how.sinks)
            steps.set("sinks", sinks);
          if (how.terms) {
            steps.set("basis", basis);
            steps.set("table", table);
          }
          found.push_back(talk.inChunks(steps, rows));
        }
        if (found.size() == 2)
          expectSameBits(found[1], found[0], talk.total * g.queryCols());
      }
}

// A position without values beside one with values: the result is the latter's share of the
// weights, which no rounding to integers touches. It shows the polynomial for weights.
TEST_P(QuantizedAttentionTest, SharesOfWeightsAreExact) {
  for (int64_t dotBits : {8, 16}) {
    SCOPED_TRACE("dot i" + number(dotBits));
    Geometry g{64, 64, 4, 16, 16};
    Case c(g, dotBits, 1, facts());
    CompiledSteps steps(target(),
                        {c.append("k", c.keys, 2), c.append("v", c.values, 2), c.attend("a", 2)});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    int64_t cols = g.kvCols();
    Data k(static_cast<size_t>(2 * cols)), v(static_cast<size_t>(2 * cols)), q = k;
    std::fill(k.begin(), k.begin() + cols, 1.0f);
    std::fill(v.begin() + cols, v.end(), 1.0f);
    steps.run("k", {k}, 2);
    steps.run("v", {v}, 2);
    // Equal elements are quantized with hardly any error: to one integer, and a scale for it.
    auto value = [](float x, bool half) {
      std::vector<int64_t> ints;
      float scale = quantize(&x, 1, 127, half, ints);
      return static_cast<double>(scale) * static_cast<double>(ints[0]);
    };
    double key = value(1, true), worst = 0;
    for (int64_t run = 0; run < 8; ++run) {
      for (int64_t i = 0; i < cols; ++i)
        q[static_cast<size_t>(cols + i)] =
            (static_cast<float>(i / 4 * 8 + run) - 400) / 100 + 0.003f;
      Data y = steps.run("a", {q}, 2);
      for (int64_t i = 0; i < cols; ++i) {
        double score = 4 * key * static_cast<double>(q[static_cast<size_t>(cols + i)]);
        double expected = value(1, true) / (1 + std::exp(score));
        worst = std::max(
            worst, std::fabs(static_cast<double>(y[static_cast<size_t>(cols + i)]) / expected - 1));
      }
    }
    EXPECT_LE(worst, c.computeBits() == 8 ? 2.1e-4 : 7e-6);
  }
}

// Scores far apart, tokens of zeros, tokens of large weight and tiny values, values of very
// different sizes: rows stay within their bounds.
TEST_P(QuantizedAttentionTest, ExtremeTokensStayWithinTheirBounds) {
  for (int64_t dotBits : {8, 16}) {
    SCOPED_TRACE("dot i" + number(dotBits));
    Geometry g{2, 2, 32, 200, 64};
    Case c(g, dotBits, 0.2, facts());
    int64_t rows = g.context, cols = g.kvCols();
    CompiledSteps steps(target(), {c.append("k", c.keys, rows), c.append("v", c.values, rows),
                                   c.attend("a", rows)});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data q = randomData(rows * cols, 1, 3), k = randomData(rows * cols, 2, 3);
    Data v = randomData(rows * cols, 3, 3);
    auto token = [&](Data &data, int64_t at, auto change) {
      for (int64_t i = at * cols; i < (at + 1) * cols; ++i)
        data[static_cast<size_t>(i)] = change(data[static_cast<size_t>(i)]);
    };
    // Position 0 takes nearly all weight of the rows that look like it, with next to no values.
    for (int64_t i = 0; i < cols; ++i)
      k[static_cast<size_t>(i)] = 20;
    token(v, 0, [](float x) { return 1e-4f * x; });
    token(v, 1, [](float) { return 0; });
    token(k, 2, [](float) { return 0; });
    token(v, 3, [](float x) { return 1e4f * x; });
    token(k, 70, [](float x) { return 1e4f * x; });
    token(v, 71, [](float x) { return 1e6f * x; });
    token(k, 72, [](float) { return 1e30f; }); // more than a scale can say
    for (int64_t t = 0; t < rows; ++t) {
      if (t % 5 == 0)
        token(q, t, [](float x) { return std::fabs(x); });
      if (t % 7 == 0)
        token(q, t, [](float x) { return 1e3f * x; });
    }
    token(q, 11, [](float) { return 0; });
    steps.run("k", {k}, rows);
    steps.run("v", {v}, rows);
    expectWithin(steps.run("a", {q}, rows), c.reference(q, bytesOf(steps.cache("keys")),
                                                        bytesOf(steps.cache("values")), 0, rows));
  }
}

//===------------------------------------------------------------------------------------------===//
// Without a cache
//===------------------------------------------------------------------------------------------===//

namespace {

/// One head quantized as an encoder's: i8 as above; i16 by the norm too for queries and keys, and
/// to 8191 for values.
float quantizeWithoutCache(const float *x, int64_t count, int64_t bits, bool isValue,
                           std::vector<int64_t> &ints) {
  int64_t most = bits == 8 ? 127 : isValue ? 8191 : 32767;
  float scale = quantize(x, count, most, false, ints);
  if (bits == 8 || isValue)
    return scale;
  double squares = 0;
  for (int64_t i = 0; i < count; ++i)
    squares += double(x[i]) * double(x[i]);
  auto bounded = static_cast<float>(std::sqrt(squares) / 46300);
  if (bounded <= scale)
    return scale;
  for (int64_t i = 0; i < count; ++i)
    ints[static_cast<size_t>(i)] = static_cast<int64_t>(std::nearbyint(x[i] / bounded));
  return bounded;
}

struct Encoder {
  Encoder(int64_t heads, int64_t kvHeads, int64_t dims, int64_t tokens, int64_t block,
          int64_t dotBits, int64_t batch)
      : heads(heads), scale(1 / std::sqrt(double(dims))),
        keys{true, kvHeads, dims, tokens, block, dotBits, {}, true, batch}, values(keys) {
    values.keys = false;
  }

  StepText pack(const CacheBytes &to) const {
    Shape x = {to.batch, to.context, to.heads * to.dims};
    std::string type = typeText(to.operand());
    return {to.keys ? "pack_keys" : "pack_values",
            to.batch,
            {{Place::Input, "x", x}},
            std::string("    %y = plan.pack_") + (to.keys ? "keys" : "values") + " %a0 : (" +
                tensorText(x) + ") -> " + type + "\n    plan.yield %y : " + type,
            {},
            type};
  }
  StepText attend() const {
    return attentionStep("attend", keys.batch, heads, scale, keys, values);
  }
  int64_t queryElements() const { return keys.batch * keys.context * heads * keys.dims; }
  int64_t keyElements() const { return keys.batch * keys.context * keys.heads * keys.dims; }

  int64_t heads;
  double scale;
  CacheBytes keys, values;
};

/// What stands at (head of all, position, dim).
int64_t elementAt(const CacheBytes &layout, const Bytes &bytes, int64_t head, int64_t position,
                  int64_t dim) {
  return layout.elementAt(bytes, layout.element(head, position, dim));
}
float scaleOf(const CacheBytes &layout, const Bytes &bytes, int64_t head, int64_t position) {
  float scale;
  std::memcpy(&scale, &bytes[static_cast<size_t>(layout.scale(head, position))], 4);
  return scale;
}

/// Elements and scales as the formulas say; a scale from a norm may be a rounding off, and so may
/// then an element that is nearly half-way between two.
void expectPacked(const CacheBytes &layout, const Data &x, const Bytes &bytes, int64_t elements) {
  bool byNorm = layout.keys && layout.dotBits == 16;
  std::vector<int64_t> ints;
  int64_t off = 0;
  for (int64_t b = 0; b < elements; ++b)
    for (int64_t h = 0; h < layout.heads; ++h)
      for (int64_t t = 0; t < layout.context; ++t) {
        const float *row = x.data() + ((b * layout.context + t) * layout.heads + h) * layout.dims;
        int64_t head = b * layout.heads + h;
        float expected = quantizeWithoutCache(row, layout.dims, layout.dotBits, !layout.keys, ints);
        float found = scaleOf(layout, bytes, head, t);
        ASSERT_NEAR(found, expected, byNorm ? 4e-7f * expected : 0)
            << "head " << head << " at " << t;
        double squares = 0;
        for (int64_t d = 0; d < layout.dims; ++d) {
          int64_t element = elementAt(layout, bytes, head, t, d);
          int64_t difference = std::abs(element - ints[static_cast<size_t>(d)]);
          ASSERT_LE(difference, byNorm ? 1 : 0) << "head " << head << " at " << t << ", " << d;
          off += difference;
          squares += double(element) * double(element);
        }
        if (byNorm)
          ASSERT_LT(squares, 0x1p31);
      }
  EXPECT_LE(off, elements * layout.heads * layout.context / 4 + 1);
}

/// Plain softmax over what the bytes mean, and how far the kernel may be from it: see above. With
/// values of i16 a step of the weights is 1 / 32767, or the sum of them over 2^18 - 256.
Case::Expected encoderReference(const Encoder &c, const Data &q, const Bytes &keyBytes,
                                const Bytes &valueBytes, int64_t elements) {
  int64_t dims = c.keys.dims, tokens = c.keys.context;
  bool wide = c.keys.dotBits == 16; // values of i16
  double polynomial = c.keys.mostQuery() > 127 ? 3.5e-6 : 1.1e-4;
  Case::Expected expected;
  std::vector<int64_t> ints;
  for (int64_t b = 0; b < elements; ++b)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < c.heads; ++h) {
        int64_t kv = b * c.keys.heads + h / (c.heads / c.keys.heads);
        const float *row = q.data() + ((b * tokens + t) * c.heads + h) * dims;
        double queryScale = wide ? quantizeWithoutCache(row, dims, 16, false, ints)
                                 : quantize(row, dims, c.keys.mostQuery(), false, ints);
        std::vector<double> weights;
        double largest = -1e300, size = 0, total = 0;
        for (int64_t j = 0; j < tokens; ++j) {
          int64_t dot = 0;
          for (int64_t d = 0; d < dims; ++d)
            dot += ints[static_cast<size_t>(d)] * elementAt(c.keys, keyBytes, kv, j, d);
          EXPECT_LT(std::abs(dot), int64_t{1} << 31);
          weights.push_back(c.scale * queryScale * double(scaleOf(c.keys, keyBytes, kv, j)) *
                            double(dot));
          largest = std::max(largest, weights.back());
          size = std::max(size, std::fabs(weights.back()));
        }
        for (double &weight : weights)
          total += weight = std::exp(weight - largest);
        double relative = polynomial + 6e-7 * (1 + size);
        for (int64_t d = 0; d < dims; ++d) {
          double sum = 0, steps = 0, magnitude = 0;
          for (int64_t from = 0; from < tokens; from += c.keys.block) {
            double top = 0, integers = 0, all = 0;
            for (int64_t j = from; j < std::min(tokens, from + c.keys.block); ++j) {
              double vs = scaleOf(c.values, valueBytes, kv, j);
              auto vi = static_cast<double>(elementAt(c.values, valueBytes, kv, j, d));
              double weight = weights[static_cast<size_t>(j)];
              sum += weight * vs * vi;
              magnitude += std::fabs(weight * vs * vi);
              top = std::max(top, weight * std::max(vs, 0x1p-100));
              all += weight * vs;
              integers += std::fabs(vi);
            }
            double step = wide ? std::max(top / 32767, all / (0x1p18 - 256))
                               : top / static_cast<double>(c.keys.mostWeight());
            steps += 0.5 * (1 + 1e-5) * step * integers;
          }
          expected.rows.push_back(sum / total);
          expected.bounds.push_back((steps + 2 * relative * magnitude) / total +
                                    (wide ? 3e-6 * magnitude / total : 0));
        }
      }
  return expected;
}

} // namespace

// Keys and values of a batch, packed, and attended to by all tokens: to the byte, within the bound,
// and the same bits however tasks are split and however many elements a call has. Blocks that end
// within and at the tokens' end, heads narrower than a vector, several queries a key.
TEST_P(QuantizedAttentionTest, EncoderPacksAndAttends) {
  for (int64_t dotBits : {8, 16})
    for (Encoder c : {Encoder(2, 2, 72, 49, 64, dotBits, 3), Encoder(2, 1, 32, 128, 64, dotBits, 2),
                      Encoder(1, 1, 8, 5, 16, dotBits, 2), Encoder(3, 3, 64, 150, 128, dotBits, 1),
                      Encoder(4, 2, 20, 33, 32, dotBits, 2)}) {
      c.keys.facts = c.values.facts = facts();
      SCOPED_TRACE(number(c.keys.context) + " tokens of " + number(c.keys.dims) + " dims, i" +
                   number(dotBits));
      CompiledSteps steps(target(), {c.pack(c.keys), c.pack(c.values), c.attend()});
      ASSERT_TRUE(steps.ok());
      if (!steps.runs())
        continue;
      int64_t batch = c.keys.batch;
      Data q = randomData(c.queryElements(), 1, 3), k = randomData(c.keyElements(), 2, 3);
      Data v = randomData(c.keyElements(), 3);
      // A key of zeros, one large element, tiny values, and very large ones.
      int64_t cols = c.keys.heads * c.keys.dims;
      for (int64_t i = 0; i < cols; ++i) {
        k[static_cast<size_t>(i)] = 0;
        k[static_cast<size_t>(cols + i)] = i % c.keys.dims == 1 ? 9.0f : 0.01f;
        v[static_cast<size_t>(2 * cols + i)] *= 1e-20f;
        v[static_cast<size_t>(3 * cols + i)] *= 300;
      }
      Data keys = steps.run("pack_keys", {k}, batch, 0, Split::Threads);
      Data values = steps.run("pack_values", {v}, batch, 0, Split::SinglesReversed);
      Bytes keyBytes = bytesOf(keys), valueBytes = bytesOf(values);
      ASSERT_EQ(static_cast<int64_t>(keyBytes.size()), c.keys.bytes());
      expectPacked(c.keys, k, keyBytes, batch);
      expectPacked(c.values, v, valueBytes, batch);
      Data whole = steps.run("attend", {q, keys, values}, batch);
      // With weights of seven bits, more of the bound is the rounding of many weights, which adds
      // up to its sum for nobody.
      expectWithin(whole, encoderReference(c, q, keyBytes, valueBytes, batch),
                   c.keys.mostWeight() > 127 ? 0.2 : 0.15);
      expectSameBits(steps.run("attend", {q, keys, values}, batch, 0, Split::Threads), whole,
                     c.queryElements());
      if (batch == 1)
        continue;
      int64_t each = c.queryElements() / batch, eachKey = c.keyElements() / batch;
      Data oneKeys = steps.run("pack_keys", {withGarbageFrom(k, 1, eachKey)}, 1, 0, Split::Threads);
      Data oneValues = steps.run("pack_values", {withGarbageFrom(v, 1, eachKey)}, 1);
      Data one = steps.run("attend", {withGarbageFrom(q, 1, each), oneKeys, oneValues}, 1, 0,
                           Split::SinglesReversed);
      expectSameBits(one, whole, each);
    }
}
