// rms_norm and layer_norm against plain loops.
#include "tests/conformance/Checks.h"

#include <cmath>

using namespace bluec::conformance;

class NormTest : public OnTarget {};
BLUEC_ON_ALL_TARGETS(NormTest);

/// `vectorWidth` is that of weight and bias.
static StepText normStep(const std::string &op, int64_t rows, int64_t width, int64_t vectorWidth,
                         bool bias, const std::string &attributes) {
  StepText step;
  step.entry = "f";
  step.capacity = rows;
  step.operands = {{Place::Input, "x", {rows, width}}, {Place::Weight, "weight", {vectorWidth}}};
  std::string x = tensorText({rows, width}), vector = tensorText({vectorWidth});
  if (bias)
    step.operands.push_back({Place::Weight, "bias", {vectorWidth}});
  step.body = "    %y = blue." + op + " %a0, %a1" + (bias ? ", %a2" : "") + " " + attributes +
              " : (" + x + ", " + vector + (bias ? ", " + vector : "") + ") -> " + x +
              "\n    plan.yield %y : " + x;
  step.result = {rows, width};
  return step;
}

static std::vector<double> reference(const Data &x, const Data &weight, const Data &bias,
                                     int64_t rows, int64_t width, bool centred, double epsilon) {
  std::vector<double> y(x.size());
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = x.data() + r * width;
    double mean = 0, squares = 0;
    for (int64_t i = 0; centred && i < width; ++i)
      mean += row[i] / static_cast<double>(width);
    for (int64_t i = 0; i < width; ++i)
      squares += (row[i] - mean) * (row[i] - mean) / static_cast<double>(width);
    for (int64_t i = 0; i < width; ++i)
      y[static_cast<size_t>(r * width + i)] =
          (row[i] - mean) / std::sqrt(squares + epsilon) * weight[static_cast<size_t>(i)] +
          (bias.empty() ? 0.0 : bias[static_cast<size_t>(i)]);
  }
  return y;
}

TEST_P(NormTest, MatchesPlainLoops) {
  for (bool centred : {false, true})
    for (int64_t width : {1, 5, 16, 64, 70, 192, 1152})
      for (float scale : {1e-3f, 1.0f, 1e4f}) {
        SCOPED_TRACE(std::to_string(width) + (centred ? " layer_norm" : " rms_norm"));
        int64_t rows = 3;
        CompiledSteps steps(target(), {normStep(centred ? "layer_norm" : "rms_norm", rows, width,
                                                width, centred, "{epsilon = 1.0e-6 : f64}")});
        ASSERT_TRUE(steps.ok());
        Data x = randomData(rows * width, 1, scale), weight = randomData(width, 2);
        Data bias = centred ? randomData(width, 3) : Data();
        steps.set("weight", weight);
        if (centred)
          steps.set("bias", bias);
        Data whole = steps.run("f", {x}, rows);
        expectNear(whole, reference(x, weight, bias, rows, width, centred, 1e-6), rows * width,
                   1e-5, 2e-6);
        Data some = steps.run("f", {withGarbageFrom(x, 1, width)}, 1, 0, Split::Threads);
        expectSameBits(some, whole, width);
      }
}

// Heads, each with a norm of its own, under one weight or one for each.
TEST_P(NormTest, GroupsAreRowsOfTheirOwn) {
  for (bool centred : {false, true})
    for (bool shared : {false, true})
      for (auto [groups, each] :
           std::vector<std::pair<int64_t, int64_t>>{{2, 1}, {3, 5}, {4, 16}, {2, 64}, {5, 70}}) {
        SCOPED_TRACE(std::to_string(groups) + " groups of " + std::to_string(each));
        int64_t rows = 3, width = groups * each, vector = shared ? each : width;
        CompiledSteps steps(
            target(),
            {normStep(centred ? "layer_norm" : "rms_norm", rows, width, vector, centred,
                      "{epsilon = 1.0e-6 : f64, groups = " + std::to_string(groups) + " : i64}")});
        ASSERT_TRUE(steps.ok());
        Data x = randomData(rows * width, 1, 3), weight = randomData(vector, 2);
        Data bias = centred ? randomData(vector, 3) : Data();
        steps.set("weight", weight);
        if (centred)
          steps.set("bias", bias);
        Data whole = steps.run("f", {x}, rows);
        std::vector<double> expected;
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t group = 0; group < groups; ++group) {
            auto part = [&](const Data &from, int64_t at) {
              return from.empty() ? Data() : Data(from.begin() + at, from.begin() + at + each);
            };
            int64_t at = shared ? 0 : group * each;
            std::vector<double> y = reference(part(x, row * width + group * each), part(weight, at),
                                              part(bias, at), 1, each, centred, 1e-6);
            expected.insert(expected.end(), y.begin(), y.end());
          }
        expectNear(whole, expected, rows * width, 1e-5, 2e-6);
        Data some = steps.run("f", {withGarbageFrom(x, 1, width)}, 1, 0, Split::Threads);
        expectSameBits(some, whole, width);
      }
}
