// Rope, the KV cache and attention, alone and together, over head sizes, positions and chunks.
#include "tests/conformance/CacheBytes.h"
#include "tests/conformance/Checks.h"

#include <cmath>

using namespace bluec::conformance;

namespace {

struct Geometry {
  int64_t heads, kvHeads, dims, context;
  bool ring = false; // the caches hold so many positions of a longer context
  int64_t queryCols() const { return heads * dims; }
  int64_t kvCols() const { return kvHeads * dims; }
  Shape keyShape(int64_t lanes, int64_t batch = 1) const {
    return {batch, kvHeads, (context + lanes - 1) / lanes, dims, lanes};
  }
};

std::string number(int64_t value) { return std::to_string(value); }

StepText appendKeys(const std::string &entry, const Geometry &g, int64_t rows, int64_t lanes) {
  Shape keys = {rows, g.kvCols()}, cache = g.keyShape(lanes);
  return {entry,
          rows,
          {{Place::Input, "k", keys}, {Place::Cache, "keys", cache}},
          "    plan.append_keys %a0 into %a1" + std::string(g.ring ? " {ring}" : "") + " : " +
              tensorText(keys) + ", " + tensorText(cache) + "\n    plan.yield",
          {}};
}

StepText appendValues(const std::string &entry, const Geometry &g, int64_t rows) {
  Shape values = {rows, g.kvCols()}, cache = {1, g.context, g.kvCols()};
  return {entry,
          rows,
          {{Place::Input, "v", values}, {Place::Cache, "values", cache}},
          "    plan.append_values %a0 into %a1" + std::string(g.ring ? " {ring}" : "") + " : " +
              tensorText(values) + ", " + tensorText(cache) + "\n    plan.yield",
          {}};
}

std::string attentionText(const Geometry &g, const Shape &query, const Shape &keys,
                          const Shape &values, bool causal, const Scores &how = {}) {
  return "    %y = plan.attention %a0, %a1, %a2" + std::string(how.sinks ? " sinks %a3" : "") +
         " {num_heads = " + number(g.heads) + " : i64, num_kv_heads = " + number(g.kvHeads) +
         " : i64, scale = 0.125 : f64" + (causal ? ", causal" : "") +
         (how.window ? ", window = " + number(how.window) + " : i64" : "") +
         (g.ring ? ", ring" : "") +
         (how.softcap != 0 ? ", softcap = " + std::to_string(how.softcap) + " : f64" : "") +
         "} : (" + tensorText(query) + ", " + tensorText(keys) + ", " + tensorText(values) +
         (how.sinks ? ", " + tensorText({g.heads}) : "") + ") -> " + tensorText(query) +
         "\n    plan.yield %y : " + tensorText(query);
}

StepText attend(const std::string &entry, const Geometry &g, int64_t rows, int64_t lanes,
                const Scores &how = {}) {
  Shape query = {rows, g.queryCols()}, keys = g.keyShape(lanes),
        values = {1, g.context, g.kvCols()};
  std::vector<Operand> operands = {
      {Place::Input, "q", query}, {Place::Cache, "keys", keys}, {Place::Cache, "values", values}};
  if (how.sinks)
    operands.push_back({Place::Weight, "sinks", {g.heads}});
  return {entry, rows, operands, attentionText(g, query, keys, values, true, how), query};
}

/// Row t of `q` attends to positions [0, valid(t)) of keys and values [position, kvCols], or the
/// last ones of these.
template <typename Valid>
std::vector<double> reference(const Geometry &g, const Data &q, const Data &k, const Data &v,
                              int64_t rows, Valid valid, const Scores &how = {},
                              const Data &sinks = {}) {
  std::vector<double> y;
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t h = 0; h < g.heads; ++h) {
      int64_t kv = h / (g.heads / g.kvHeads), last = valid(t);
      int64_t first = how.window ? std::max<int64_t>(0, last - how.window) : 0;
      std::vector<double> scores;
      double sink = how.sinks ? sinks[static_cast<size_t>(h)] : -1e300;
      double most = sink, total = 0;
      for (int64_t j = first; j < last; ++j) {
        double dot = 0;
        for (int64_t d = 0; d < g.dims; ++d)
          dot += static_cast<double>(q[static_cast<size_t>(t * g.queryCols() + h * g.dims + d)]) *
                 k[static_cast<size_t>(j * g.kvCols() + kv * g.dims + d)];
        double score = 0.125 * dot;
        if (how.softcap != 0)
          score = how.softcap * std::tanh(score / how.softcap);
        scores.push_back(score);
        most = std::max(most, scores.back());
      }
      for (double &score : scores)
        total += score = std::exp(score - most);
      if (how.sinks)
        total += std::exp(sink - most);
      for (int64_t d = 0; d < g.dims; ++d) {
        double sum = 0;
        for (int64_t j = first; j < last; ++j)
          sum += scores[static_cast<size_t>(j - first)] *
                 v[static_cast<size_t>(j * g.kvCols() + kv * g.dims + d)];
        y.push_back(sum / total);
      }
    }
  return y;
}

