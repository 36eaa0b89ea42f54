// plan.linear against plain loops, over ragged shapes, counts, splits and fused ops.
#include "tests/conformance/Checks.h"

#include <cmath>

using namespace bluec::conformance;

namespace {

struct LinearCase {
  int64_t rows, depth, width; // M, K, N
  bool bias = false;
};

/// y[m, n] in double, without what follows.
std::vector<double> referenceLinear(const Data &x, const Data &weight, const Data &bias,
                                    int64_t rows, int64_t depth, int64_t width) {
  std::vector<double> y(static_cast<size_t>(rows * width));
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < width; ++n) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(n)];
      for (int64_t k = 0; k < depth; ++k)
        sum += static_cast<double>(x[static_cast<size_t>(m * depth + k)]) *
               weight[static_cast<size_t>(n * depth + k)];
      y[static_cast<size_t>(m * width + n)] = sum;
    }
  return y;
}

StepText linearStep(const std::string &entry, const LinearCase &c, int64_t cols,
                    const std::string &chain = "", std::vector<Operand> more = {}) {
  StepText step;
  step.entry = entry;
  step.capacity = c.rows;
  Shape out = {c.rows, c.width};
  step.operands = {{Place::Input, "x", {c.rows, c.depth}},
                   {Place::Weight, "w", panelShape(c.width, c.depth, cols)}};
  std::string types = tensorText({c.rows, c.depth}) + ", " + tensorText(step.operands[1].shape);
  std::string biasName;
  if (c.bias) {
    step.operands.push_back({Place::Weight, "bias", {c.width}});
    types += ", " + tensorText({c.width});
    biasName = ", %a2";
  }
  step.operands.insert(step.operands.end(), more.begin(), more.end());
  step.body = "    %y = plan.linear %a0, %a1" + biasName + " : (" + types + ") -> " +
              tensorText(out) + "\n" +
              (chain.empty() ? "    plan.yield %y : " + tensorText(out) : chain);
  step.result = out;
  return step;
}

} // namespace

class LinearTest : public OnTarget {};
BLUEC_ON_ALL_TARGETS(LinearTest);

TEST_P(LinearTest, MatchesPlainLoopsOverRaggedShapes) {
  int64_t cols = 2 * lanes();
  for (LinearCase c : {LinearCase{1, 64, 64},
                       {1, 7, 1},
                       {1, 65, 538, true},
                       {2, 33, 70, true},
                       {5, 16, 31},
                       {13, 48, 64},
                       {14, 19, 40, true},
                       {29, 24, 100, true},
                       {128, 37, 96},
                       {100, 300, 33, true}}) {
    SCOPED_TRACE(std::to_string(c.rows) + "x" + std::to_string(c.depth) + "x" +
                 std::to_string(c.width));
    CompiledSteps steps(target(), {linearStep("f", c, cols)});
    ASSERT_TRUE(steps.ok());
    Data x = randomData(c.rows * c.depth, 1), w = randomData(c.width * c.depth, 2);
    Data bias = c.bias ? randomData(c.width, 3) : Data();
    steps.set("w", toPanels(w, c.width, c.depth, cols));
    if (c.bias)
      steps.set("bias", bias);
    std::vector<double> expected = referenceLinear(x, w, bias, c.rows, c.depth, c.width);
    Data whole = steps.run("f", {x}, c.rows);
    expectNear(whole, expected, c.rows * c.width, 1e-6, 1e-6 * static_cast<double>(c.depth));
    for (int64_t count : {int64_t{1}, c.rows / 2 + 1, c.rows - 1}) {
      if (count < 1)
        continue;
      Data some =
          steps.run("f", {withGarbageFrom(x, count, c.depth)}, count, 0, Split::SinglesReversed);
      expectSameBits(some, whole, count * c.width);
    }
    expectSameBits(steps.run("f", {x}, c.rows, 0, Split::Threads), whole, c.rows * c.width);
  }
}

