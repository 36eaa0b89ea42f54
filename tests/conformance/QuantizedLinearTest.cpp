// plan.linear and plan.embedding over quantized panels, and over panels of f16, against plain
// loops: all weight and activation types and group sizes, ragged shapes, extreme values.
#include "tests/conformance/Checks.h"
#include "tests/conformance/Quantized.h"

#include <cmath>

using namespace bluec::conformance;

namespace {

struct Case {
  int64_t rows, depth, width; // M, K, N
  WeightFormat weight;
  RowFormat x; // with weight.dot 32: none
  bool bias = false;

  std::string text() const {
    return std::to_string(rows) + "x" + std::to_string(depth) + "x" + std::to_string(width) + " " +
           weight.element() + " dot " + std::to_string(weight.dot) + " x group " +
           std::to_string(x.group);
  }
};

/// Inputs of a case, and what comes out by plain loops: each result with the sum of its terms'
/// magnitudes, by which rounding errors are measured.
struct Expected {
  QuantizedWeight weight;
  QuantizedRows rows; // of integers
  Data floats;        // or of floats
  Data bias;
  std::vector<double> y, magnitude;

  Data input() const { return floats.empty() ? rows.pack() : floats; }
  void compute(const Case &c);
};

void Expected::compute(const Case &c) {
  y.clear();
  magnitude.clear();
  for (int64_t m = 0; m < c.rows; ++m)
    for (int64_t n = 0; n < c.width; ++n) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(n)], terms = std::fabs(sum);
      double part = 0, partTerms = 0;
      auto scales = [&](int64_t k) {
        double scale = weight.scaleAt(n, k);
        return floats.empty() ? scale * rows.scaleAt(m, k) : scale;
      };
      for (int64_t k = 0; k < c.depth; ++k) {
        auto at = static_cast<size_t>(m * c.depth + k);
        double x = floats.empty() ? rows.q[at] : floats[at];
        part += weight.at(n, k) * x;
        partTerms += std::fabs(weight.at(n, k) * x);
        if (k + 1 == c.depth || scales(k + 1) != scales(k) || (k + 1) % 256 == 0) {
          // Sums of integers are exact over some 256 elements, so only what follows rounds.
          terms += std::fabs(scales(k)) * (floats.empty() ? std::fabs(part) : partTerms);
          sum += scales(k) * part;
          part = partTerms = 0;
        }
      }
      y.push_back(sum);
      magnitude.push_back(terms);
    }
}

Expected randomCase(const Case &c, uint32_t seed) {
  Expected e;
  e.weight = randomWeight(c.weight, c.width, c.depth, seed);
  if (c.weight.dot == 32)
    e.floats = randomData(c.rows * c.depth, seed + 1);
  else
    e.rows = randomRows(c.x, c.rows, c.depth, seed + 1);
  if (c.bias)
    e.bias = randomData(c.width, seed + 2);
  e.compute(c);
  return e;
}

/// An entry of `rows` rows that reads weight `name`.
StepText linearStep(const std::string &entry, const Case &c, int64_t rows, const LayoutFacts &facts,
                    const std::string &name, const std::string &chain = "",
                    const std::vector<Operand> &more = {}) {
  StepText step;
  step.entry = entry;
  step.capacity = rows;
  Operand x{Place::Input, "x", {rows, c.depth}};
  if (c.weight.dot != 32) {
    RowFormat format = c.x.on(facts, rows);
    x.element = format.element();
    x.encoding = format.encoding();
  }
  Operand weight{Place::Weight, name, {c.width, c.depth}};
  weight.element = c.weight.element();
  weight.encoding = c.weight.encoding(facts);
  step.operands = {x, weight};
  std::string types = typeText(x) + ", " + typeText(weight), out = tensorText({rows, c.width}),
              biasName;
  if (c.bias) {
    step.operands.push_back({Place::Weight, name + "bias", {c.width}});
    types += ", " + tensorText({c.width});
    biasName = ", %a2";
  }
  step.operands.insert(step.operands.end(), more.begin(), more.end());
  step.body = "    %y = plan.linear %a0, %a1" + biasName + " : (" + types + ") -> " + out + "\n" +
              (chain.empty() ? "    plan.yield %y : " + out : chain);
  step.result = {rows, c.width};
  return step;
}