Data rowsOf(const Data &data, int64_t cols, int64_t from, int64_t count, int64_t capacity) {
  Data rows(static_cast<size_t>(capacity * cols), std::nanf(""));
  std::copy(data.begin() + from * cols, data.begin() + (from + count) * cols, rows.begin());
  return rows;
}

} // namespace

class AttentionTest : public OnTarget {};
BLUEC_ON_ALL_TARGETS(AttentionTest);

// A conversation of some tokens, fed in chunks of several lengths: every row is what plain softmax
// gives, and the same bits for every chunk length.
TEST_P(AttentionTest, CausalRowsDoNotDependOnChunks) {
  for (Geometry g : {Geometry{4, 2, 32, 300},
                     {6, 6, 64, 150},
                     {3, 1, 72, 140},
                     {2, 2, 128, 40},
                     {8, 1, 20, 33},
                     {12, 4, 16, 270}}) {
    SCOPED_TRACE(number(g.heads) + " heads of " + number(g.dims));
    int64_t total = std::min<int64_t>(g.context, 263), chunk = 32;
    Data q = randomData(total * g.queryCols(), 1, 3), k = randomData(total * g.kvCols(), 2, 3);
    Data v = randomData(total * g.kvCols(), 3);
    std::vector<double> expected = reference(g, q, k, v, total, [](int64_t t) { return t + 1; });
    CompiledSteps steps(target(), {appendKeys("k", g, chunk, lanes()), appendValues("v", g, chunk),
                                   attend("a", g, chunk, lanes()), appendKeys("k1", g, 1, lanes()),
                                   appendValues("v1", g, 1), attend("a1", g, 1, lanes())});
    ASSERT_TRUE(steps.ok());
    Data first;
    for (int64_t length : {32, 7, 1}) {
      SCOPED_TRACE("chunks of " + number(length));
      steps.clearCaches();
      Data all;
      int64_t capacity = length == 1 ? 1 : chunk;
      std::string suffix = length == 1 ? "1" : "";
      Split split = length == 7 ? Split::Threads : Split::Whole;
      for (int64_t at = 0; at < total; at += length) {
        int64_t count = std::min(length, total - at);
        steps.run("k" + suffix, {rowsOf(k, g.kvCols(), at, count, capacity)}, count, at, split);
        steps.run("v" + suffix, {rowsOf(v, g.kvCols(), at, count, capacity)}, count, at, split);
        Data rows = steps.run("a" + suffix, {rowsOf(q, g.queryCols(), at, count, capacity)}, count,
                              at, split);
        all.insert(all.end(), rows.begin(), rows.begin() + count * g.queryCols());
      }
      expectNear(all, expected, total * g.queryCols(), 1e-5, 2e-6);
      if (first.empty())
        first = all;
      expectSameBits(all, first, total * g.queryCols());
    }
  }
}

