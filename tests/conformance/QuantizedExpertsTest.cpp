// plan.expert_linear over quantized panels against plain loops: types of weights and activations,
// places and sums, counts, splits, one row and many.
#include "tests/conformance/Checks.h"
#include "tests/conformance/Quantized.h"

#include <cmath>

using namespace bluec::conformance;

namespace {

struct Case {
  int64_t rows, experts, places, depth; // T, E, k, K
  int64_t panels;                       // of an expert
  WeightFormat weight;
  RowFormat x; // with weight.dot 32: none
  bool isSum = false, bias = false;

  bool isFloat() const { return weight.dot == 32; }
  int64_t rowsOfX(int64_t count) const { return count * (isSum ? places : 1); }
  int64_t rowsOfResult(int64_t count) const { return count * (isSum ? 1 : places); }
  std::string text() const {
    return std::to_string(rows) + " rows to " + std::to_string(places) + " of " +
           std::to_string(experts) + ", depth " + std::to_string(depth) + ", " + weight.element() +
           " dot " + std::to_string(weight.dot) + (isSum ? ", added up" : "");
  }
};

/// Shares that follow no pattern; every third row has one expert less.
Data someRouting(const Case &c) {
  Data routing(static_cast<size_t>(c.rows * c.experts));
  for (int64_t t = 0; t < c.rows; ++t)
    for (int64_t j = 0; j < c.places - (t % 3 == 2); ++j)
      routing[static_cast<size_t>(t * c.experts + (t * t + j) % c.experts)] =
          0.25f + static_cast<float>(j);
  return routing;
}

struct Inputs {
  QuantizedWeight weight;
  QuantizedRows rows; // of integers
  Data floats;        // or of floats
  Data routing, bias;

  /// Each result, and the sum of its terms' magnitudes.
  std::pair<std::vector<double>, std::vector<double>> results(const Case &c, int64_t width) const;
};

std::pair<std::vector<double>, std::vector<double>> Inputs::results(const Case &c,
                                                                    int64_t width) const {
  auto size = static_cast<size_t>(c.rowsOfResult(c.rows) * width);
  std::vector<double> y(size), magnitude(size, 1e-30);
  for (int64_t t = 0; t < c.rows; ++t)
    for (int64_t e = 0, place = 0; e < c.experts; ++e) {
      double share = routing[static_cast<size_t>(t * c.experts + e)];
      if (share == 0)
        continue;
      int64_t row = c.isSum ? t * c.places + place : t;
      for (int64_t n = 0; n < width; ++n) {
        int64_t channel = e * width + n;
        double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(channel)];
        double terms = std::fabs(sum);
        for (int64_t k = 0; k < c.depth; ++k) {
          double x = c.isFloat()
                         ? static_cast<double>(floats[static_cast<size_t>(row * c.depth + k)])
                         : static_cast<double>(rows.scaleAt(row, k)) *
                               rows.q[static_cast<size_t>(row * c.depth + k)];
          double term = static_cast<double>(weight.scaleAt(channel, k)) * weight.at(channel, k) * x;
          sum += term;
          terms += std::fabs(term);
        }
        auto at = static_cast<size_t>((c.isSum ? t : t * c.places + place) * width + n);
        y[at] += c.isSum ? share * sum : sum;
        magnitude[at] += c.isSum ? share * terms : terms;
      }
      ++place;
    }
  return {y, magnitude};
}

Inputs randomInputs(const Case &c, int64_t width, uint32_t seed) {
  Inputs inputs;
  inputs.weight = randomWeight(c.weight, c.experts * width, c.depth, seed);
  if (c.isFloat())
    inputs.floats = randomData(c.rowsOfX(c.rows) * c.depth, seed + 1);
  else
    inputs.rows = randomRows(c.x, c.rowsOfX(c.rows), c.depth, seed + 1);
  inputs.routing = someRouting(c);
  if (c.bias)
    inputs.bias = randomData(c.experts * width, seed + 2);
  return inputs;
}

/// An entry of `rows` rows that reads weight `name`.
StepText expertsStep(const std::string &entry, const Case &c, int64_t rows,
                     const LayoutFacts &facts, const std::string &name) {
  int64_t width = c.panels * facts.panelRows;
  Shape in = {rows, c.depth}, out = {rows, width};
  (c.isSum ? in : out).insert((c.isSum ? in : out).begin() + 1, c.places);
  StepText step;
  step.entry = entry;
  step.capacity = rows;
  Operand x{Place::Input, "x", in};
  if (!c.isFloat()) {
    RowFormat format = c.x.on(facts, c.rowsOfX(rows));
    x.element = format.element();
    x.encoding = format.encoding();
  }
  Operand weight{Place::Weight, name, {c.experts * width, c.depth}};
  weight.element = c.weight.element();
  weight.encoding = c.weight.encoding(facts);
  step.operands = {x, weight, {Place::Input, "r", {rows, c.experts}}};
  std::string types = typeText(x) + ", " + typeText(weight) + ", " + tensorText({rows, c.experts}),
              biasName;
  if (c.bias) {
    step.operands.push_back({Place::Weight, name + "bias", {c.experts, width}});
    types += ", " + tensorText({c.experts, width});
    biasName = ", %a3";
  }
  step.body = "    %y = plan.expert_linear %a0, %a1, %a2" + biasName + " : (" + types + ") -> " +
              tensorText(out) + "\n    plan.yield %y : " + tensorText(out);
  step.result = out;
  return step;
}