void expectWithin(const Data &actual, const Expected &e, int64_t count) {
  double worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    auto index = static_cast<size_t>(i);
    double error = std::fabs(actual[index] - e.y[index]) / (e.magnitude[index] * 1e-6 + 1e-37);
    if (!(error <= worst)) {
      worst = std::isnan(error) ? 1e300 : error;
      at = i;
    }
  }
  EXPECT_LE(worst, 1.0) << "element " << at << ": expected " << e.y[static_cast<size_t>(at)]
                        << ", found " << actual[static_cast<size_t>(at)];
}

/// Makes what a case is run with, and what has to come of it, of a seed.
using Make = std::function<Expected(const Case &, uint32_t)>;

/// Runs cases, several in a module: many rows, some of them, all splits, and each row alone; all of
/// that with what each of `makes` makes.
void check(const std::string &target, const std::vector<Case> &cases,
           const std::vector<Make> &makes) {
  std::vector<StepText> texts;
  LayoutFacts facts = layoutFacts(target);
  for (size_t i = 0; i < cases.size(); ++i) {
    std::string name = "w" + std::to_string(i);
    texts.push_back(linearStep("many" + name, cases[i], cases[i].rows, facts, name));
    if (cases[i].rows > 1)
      texts.push_back(linearStep("one" + name, cases[i], 1, facts, name));
  }
  CompiledSteps steps(target, texts);
  ASSERT_TRUE(steps.ok());
  size_t runs = steps.runs() ? cases.size() * makes.size() : 0;
  for (size_t run = 0; run < runs; ++run) {
    size_t i = run % cases.size();
    const Case &c = cases[i];
    SCOPED_TRACE(c.text());
    std::string name = "w" + std::to_string(i);
    Expected e = makes[run / cases.size()](c, static_cast<uint32_t>(10 * i + 1));
    e.rows.format = e.rows.format.on(facts, c.rows);
    steps.set(name, e.weight.pack(facts));
    if (c.bias)
      steps.set(name + "bias", e.bias);
    Data input = e.input();
    bool isFloat = !e.floats.empty();
    Data whole = steps.run("many" + name, {input}, c.rows);
    expectWithin(whole, e, c.rows * c.width);
    expectSameBits(steps.run("many" + name, {input}, c.rows, 0, Split::Threads), whole,
                   c.rows * c.width);
    if (c.rows == 1)
      continue;
    int64_t count = c.rows / 2 + 1;
    Data garbage =
        isFloat ? withGarbageFrom(input, count, c.depth) : e.rows.packWithGarbageFrom(count);
    Data some = steps.run("many" + name, {garbage}, count, 0, Split::SinglesReversed);
    expectSameBits(some, whole, count * c.width);
    for (int64_t row = 0; row < c.rows; row += 3) {
      Data one = isFloat ? Data(input.begin() + row * c.depth, input.begin() + (row + 1) * c.depth)
                         : e.rows.row(row).pack();
      Data expected(whole.begin() + row * c.width, whole.begin() + (row + 1) * c.width);
      expectSameBits(steps.run("one" + name, {one}, 1), expected, c.width);
    }
  }
}

} // namespace

class QuantizedLinearTest : public OnTarget {};
BLUEC_ON_ALL_FACTS(QuantizedLinearTest, /*narrow=*/false);