// Windows that end in a stretch, between two and before the first; caps; sinks of all sizes: rows
// are what plain loops say, and the same bits for every chunk length.
TEST_P(AttentionTest, WindowsCapsAndSinks) {
  Geometry g{6, 2, 24, 300};
  int64_t total = 290, chunk = 32;
  Data q = randomData(total * g.queryCols(), 1, 6), k = randomData(total * g.kvCols(), 2, 6);
  Data v = randomData(total * g.kvCols(), 3), sinks = randomData(g.heads, 4, 8);
  for (const Scores &how : {Scores{1}, Scores{128}, Scores{150}, Scores{40, 2.0, true}}) {
    SCOPED_TRACE("window " + number(how.window) + ", cap " + std::to_string(how.softcap));
    std::vector<double> expected =
        reference(g, q, k, v, total, [](int64_t t) { return t + 1; }, how, sinks);
    CompiledSteps steps(target(),
                        {appendKeys("k", g, chunk, lanes()), appendValues("v", g, chunk),
                         attend("a", g, chunk, lanes(), how), appendKeys("k1", g, 1, lanes()),
                         appendValues("v1", g, 1), attend("a1", g, 1, lanes(), how)});
    ASSERT_TRUE(steps.ok());
    if (how.sinks)
      steps.set("sinks", sinks);
    Data first;
    for (int64_t length : {32, 13, 1}) {
      SCOPED_TRACE("chunks of " + number(length));
      steps.clearCaches();
      Data all;
      int64_t capacity = length == 1 ? 1 : chunk;
      std::string suffix = length == 1 ? "1" : "";
      for (int64_t at = 0; at < total; at += length) {
        int64_t count = std::min(length, total - at);
        steps.run("k" + suffix, {rowsOf(k, g.kvCols(), at, count, capacity)}, count, at);
        steps.run("v" + suffix, {rowsOf(v, g.kvCols(), at, count, capacity)}, count, at);
        Data rows = steps.run("a" + suffix, {rowsOf(q, g.queryCols(), at, count, capacity)}, count,
                              at, Split::Threads);
        all.insert(all.end(), rows.begin(), rows.begin() + count * g.queryCols());
      }
      expectNear(all, expected, total * g.queryCols(), 1e-5, 3e-6);
      if (first.empty())
        first = all;
      expectSameBits(all, first, total * g.queryCols());
    }
  }
}

// Caches that are rings give the bits that caches of the whole context give: windows that begin and
// end anywhere in a stretch, rings that are just large enough, in chunks and one by one.
TEST_P(AttentionTest, Rings) {
  const std::vector<Scores> cases = {{1}, {97}, {128}, {150, 2.0, true}};
  for (const Scores &how : cases)
    for (int64_t rows : {32, 1}) {
      SCOPED_TRACE("window " + number(how.window) + ", chunks of " + number(rows));
      Geometry whole{6, 2, 24, 700}, ring = whole;
      ring.context = (how.window + rows - 1 + 127) / 128 * 128;
      ring.ring = true;
      int64_t total = 650;
      Data q = randomData(total * whole.queryCols(), 1, 6), sinks = randomData(whole.heads, 4, 8);
      Data k = randomData(total * whole.kvCols(), 2, 6), v = randomData(total * whole.kvCols(), 3);
      std::vector<Data> found;
      for (const Geometry &g : {whole, ring}) {
        CompiledSteps steps(target(),
                            {appendKeys("k", g, rows, lanes()), appendValues("v", g, rows),
                             attend("a", g, rows, lanes(), how)});
        ASSERT_TRUE(steps.ok());
        if (how.sinks)
          steps.set("sinks", sinks);
        Data all;
        for (int64_t at = 0; at < total; at += rows) {
          int64_t count = std::min(rows, total - at);
          steps.run("k", {rowsOf(k, g.kvCols(), at, count, rows)}, count, at);
          steps.run("v", {rowsOf(v, g.kvCols(), at, count, rows)}, count, at);
          Data y = steps.run("a", {rowsOf(q, g.queryCols(), at, count, rows)}, count, at,
                             Split::Threads);
          all.insert(all.end(), y.begin(), y.begin() + count * g.queryCols());
        }
        found.push_back(all);
      }
      expectSameBits(found[1], found[0], total * whole.queryCols());
    }
}

