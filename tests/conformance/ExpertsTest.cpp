// blue.route and plan.expert_linear against plain loops: ragged depths, counts, splits, fused ops.
#include "tests/conformance/Checks.h"

#include <algorithm>
#include <cmath>

using namespace bluec::conformance;

namespace {

struct ExpertsCase {
  int64_t rows, experts, places, depth, width; // T, E, k, K, N
  bool isSum = false, bias = false;
};

/// For each row two shares in turn that are not 0, at places that follow no pattern, or fewer.
Data someRouting(int64_t rows, int64_t experts, int64_t places) {
  Data routing(static_cast<size_t>(rows * experts));
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t j = 0; j < places - t % 2; ++j)
      routing[static_cast<size_t>(t * experts + (t * 5 + j * 3) % experts)] =
          0.25f + static_cast<float>(j);
  return routing;
}

std::vector<double> reference(const ExpertsCase &c, const Data &x, const Data &weight,
                              const Data &routing, const Data &bias) {
  std::vector<double> y(static_cast<size_t>(c.rows * (c.isSum ? 1 : c.places) * c.width));
  for (int64_t t = 0; t < c.rows; ++t)
    for (int64_t e = 0, place = 0; e < c.experts; ++e) {
      double share = routing[static_cast<size_t>(t * c.experts + e)];
      if (share == 0)
        continue;
      for (int64_t n = 0; n < c.width; ++n) {
        double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(e * c.width + n)];
        int64_t row = c.isSum ? t * c.places + place : t;
        for (int64_t k = 0; k < c.depth; ++k)
          sum += static_cast<double>(x[static_cast<size_t>(row * c.depth + k)]) *
                 weight[static_cast<size_t>((e * c.width + n) * c.depth + k)];
        if (c.isSum)
          y[static_cast<size_t>(t * c.width + n)] += share * sum;
        else
          y[static_cast<size_t>((t * c.places + place) * c.width + n)] = sum;
      }
      ++place;
    }
  return y;
}

StepText expertsStep(const ExpertsCase &c, int64_t cols, const std::string &chain = "") {
  Shape in = {c.rows, c.depth}, out = {c.rows, c.width};
  (c.isSum ? in : out).insert((c.isSum ? in : out).begin() + 1, c.places);
  StepText step;
  step.entry = "f";
  step.capacity = c.rows;
  step.operands = {{Place::Input, "x", in},
                   {Place::Weight, "w", panelShape(c.experts * c.width, c.depth, cols)},
                   {Place::Input, "r", {c.rows, c.experts}}};
  if (c.bias)
    step.operands.push_back({Place::Weight, "bias", {c.experts, c.width}});
  std::string names, types;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    names += (i ? ", %a" : "%a") + std::to_string(i);
    types += (i ? ", " : "") + tensorText(step.operands[i].shape);
  }
  step.body = "    %y = plan.expert_linear " + names + " : (" + types + ") -> " + tensorText(out) +
              "\n" + (chain.empty() ? "    plan.yield %y : " + tensorText(out) : chain);
  step.result = out;
  return step;
}

} // namespace

class ExpertsTest : public OnTarget {};
BLUEC_ON_ALL_TARGETS(ExpertsTest);

TEST_P(ExpertsTest, LinearMatchesPlainLoops) {
  int64_t cols = 2 * lanes();
  for (ExpertsCase c : {ExpertsCase{1, 3, 2, 7, cols},
                        {1, 5, 2, 33, 2 * cols, true, true},
                        {6, 4, 3, 19, 3 * cols, false, true},
                        {6, 4, 3, 20, cols, true},
                        {9, 11, 4, 16, 2 * cols, true, true},
                        {5, 2, 2, 9, cols}}) {
    SCOPED_TRACE(std::to_string(c.rows) + " rows, " + std::to_string(c.places) + " of " +
                 std::to_string(c.experts) + (c.isSum ? ", added up" : ""));
    CompiledSteps steps(target(), {expertsStep(c, cols)});
    ASSERT_TRUE(steps.ok());
    int64_t inRow = c.depth * (c.isSum ? c.places : 1);
    int64_t outRow = c.width * (c.isSum ? 1 : c.places);
    Data x = randomData(c.rows * inRow, 1), w = randomData(c.experts * c.width * c.depth, 2);
    Data bias = c.bias ? randomData(c.experts * c.width, 3) : Data();
    Data routing = someRouting(c.rows, c.experts, c.places);
    steps.set("w", toPanels(w, c.experts * c.width, c.depth, cols));
    if (c.bias)
      steps.set("bias", bias);
    std::vector<double> expected = reference(c, x, w, routing, bias);
    Data whole = steps.run("f", {x, routing}, c.rows);
    expectNear(whole, expected, c.rows * outRow, 1e-6, 1e-5 * static_cast<double>(c.depth));
    for (int64_t count : {int64_t{1}, c.rows / 2 + 1}) {
      Data some = steps.run(
          "f", {withGarbageFrom(x, count, inRow), withGarbageFrom(routing, count, c.experts)},
          count, 0, Split::SinglesReversed);
      expectSameBits(some, whole, count * outRow);
    }
    expectSameBits(steps.run("f", {x, routing}, c.rows, 0, Split::Threads), whole, c.rows * outRow);
  }
}