TEST_P(QuantizedLinearTest, MatchesPlainLoopsForAllFormats) {
  // Every combination of types and groups, each with another ragged shape. With other facts than a
  // target's own, each with zeros or without: they are about words, which have no part in zeros.
  bool hasOwnFacts = target().find('@') == std::string::npos;
  int64_t heights[] = {7, 13, 5, 2, 20, 9}, depths[] = {480, 136, 300, 71, 258},
          widths[] = {40, 65, 31, 64, 1, 100, 33};
  std::vector<Case> cases;
  size_t number = 0;
  for (int64_t bits : {4, 8})
    for (int64_t dot : {8, 16, 32})
      for (int64_t group : {32, 64, 128, 0})
        for (bool zeros : {false, true}) {
          Case c{heights[number % 6], depths[number % 5], widths[number % 7], {}, {}};
          c.weight = {bits, group, number % 3 != 0, zeros, dot};
          c.x = {dot, 0, group == 0 ? 64 : 32};
          c.bias = number % 2 == 0;
          if (hasOwnFacts || zeros == ((number / 2 + number / 8) % 2 == 0))
            cases.push_back(c);
          ++number;
        }
  for (size_t i = 0; i < cases.size(); i += 12)
    check(target(),
          {cases.begin() + static_cast<int64_t>(i), cases.begin() + static_cast<int64_t>(i) + 12},
          {randomCase});
}

// Tiles of many rows are followed by lower ones, as few rows are left.
TEST_P(QuantizedLinearTest, AnyNumberOfRowsGivesTheSameBits) {
  LayoutFacts facts = layoutFacts(target());
  for (int64_t bits : {4, 8}) {
    Case c{37, 128, 20, {bits, 64, true, false, 8}, {8, 64, 64}};
    CompiledSteps steps(target(), {linearStep("linear", c, c.rows, facts, "w")});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      return;
    Expected e = randomCase(c, 3);
    e.rows.format = e.rows.format.on(facts, c.rows);
    steps.set("w", e.weight.pack(facts));
    Data whole = steps.run("linear", {e.rows.pack()}, c.rows);
    expectWithin(whole, e, c.rows * c.width);
    for (int64_t count = 1; count < c.rows; ++count) {
      SCOPED_TRACE(std::to_string(count) + " rows of i" + std::to_string(bits));
      Data some = steps.run("linear", {e.rows.packWithGarbageFrom(count)}, count);
      expectSameBits(some, whole, count * c.width);
    }
  }
}

// Activations by group, longer and shorter than the weights' groups.
TEST_P(QuantizedLinearTest, MatchesPlainLoopsForActivationsByGroup) {
  check(target(),
        {{7, 300, 40, {4, 64, true, false, 8}, {8, 64, 64}},
         {6, 300, 33, {4, 128, true, false, 16}, {16, 32, 32}},
         {9, 300, 65, {8, 32, false, true, 16}, {16, 128, 32}},
         {3, 480, 31, {8, 0, true, false, 8}, {8, 64, 32}, true},
         {3, 430, 31, {4, 32, true, false, 8}, {8, 96, 32}, true}},
        {randomCase});
}

TEST_P(QuantizedLinearTest, MatchesPlainLoopsForShapesOfModels) {
  // SigLIP's 4304 is no multiple of 64; 129 rows leave a tile over, and reach a second block.
  check(target(),
        {{2, 4304, 40, {8, 0, true, false, 16}, {16, 0, 256}, true},
         {1, 4304, 200, {8, 64, true, false, 16}, {16, 0, 16}, true},
         {7, 1152, 64, {8, 0, true, false, 8}, {8, 0, 256}},
         {3, 4304, 33, {4, 0, true, true, 8}, {8, 0, 32}},
         {1, 2304, 96, {4, 64, true, false, 16}, {16, 0, 64}},
         {1, 2304, 96, {4, 64, true, false, 8}, {8, 0, 64}},
         {129, 192, 70, {4, 64, true, false, 16}, {16, 0, 64}},
         {260, 64, 33, {4, 64, true, false, 8}, {8, 0, 64}}},
        {randomCase});
}