TEST_P(AttentionTest, EncoderRowsSeeTheirWholePicture) {
  for (Geometry g : {Geometry{2, 2, 72, 49}, {4, 2, 32, 130}, {1, 1, 8, 5}, {3, 3, 64, 16}}) {
    SCOPED_TRACE(number(g.context) + " tokens");
    int64_t batch = 3, tokens = g.context;
    Shape query = {batch, tokens, g.queryCols()}, kv = {batch, tokens, g.kvCols()};
    Shape packed = g.keyShape(lanes(), batch);
    StepText pack{"pack",
                  batch,
                  {{Place::Input, "k", kv}},
                  "    %y = plan.pack_keys %a0 : (" + tensorText(kv) + ") -> " +
                      tensorText(packed) + "\n    plan.yield %y : " + tensorText(packed),
                  packed};
    StepText attention{
        "a",
        batch,
        {{Place::Input, "q", query}, {Place::Input, "k", packed}, {Place::Input, "v", kv}},
        attentionText(g, query, packed, kv, false),
        query};
    CompiledSteps steps(target(), {pack, attention});
    ASSERT_TRUE(steps.ok());
    Data q = randomData(elements(query), 1, 3), k = randomData(elements(kv), 2, 3);
    Data v = randomData(elements(kv), 3);
    Data packedKeys = steps.run("pack", {k}, batch, 0, Split::Threads);
    Data whole = steps.run("a", {q, packedKeys, v}, batch);
    expectSameBits(steps.run("a", {q, packedKeys, v}, batch, 0, Split::Threads), whole,
                   elements(query));
    for (int64_t b = 0; b < batch; ++b) {
      auto part = [&](const Data &data, int64_t cols) {
        return Data(data.begin() + b * tokens * cols, data.begin() + (b + 1) * tokens * cols);
      };
      std::vector<double> expected =
          reference(g, part(q, g.queryCols()), part(k, g.kvCols()), part(v, g.kvCols()), tokens,
                    [&](int64_t) { return tokens; });
      expectNear(part(whole, g.queryCols()), expected, tokens * g.queryCols(), 1e-5, 2e-6);
    }
    Data some = steps.run("a", {withGarbageFrom(q, tokens, g.queryCols()), packedKeys, v}, 1, 0,
                          Split::SinglesReversed);
    expectSameBits(some, whole, tokens * g.queryCols());
  }
}

// Scores far apart: the largest wins alone, and nothing overflows.
TEST_P(AttentionTest, ExtremeScoresStayFinite) {
  Geometry g{1, 1, 16, 200};
  int64_t rows = 200;
  CompiledSteps steps(target(), {appendKeys("k", g, rows, lanes()), appendValues("v", g, rows),
                                 attend("a", g, rows, lanes())});
  ASSERT_TRUE(steps.ok());
  Data q = randomData(rows * g.dims, 1, 1e4f), k = randomData(rows * g.dims, 2, 1e4f);
  Data v = randomData(rows * g.dims, 3, 1e4f);
  steps.run("k", {k}, rows);
  steps.run("v", {v}, rows);
  expectNear(steps.run("a", {q}, rows),
             reference(g, q, k, v, rows, [](int64_t t) { return t + 1; }), rows * g.dims, 1e-4, 20);
}