// A row's bits are its own: those of a call of one row.
TEST_P(ExpertsTest, OneRowAndManyRowsAgree) {
  int64_t cols = 2 * lanes();
  for (bool isSum : {false, true}) {
    ExpertsCase many{7, 5, 2, 21, cols, isSum, true}, one = many;
    one.rows = 1;
    StepText single = expertsStep(one, cols);
    single.entry = "one";
    CompiledSteps steps(target(), {expertsStep(many, cols), single});
    ASSERT_TRUE(steps.ok());
    int64_t inRow = many.depth * (isSum ? many.places : 1);
    int64_t outRow = many.width * (isSum ? 1 : many.places);
    Data x = randomData(many.rows * inRow, 4), routing = someRouting(7, 5, 2);
    steps.set("w", toPanels(randomData(5 * cols * 21, 5), 5 * cols, 21, cols));
    steps.set("bias", randomData(5 * cols, 6));
    Data all = steps.run("f", {x, routing}, many.rows);
    for (int64_t row = 0; row < many.rows; ++row) {
      Data in(x.begin() + row * inRow, x.begin() + (row + 1) * inRow);
      Data shares(routing.begin() + row * 5, routing.begin() + (row + 1) * 5);
      Data expected(all.begin() + row * outRow, all.begin() + (row + 1) * outRow);
      expectSameBits(steps.run("one", {in, shares}, 1), expected, outRow);
    }
  }
}

TEST_P(ExpertsTest, LinearFusesWhatFollows) {
  int64_t cols = 2 * lanes();
  ExpertsCase c{4, 3, 2, 10, cols};
  std::string type = tensorText({c.rows, c.places, c.width});
  StepText step =
      expertsStep(c, cols,
                  "    %c = blue.clamp %y {low = -0.5 : f64, high = 0.75 : f64} : " + type +
                      "\n    plan.yield %c : " + type);
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data x = randomData(c.rows * c.depth, 1), w = randomData(c.experts * c.width * c.depth, 2);
  Data routing = someRouting(c.rows, c.experts, c.places);
  steps.set("w", toPanels(w, c.experts * c.width, c.depth, cols));
  std::vector<double> expected = reference(c, x, w, routing, {});
  for (double &value : expected)
    value = std::clamp(value, -0.5, 0.75);
  expectNear(steps.run("f", {x, routing}, c.rows), expected, c.rows * c.places * c.width, 1e-6,
             1e-5);
}

TEST_P(ExpertsTest, RouteChoosesTheLargest) {
  int64_t rows = 6;
  for (int64_t experts : {1, 5, 8, 37, 64})
    for (bool isNormalized : {false, true}) {
      int64_t chosen = std::min<int64_t>(experts, 3);
      SCOPED_TRACE(std::to_string(experts) + " experts");
      Shape shape = {rows, experts};
      StepText step{"f",
                    rows,
                    {{Place::Input, "x", shape}},
                    "    %y = blue.route %a0 {chosen = " + std::to_string(chosen) + " : i64" +
                        (isNormalized ? ", normalized" : "") + "} : " + tensorText(shape) +
                        "\n    plan.yield %y : " + tensorText(shape),
                    shape};
      CompiledSteps steps(target(), {step});
      ASSERT_TRUE(steps.ok());
      Data x = randomData(rows * experts, 7, 4.0f);
      // Rows of equal logits, of large and of small ones.
      for (int64_t e = 0; e < experts; ++e) {
        x[static_cast<size_t>(e)] = 0.5f;
        x[static_cast<size_t>(experts + e)] *= 20;
        x[static_cast<size_t>(2 * experts + e)] -= 90;
      }
      std::vector<double> expected(x.size());
      for (int64_t t = 0; t < rows; ++t) {
        std::vector<int64_t> order;
        for (int64_t e = 0; e < experts; ++e)
          order.push_back(e);
        auto logit = [&](int64_t e) {
          return static_cast<double>(x[static_cast<size_t>(t * experts + e)]);
        };
        std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
          return logit(a) != logit(b) ? logit(a) > logit(b) : a > b;
        });
        double sum = 0;
        for (int64_t i = 0; i < (isNormalized ? chosen : experts); ++i)
          sum += std::exp(logit(order[static_cast<size_t>(i)]) - logit(order[0]));
        for (int64_t i = 0; i < chosen; ++i) {
          int64_t e = order[static_cast<size_t>(i)];
          expected[static_cast<size_t>(t * experts + e)] =
              std::exp(logit(e) - logit(order[0])) / sum;
        }
      }
      Data whole = steps.run("f", {x}, rows);
      expectNear(whole, expected, rows * experts, 2e-6, 1e-36);
      expectSameBits(steps.run("f", {withGarbageFrom(x, 2, experts)}, 2, 0, Split::Threads), whole,
                     2 * experts);
    }
}