/// Runs cases, several in a module: all rows and some of them, all splits, and each row alone.
void check(const std::string &target, const std::vector<Case> &cases) {
  std::vector<StepText> texts;
  LayoutFacts facts = layoutFacts(target);
  for (size_t i = 0; i < cases.size(); ++i) {
    std::string name = "w" + std::to_string(i);
    texts.push_back(expertsStep("many" + name, cases[i], cases[i].rows, facts, name));
    texts.push_back(expertsStep("one" + name, cases[i], 1, facts, name));
  }
  CompiledSteps steps(target, texts);
  ASSERT_TRUE(steps.ok());
  for (size_t i = 0; steps.runs() && i < cases.size(); ++i) {
    const Case &c = cases[i];
    SCOPED_TRACE(c.text());
    std::string name = "w" + std::to_string(i);
    int64_t width = c.panels * facts.panelRows, perRow = c.rowsOfResult(1) * width;
    Inputs inputs = randomInputs(c, width, static_cast<uint32_t>(10 * i + 1));
    inputs.rows.format = inputs.rows.format.on(facts, c.rowsOfX(c.rows));
    steps.set(name, inputs.weight.pack(facts));
    if (c.bias)
      steps.set(name + "bias", inputs.bias);
    Data x = c.isFloat() ? inputs.floats : inputs.rows.pack();
    Data whole = steps.run("many" + name, {x, inputs.routing}, c.rows);
    auto [expected, magnitude] = inputs.results(c, width);
    double worst = 0;
    for (size_t j = 0; j < expected.size(); ++j) {
      double error = std::fabs(whole[j] - expected[j]) / (magnitude[j] * 2e-6 + 1e-37);
      worst = std::isnan(error) ? 1e300 : std::max(worst, error);
    }
    EXPECT_LE(worst, 1.0);
    expectSameBits(steps.run("many" + name, {x, inputs.routing}, c.rows, 0, Split::Threads), whole,
                   c.rows * perRow);
    int64_t count = c.rows / 2 + 1;
    Data garbage = c.isFloat() ? withGarbageFrom(x, count, c.rowsOfX(1) * c.depth)
                               : inputs.rows.packWithGarbageFrom(c.rowsOfX(count));
    Data shares = withGarbageFrom(inputs.routing, count, c.experts);
    expectSameBits(steps.run("many" + name, {garbage, shares}, count, 0, Split::SinglesReversed),
                   whole, count * perRow);
    for (int64_t row = 0; row < c.rows; row += 3) {
      Data one;
      if (c.isFloat()) {
        int64_t size = c.rowsOfX(1) * c.depth;
        one.assign(x.begin() + row * size, x.begin() + (row + 1) * size);
      } else {
        QuantizedRows own = inputs.rows;
        int64_t size = c.rowsOfX(1), groups = own.groups();
        own.rows = size;
        own.q.assign(inputs.rows.q.begin() + row * size * c.depth,
                     inputs.rows.q.begin() + (row + 1) * size * c.depth);
        own.scales.assign(inputs.rows.scales.begin() + row * size * groups,
                          inputs.rows.scales.begin() + (row + 1) * size * groups);
        own.format = c.x.on(facts, size);
        one = own.pack();
      }
      Data own(inputs.routing.begin() + row * c.experts,
               inputs.routing.begin() + (row + 1) * c.experts);
      Data expectedRow(whole.begin() + row * perRow, whole.begin() + (row + 1) * perRow);
      expectSameBits(steps.run("one" + name, {one, own}, 1), expectedRow, perRow);
    }
  }
}

} // namespace

class QuantizedExpertsTest : public OnTarget {};
BLUEC_ON_ALL_FACTS(QuantizedExpertsTest, /*narrow=*/false);

TEST_P(QuantizedExpertsTest, MatchesPlainLoopsForAllFormats) {
  int64_t heights[] = {7, 13, 5, 23, 9}, depths[] = {96, 136, 71, 160};
  std::vector<Case> cases;
  size_t number = 0;
  for (int64_t bits : {4, 8})
    for (int64_t dot : {8, 16, 32})
      for (bool isSum : {false, true}) {
        WeightFormat weight{bits, number % 4 == 2 ? 0 : 32, number % 3 != 0, number % 2 == 0, dot};
        RowFormat x{dot, number % 5 == 0 ? 32 : 0, 32};
        auto more = static_cast<int64_t>(number);
        Case c{heights[number % 5], 3 + more % 3, 2, depths[number % 4], 1 + more % 2, weight, x};
        c.isSum = isSum;
        c.bias = number % 3 == 0;
        cases.push_back(c);
        ++number;
      }
  check(target(), cases);
}

// All rows to one expert, more tiles than one; and more experts than rows.
TEST_P(QuantizedExpertsTest, HoldsManyRowsAndFew) {
  check(target(), {{40, 1, 1, 64, 1, {4, 64, true, false, 16}, {16, 0, 64}, true},
                   {40, 2, 2, 64, 1, {4, 64, true, false, 8}, {8, 0, 64}, false, true},
                   {3, 12, 4, 64, 2, {8, 64, true, false, 16}, {16, 0, 64}, true}});
}