TEST_P(AttentionTest, RopeRotatesAndAppends) {
  struct Case {
    int64_t heads, dims, rotated;
    bool interleaved;
  };
  for (Case c : {Case{2, 32, 32, false},
                 {3, 64, 64, true},
                 {2, 72, 72, false},
                 {1, 128, 64, false},
                 {2, 36, 20, true},
                 {1, 6, 2, false},
                 {2, 32, 32, true}}) {
    SCOPED_TRACE(number(c.dims) + (c.interleaved ? " interleaved" : " halves"));
    int64_t rows = 9, positions = 40, cols = c.heads * c.dims, half = c.rotated / 2, position = 21;
    Geometry g{c.heads, c.heads, c.dims, positions};
    Shape x = {rows, cols}, table = {positions, half}, cache = g.keyShape(lanes());
    std::string rope =
        "    %p = plan.position\n    %y = blue.rope %a0, %a1, %a2 at %p {num_heads = " +
        number(c.heads) + " : i64" + (c.interleaved ? ", interleaved" : "") + "} : (" +
        tensorText(x) + ", " + tensorText(table) + ", " + tensorText(table) + ", index) -> " +
        tensorText(x) + "\n";
    std::vector<Operand> operands = {
        {Place::Input, "x", x}, {Place::Weight, "cos", table}, {Place::Weight, "sin", table}};
    StepText rotate{"rotate", rows, operands, rope + "    plan.yield %y : " + tensorText(x), x};
    operands.push_back({Place::Cache, "keys", cache});
    StepText append{"append",
                    rows,
                    operands,
                    rope + "    plan.append_keys %y into %a3 : " + tensorText(x) + ", " +
                        tensorText(cache) + "\n    plan.yield",
                    {}};
    CompiledSteps steps(target(), {rotate, append});
    ASSERT_TRUE(steps.ok());
    Data input = randomData(rows * cols, 1);
    Data cos = randomData(positions * half, 2), sin = randomData(positions * half, 3);
    steps.set("cos", cos);
    steps.set("sin", sin);
    std::vector<double> expected(input.begin(), input.end());
    for (int64_t t = 0; t < rows; ++t)
      for (int64_t h = 0; h < c.heads; ++h)
        for (int64_t i = 0; i < half; ++i) {
          auto a = static_cast<size_t>(t * cols + h * c.dims + (c.interleaved ? 2 * i : i));
          size_t b = a + static_cast<size_t>(c.interleaved ? 1 : half);
          auto angle = static_cast<size_t>((position + t) * half + i);
          expected[a] = static_cast<double>(input[a]) * cos[angle] -
                        static_cast<double>(input[b]) * sin[angle];
          expected[b] = static_cast<double>(input[b]) * cos[angle] +
                        static_cast<double>(input[a]) * sin[angle];
        }
    Data whole = steps.run("rotate", {input}, rows, position, Split::Threads);
    expectNear(whole, expected, rows * cols, 1e-6, 1e-6);
    int64_t count = 7;
    steps.run("append", {withGarbageFrom(input, count, cols)}, count, position);
    Data keys = steps.cache("keys");
    int64_t blocks = cache[2];
    for (int64_t p = 0; p < positions; ++p)
      for (int64_t h = 0; h < c.heads; ++h)
        for (int64_t d = 0; d < c.dims; ++d) {
          float key = keys[static_cast<size_t>(((h * blocks + p / lanes()) * c.dims + d) * lanes() +
                                               p % lanes())];
          int64_t t = p - position;
          if (t >= 0 && t < count)
            ASSERT_EQ(key, whole[static_cast<size_t>(t * cols + h * c.dims + d)]);
          else
            ASSERT_TRUE(std::isnan(key)) << "position " << p << " was written";
        }
  }
}