// One row of a chunk is, bit for bit, what the form for one row computes.
TEST_P(LinearTest, OneRowAndManyRowsAgree) {
  int64_t cols = 2 * lanes();
  LinearCase many{37, 129, 90, true}, one{1, 129, 90, true};
  CompiledSteps steps(target(), {linearStep("many", many, cols), linearStep("one", one, cols)});
  ASSERT_TRUE(steps.ok());
  Data x = randomData(many.rows * many.depth, 4);
  steps.set("w", toPanels(randomData(many.width * many.depth, 5), many.width, many.depth, cols));
  steps.set("bias", randomData(many.width, 6));
  Data all = steps.run("many", {x}, many.rows);
  for (int64_t row = 0; row < many.rows; ++row) {
    Data input(x.begin() + row * many.depth, x.begin() + (row + 1) * many.depth);
    Data expected(all.begin() + row * many.width, all.begin() + (row + 1) * many.width);
    expectSameBits(steps.run("one", {input}, 1), expected, many.width);
  }
}

TEST_P(LinearTest, FusesWhatFollows) {
  int64_t cols = 2 * lanes();
  for (LinearCase c : {LinearCase{1, 40, 70}, {30, 40, 70}, {26, 40, 64}}) {
    SCOPED_TRACE(std::to_string(c.rows) + " rows");
    std::string y = tensorText({c.rows, c.width}), vector = tensorText({c.width});
    std::string chain = "    %g = blue.gelu_tanh %y : " + y + "\n    %s = blue.swiglu %a2, %g : (" +
                        y + ", " + y + ") -> " + y + "\n    %b = blue.add %s, %a3 : (" + y + ", " +
                        vector + ") -> " + y + "\n    plan.yield %b : " + y;
    CompiledSteps steps(target(), {linearStep("f", c, cols, chain,
                                              {{Place::Input, "gate", {c.rows, c.width}},
                                               {Place::Weight, "v", {c.width}}})});
    ASSERT_TRUE(steps.ok());
    Data x = randomData(c.rows * c.depth, 1), w = randomData(c.width * c.depth, 2);
    Data gate = randomData(c.rows * c.width, 7, 4), v = randomData(c.width, 8);
    steps.set("w", toPanels(w, c.width, c.depth, cols));
    steps.set("v", v);
    std::vector<double> expected = referenceLinear(x, w, {}, c.rows, c.depth, c.width);
    for (size_t i = 0; i < expected.size(); ++i) {
      double u = expected[i], g = gate[i];
      u = u / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
      expected[i] = g / (1 + std::exp(-g)) * u + v[i % static_cast<size_t>(c.width)];
    }
    Data whole = steps.run("f", {x, gate}, c.rows);
    expectNear(whole, expected, c.rows * c.width, 2e-6, 5e-5);
    expectSameBits(steps.run("f", {x, gate}, c.rows, 0, Split::Threads), whole, c.rows * c.width);
  }
}

// Position embeddings: rows of an operand without the leading dim repeat.
TEST_P(LinearTest, AddsRowsThatRepeat) {
  int64_t cols = 2 * lanes(), batch = 3, rows = 11, depth = 20, width = 50;
  StepText step;
  step.entry = "f";
  step.capacity = batch;
  std::string x = tensorText({batch, rows, depth}), y = tensorText({batch, rows, width});
  std::string table = tensorText({rows, width});
  Shape panels = panelShape(width, depth, cols);
  step.operands = {{Place::Input, "x", {batch, rows, depth}},
                   {Place::Weight, "w", panels},
                   {Place::Weight, "table", {rows, width}}};
  step.body = "    %y = plan.linear %a0, %a1 : (" + x + ", " + tensorText(panels) + ") -> " + y +
              "\n    %s = blue.add %y, %a2 : (" + y + ", " + table + ") -> " + y +
              "\n    plan.yield %s : " + y;
  step.result = {batch, rows, width};
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data input = randomData(batch * rows * depth, 1), w = randomData(width * depth, 2);
  Data positions = randomData(rows * width, 3);
  steps.set("w", toPanels(w, width, depth, cols));
  steps.set("table", positions);
  std::vector<double> expected = referenceLinear(input, w, {}, batch * rows, depth, width);
  for (size_t i = 0; i < expected.size(); ++i)
    expected[i] += positions[i % static_cast<size_t>(rows * width)];
  Data whole = steps.run("f", {input}, batch);
  expectNear(whole, expected, batch * rows * width, 1e-6, 1e-5);
  for (int64_t count = 1; count < batch; ++count)
    expectSameBits(steps.run("f", {withGarbageFrom(input, count * rows, depth)}, count), whole,
                   count * rows * width);
}