// All integers at either end of their range: the longest stretches must not overflow.
TEST_P(QuantizedLinearTest, HoldsExtremeIntegers) {
  std::vector<Case> cases;
  for (bool zeros : {false, true})
    for (int64_t bits : {4, 8})
      for (int64_t dot : {8, 16})
        cases.push_back({3, 1600, 34, {bits, 0, true, zeros, dot}, {dot, 0, 256}});
  std::vector<Make> makes;
  for (int32_t weightEnd : {0, 1})
    for (int32_t xEnd : {0, 1})
      makes.push_back([=](const Case &c, uint32_t seed) {
        Expected e = randomCase(c, seed);
        int32_t least = -(1 << (c.weight.bits - 1)), most = -least - 1;
        std::fill(e.weight.q.begin(), e.weight.q.end(), weightEnd ? most : least);
        std::fill(e.weight.zeros.begin(), e.weight.zeros.end(), weightEnd ? least : most);
        int32_t largest = (1 << (c.x.bits - 1)) - 1;
        std::fill(e.rows.q.begin(), e.rows.q.end(), xEnd ? largest : -largest);
        e.compute(c);
        return e;
      });
  check(target(), cases, makes);
}

TEST_P(QuantizedLinearTest, HoldsExtremeScales) {
  check(target(),
        {{7, 256, 33, {4, 32, false, false, 16}, {16, 0, 32}},
         {7, 256, 33, {8, 64, false, true, 8}, {8, 32, 32}},
         {7, 256, 33, {4, 32, true, false, 8}, {8, 0, 32}},
         {7, 256, 33, {4, 32, false, false, 32}, {}}},
        {[](const Case &c, uint32_t seed) {
          Expected e = randomCase(c, seed);
          // From subnormal f16 to the largest; f32 over 40 orders of magnitude.
          e.weight = randomWeight(c.weight, c.width, c.depth, seed, c.weight.halfScales ? 0.1f : 1,
                                  c.weight.halfScales ? 5.8f : 20);
          e.weight.scales[0] = 0;
          for (size_t i = 0; i < e.rows.scales.size(); ++i)
            e.rows.scales[i] = i % 3 == 0 ? 0 : std::pow(10.0f, static_cast<float>(i % 9) - 4);
          e.compute(c);
          return e;
        }});
}

TEST_P(QuantizedLinearTest, FusesWhatFollows) {
  for (int64_t rows : {1, 9}) {
    Case c{rows, 96, 70, {4, 32, true, false, 16}, {16, 0, 32}};
    std::string y = tensorText({rows, c.width});
    std::string chain = "    %s = blue.swiglu %a2, %y : (" + y + ", " + y + ") -> " + y +
                        "\n    %b = blue.add %s, %a2 : (" + y + ", " + y + ") -> " + y +
                        "\n    plan.yield %b : " + y;
    CompiledSteps steps(target(), {linearStep("f", c, rows, facts(), "w", chain,
                                              {{Place::Input, "gate", {rows, c.width}}})});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Expected e = randomCase(c, 3);
    e.rows.format = e.rows.format.on(facts(), c.rows);
    steps.set("w", e.weight.pack(facts()));
    Data gate = randomData(rows * c.width, 7, 4);
    std::vector<double> expected;
    for (size_t i = 0; i < e.y.size(); ++i)
      expected.push_back(gate[i] / (1 + std::exp(-static_cast<double>(gate[i]))) * e.y[i] +
                         gate[i]);
    Data whole = steps.run("f", {e.input(), gate}, rows);
    expectNear(whole, expected, rows * c.width, 1e-5, 1e-3);
    expectSameBits(steps.run("f", {e.input(), gate}, rows, 0, Split::Threads), whole,
                   rows * c.width);
  }
}