// Rows that say where they stand, on one axis or on several, each of which turns some of the
// angles: sections of them, or every third.
TEST_P(AttentionTest, RopeAtPositionsOfEachRow) {
  int64_t rows = 5, positions = 12, heads = 2, dims = 40, half = 18, cols = heads * dims;
  Shape x = {rows, cols}, table = {positions, half};
  std::vector<int64_t> sections, everyThird;
  for (int64_t i = 0; i < half; ++i) {
    sections.push_back(i < 7 ? 0 : i < 15 ? 1 : 2);
    everyThird.push_back(i < 15 ? i % 3 : 0);
  }
  struct {
    const char *name;
    std::vector<int64_t> axisOf;
    bool interleaved;
  } cases[] = {{"one axis", {}, false},
               {"sections", sections, false},
               {"every third", everyThird, false},
               {"pairs", everyThird, true}};
  for (auto [name, axisOf, interleaved] : cases) {
    SCOPED_TRACE(name);
    int64_t axes = axisOf.empty() ? 1 : 3;
    Shape places = axisOf.empty() ? Shape{rows} : Shape{rows, axes};
    const std::string pairs = interleaved ? ", interleaved" : "";
    auto rope = [&](const std::string &at, const std::string &type, const std::string &attributes) {
      return "    %y = blue.rope %a0, %a1, %a2 at " + at + " {num_heads = " + number(heads) +
             " : i64" + attributes + "} : (" + tensorText(x) + ", " + tensorText(table) + ", " +
             tensorText(table) + ", " + type + ") -> " + tensorText(x) +
             "\n    plan.yield %y : " + tensorText(x);
    };
    std::vector<Operand> operands = {
        {Place::Input, "x", x}, {Place::Weight, "cos", table}, {Place::Weight, "sin", table}};
    StepText dense{"dense", rows, operands, "    %p = plan.position\n" + rope("%p", "index", pairs),
                   x};
    operands.push_back({Place::Input, "places", places, /*ints=*/true});
    std::string text;
    for (int64_t axis : axisOf)
      text += (text.empty() ? ", axes = array<i64: " : ", ") + number(axis);
    StepText placed{
        "placed", rows, operands,
        rope("%a3", tensorText(places, /*ints=*/true), text + (text.empty() ? "" : ">") + pairs),
        x};
    CompiledSteps steps(target(), {dense, placed});
    ASSERT_TRUE(steps.ok());
    Data input = randomData(rows * cols, 1);
    Data cos = randomData(positions * half, 2), sin = randomData(positions * half, 3);
    steps.set("cos", cos);
    steps.set("sin", sin);

    Data at;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t axis = 0; axis < axes; ++axis)
        at.push_back(static_cast<float>((5 * row + 7 * axis + 3) % positions));
    axisOf.resize(static_cast<size_t>(half), 0);
    std::vector<double> expected(input.begin(), input.end());
    for (int64_t t = 0; t < rows; ++t)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < half; ++i) {
          int64_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + half;
          auto a = static_cast<size_t>(t * cols + h * dims + first);
          auto b = static_cast<size_t>(t * cols + h * dims + second);
          auto row = static_cast<int64_t>(
              at[static_cast<size_t>(t * axes + axisOf[static_cast<size_t>(i)])]);
          auto angle = static_cast<size_t>(row * half + i);
          expected[a] = static_cast<double>(input[a]) * cos[angle] -
                        static_cast<double>(input[b]) * sin[angle];
          expected[b] = static_cast<double>(input[b]) * cos[angle] +
                        static_cast<double>(input[a]) * sin[angle];
        }
    expectNear(steps.run("placed", {input, at}, rows, 0, Split::Threads), expected, rows * cols,
               1e-6, 1e-6);

    // Consecutive rows have the bits of the form that knows them to be.
    Data consecutive;
    for (int64_t row = 0; row < rows; ++row)
      consecutive.insert(consecutive.end(), static_cast<size_t>(axes), static_cast<float>(4 + row));
    EXPECT_EQ(steps.run("placed", {input, consecutive}, rows, 0),
              steps.run("dense", {input}, rows, 4));
    // Positions outside of the table read its ends, and nothing else.
    Data outside(consecutive.size(), -1000);
    steps.run("placed", {input, outside}, rows, 0);
    std::fill(outside.begin(), outside.end(), 1000000.0f);
    steps.run("placed", {input, outside}, rows, 0);
  }
}

// The tokens of pictures take the tables' rows from the first one on, each picture anew.
TEST_P(AttentionTest, RopeOfPictures) {
  int64_t pictures = 3, tokens = 5, heads = 2, dims = 24, half = 12, cols = heads * dims;
  Shape x = {pictures, tokens, cols}, table = {tokens, half}, rows = {tokens, cols};
  auto rope = [&](const Shape &shape, const std::string &at, const std::string &type) {
    return "    %y = blue.rope %a0, %a1, %a2" + at + " {num_heads = " + number(heads) +
           " : i64} : (" + tensorText(shape) + ", " + tensorText(table) + ", " + tensorText(table) +
           type + ") -> " + tensorText(shape) + "\n    plan.yield %y : " + tensorText(shape);
  };
  std::vector<Operand> operands = {
      {Place::Input, "x", x}, {Place::Weight, "cos", table}, {Place::Weight, "sin", table}};
  StepText all{"all", pictures, operands, rope(x, "", ""), x};
  operands[0].shape = rows;
  StepText each{"each", tokens, operands,
                "    %p = plan.position\n" + rope(rows, " at %p", ", index"), rows};
  CompiledSteps steps(target(), {all, each});
  ASSERT_TRUE(steps.ok());
  Data input = randomData(pictures * tokens * cols, 1);
  steps.set("cos", randomData(tokens * half, 2));
  steps.set("sin", randomData(tokens * half, 3));
  Data expected;
  for (int64_t picture = 0; picture < pictures; ++picture) {
    auto begin = input.begin() + picture * tokens * cols;
    Data turned = steps.run("each", {Data(begin, begin + tokens * cols)}, tokens, 0);
    expected.insert(expected.end(), turned.begin(), turned.end());
  }
  EXPECT_EQ(steps.run("all", {input}, pictures, 0, Split::Threads), expected);
}