// Weights of f16 are f32 by the time they are multiplied: the same bits.
TEST_P(QuantizedLinearTest, PanelsOfHalvesAreThoseOfFloats) {
  for (int64_t rows : {1, 15}) {
    int64_t depth = 70, width = 90, cols = facts().panelRows;
    Shape x = {rows, depth}, panels = panelShape(width, depth, cols), y = {rows, width};
    std::vector<StepText> texts;
    for (std::string element : {"f32", "f16"}) {
      StepText step;
      step.entry = element;
      step.capacity = rows;
      Operand weight{Place::Weight, "w" + element, panels};
      weight.element = element;
      step.operands = {{Place::Input, "x", x}, weight};
      step.body = "    %y = plan.linear %a0, %a1 : (" + tensorText(x) + ", " + typeText(weight) +
                  ") -> " + tensorText(y) + "\n    plan.yield %y : " + tensorText(y);
      step.result = y;
      texts.push_back(step);
    }
    CompiledSteps steps(target(), texts);
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data w = randomData(width * depth, 2), input = randomData(rows * depth, 1);
    for (float &value : w)
      value = toHalf(value);
    Data wide = toPanels(w, width, depth, cols);
    steps.set("wf32", wide);
    steps.set("wf16", asHalves(wide));
    expectSameBits(steps.run("f16", {input}, rows), steps.run("f32", {input}, rows), rows * width);
  }
}

TEST_P(QuantizedLinearTest, EmbeddingTakesRowsOfPanels) {
  int64_t tokens = 7, vocabulary = 75, width = 108;
  std::vector<StepText> texts;
  std::vector<WeightFormat> formats;
  for (int64_t bits : {4, 8})
    for (int64_t dot : {8, 16, 32})
      for (int64_t group : {32, 0})
        formats.push_back({bits, group, dot != 16, dot == 8, dot});
  std::string ids = tensorText({tokens}, true), out = tensorText({tokens, width});
  auto step = [&](const std::string &name, const Operand &table) {
    StepText text;
    text.entry = name;
    text.capacity = tokens;
    text.operands = {{Place::Input, "ids", {tokens}, true}, table};
    text.body = "    %y = plan.embedding %a0, %a1 : (" + ids + ", " + typeText(table) + ") -> " +
                out + "\n    plan.yield %y : " + out;
    text.result = {tokens, width};
    texts.push_back(text);
  };
  for (size_t i = 0; i < formats.size(); ++i) {
    Operand table{Place::Weight, "w" + std::to_string(i), {vocabulary, width}};
    table.element = formats[i].element();
    table.encoding = formats[i].encoding(facts());
    step("q" + std::to_string(i), table);
  }
  for (std::string element : {"f32", "f16"}) {
    Operand table{Place::Weight, "w" + element, panelShape(vocabulary, width, facts().panelRows)};
    table.element = element;
    step(element, table);
  }
  CompiledSteps steps(target(), texts);
  ASSERT_TRUE(steps.ok());
  if (!steps.runs())
    return;
  Data input = {3, 0, 74, -5, 100, 33, 40};
  auto rowOf = [&](int64_t t) {
    return std::clamp<int64_t>(static_cast<int64_t>(input[static_cast<size_t>(t)]), 0,
                               vocabulary - 1);
  };
  for (size_t i = 0; i < formats.size(); ++i) {
    SCOPED_TRACE(formats[i].element());
    QuantizedWeight weight =
        randomWeight(formats[i], vocabulary, width, static_cast<uint32_t>(i), 1, 3);
    steps.set("w" + std::to_string(i), weight.pack(facts()));
    Data found = steps.run("q" + std::to_string(i), {input}, tokens, 0, Split::Threads), expected;
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t k = 0; k < width; ++k)
        expected.push_back(weight.scaleAt(rowOf(t), k) *
                           static_cast<float>(weight.at(rowOf(t), k)));
    expectSameBits(found, expected, tokens * width);
  }
  // Rows past the table's are there in the last panel, and zero.
  Data table = randomData(vocabulary * width, 5);
  for (float &value : table)
    value = toHalf(value);
  Data panels = toPanels(table, vocabulary, width, facts().panelRows), expected;
  steps.set("wf32", panels);
  steps.set("wf16", asHalves(panels));
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t k = 0; k < width; ++k)
      expected.push_back(input[static_cast<size_t>(t)] >= static_cast<float>(vocabulary)
                             ? 0
                             : table[static_cast<size_t>(rowOf(t) * width + k)]);
  expectSameBits(steps.run("f32", {input}, tokens), expected, tokens * width);
  expectSameBits(steps.run("f16", {input}, tokens), expected, tokens * width);
}
