// Steps that work on rows: elementwise chains, embeddings, the choice of a row, im2col, and those
// that regroup, average, choose or add tokens.
#include "tests/conformance/Checks.h"

#include <cmath>
#include <functional>
#include <limits>

using namespace bluec::conformance;

class RowsTest : public OnTarget {};
BLUEC_ON_ALL_TARGETS(RowsTest);

TEST_P(RowsTest, UnaryOpsMatchTheirFormulas) {
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  struct Case {
    const char *op;
    std::function<double(double)> formula;
    double relative = 1e-5, absolute = 1e-36;
  };
  std::vector<Case> cases = {
      {"gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }, 1e-6, 5e-7},
      {"gelu_tanh",
       // The dialect's formula, without its cancellation: (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)).
       [&](double x) { return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }},
      {"quick_gelu", [&](double x) { return x * sigmoid(1.702 * x); }},
      {"silu", [&](double x) { return x * sigmoid(x); }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"tanh", [](double x) { return std::tanh(x); }, 1e-6},
      {"sigmoid", sigmoid}};
  int64_t rows = 9, width = 1003;
  Data x = randomData(rows * width, 1);
  // Rows from tiny to huge, and what no formula should stumble over.
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < width; ++i)
      x[static_cast<size_t>(r * width + i)] *= std::pow(10.0f, static_cast<float>(r - 5));
  float special[] = {0.0f,
                     -0.0f,
                     88.0f,
                     -88.0f,
                     89.0f,
                     -89.0f,
                     104.0f,
                     -104.0f,
                     1e30f,
                     -1e30f,
                     std::numeric_limits<float>::quiet_NaN()};
  std::copy(std::begin(special), std::end(special), x.begin());
  for (const Case &c : cases) {
    SCOPED_TRACE(c.op);
    std::string type = tensorText({rows, width});
    StepText step{"f",
                  rows,
                  {{Place::Input, "x", {rows, width}}},
                  std::string("    %y = blue.") + c.op + " %a0 : " + type +
                      "\n    plan.yield %y : " + type,
                  {rows, width}};
    CompiledSteps steps(target(), {step});
    ASSERT_TRUE(steps.ok());
    std::vector<double> expected;
    for (float value : x)
      expected.push_back(c.formula(value));
    // relu of not-a-number is 0 here, as in max(x, 0).
    Data whole = steps.run("f", {x}, rows);
    if (std::string(c.op) == "relu")
      expected[10] = 0;
    // Far out, where results vanish, the rounding of the argument of exp shows: 88 * 2^-24.
    expectNear(whole, expected, rows * width, c.relative, c.absolute);
    expectSameBits(steps.run("f", {withGarbageFrom(x, 4, width)}, 4, 0, Split::Threads), whole,
                   4 * width);
  }
}

TEST_P(RowsTest, ChainsMatchTheirFormulas) {
  int64_t rows = 5, width = 37;
  std::string type = tensorText({rows, width}), vector = tensorText({width});
  StepText step{"f",
                rows,
                {{Place::Input, "x", {rows, width}},
                 {Place::Input, "y", {rows, width}},
                 {Place::Weight, "v", {width}}},
                "    %0 = blue.scale %a0 {factor = 0.25 : f64} : " + type +
                    "\n    %1 = blue.sub %0, %a1 : (" + type + ", " + type + ") -> " + type +
                    "\n    %2 = blue.mul %1, %a2 : (" + type + ", " + vector + ") -> " + type +
                    "\n    %3 = blue.add %2, %a0 : (" + type + ", " + type + ") -> " + type +
                    "\n    plan.yield %3 : " + type,
                {rows, width}};
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data x = randomData(rows * width, 1), y = randomData(rows * width, 2), v = randomData(width, 3);
  steps.set("v", v);
  std::vector<double> expected;
  for (size_t i = 0; i < x.size(); ++i)
    expected.push_back((0.25 * x[i] - y[i]) * v[i % static_cast<size_t>(width)] + x[i]);
  expectNear(steps.run("f", {x, y}, rows), expected, rows * width, 1e-6, 1e-6);
}

TEST_P(RowsTest, EmbeddingTakesRowsAndStaysInTheTable) {
  int64_t tokens = 6, vocabulary = 9, width = 35;
  std::string table = tensorText({vocabulary, width}), out = tensorText({tokens, width});
  StepText step{
      "f",
      tokens,
      {{Place::Input, "ids", {tokens}, true}, {Place::Weight, "table", {vocabulary, width}}},
      "    %y = blue.embedding %a0, %a1 : (" + tensorText({tokens}, true) + ", " + table + ") -> " +
          out + "\n    plan.yield %y : " + out,
      {tokens, width}};
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data rows = randomData(vocabulary * width, 1), ids = {3, 0, 8, -5, 100, 3};
  steps.set("table", rows);
  Data whole = steps.run("f", {ids}, tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    auto id =
        std::clamp<int64_t>(static_cast<int64_t>(ids[static_cast<size_t>(t)]), 0, vocabulary - 1);
    for (int64_t i = 0; i < width; ++i)
      EXPECT_EQ(whole[static_cast<size_t>(t * width + i)],
                rows[static_cast<size_t>(id * width + i)]);
  }
}

TEST_P(RowsTest, LastRowIsTheLastValidOne) {
  int64_t tokens = 7, width = 20;
  std::string x = tensorText({tokens, width}), out = tensorText({1, width});
  StepText step{"f",
                tokens,
                {{Place::Input, "x", {tokens, width}}},
                "    %y = plan.last_row %a0 : (" + x + ") -> " + out +
                    "\n    %z = blue.scale %y {factor = 2.0 : f64} : " + out +
                    "\n    plan.yield %z : " + out,
                {1, width}};
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data data = randomData(tokens * width, 1);
  for (int64_t count = 1; count <= tokens; ++count) {
    Data row = steps.run("f", {withGarbageFrom(data, count, width)}, count);
    for (int64_t i = 0; i < width; ++i)
      EXPECT_EQ(row[static_cast<size_t>(i)],
                2 * data[static_cast<size_t>((count - 1) * width + i)]);
  }
}

TEST_P(RowsTest, Im2colLaysPatchesOutAsRows) {
  // 17 x 33 with patches of 5: pixels right of and below the last whole patch are not read. Patches
  // of 4 are two rows of four blocks of 2 x 2.
  int64_t batch = 2, channels = 3, height = 17, width = 33;
  struct {
    int64_t patch, block;
  } cases[] = {{5, 1}, {8, 1}, {8, 2}, {4, 2}, {5, 3}};
  for (auto [patch, block] : cases) {
    int64_t down = height / patch, across = width / patch;
    Shape in = {batch, channels, height, width};
    Shape out = {batch, down * across, channels * patch * patch};
    StepText step{"f",
                  batch,
                  {{Place::Input, "x", in}},
                  "    %y = plan.im2col %a0 {patch = " + std::to_string(patch) +
                      " : i64, block = " + std::to_string(block) + " : i64} : (" + tensorText(in) +
                      ") -> " + tensorText(out) + "\n    plan.yield %y : " + tensorText(out),
                  out};
    CompiledSteps steps(target(), {step});
    ASSERT_TRUE(steps.ok());
    Data x = randomData(elements(in), 1);
    std::vector<double> expected;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t p = 0; p < down * across; ++p) {
        int64_t number = p / (block * block), part = p % (block * block);
        int64_t row = number / (across / block) * block + part / block;
        int64_t column = number % (across / block) * block + part % block;
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t i = 0; i < patch * patch; ++i)
            expected.push_back(x[static_cast<size_t>(
                ((b * channels + c) * height + row * patch + i / patch) * width + column * patch +
                i % patch)]);
      }
    Data whole = steps.run("f", {x}, batch, 0, Split::Threads);
    expectNear(whole, expected, elements(out), 0, 0);
  }
}

TEST_P(RowsTest, TokenDownsamplePadsOddGrids) {
  for (bool columnMajor : {false, true})
    for (int64_t height : {3, 4}) {
      int64_t batch = 2, width = 5, channels = 18;
      int64_t down = (height + 1) / 2, across = (width + 1) / 2;
      Shape in = {batch, height * width, channels}, out = {batch, down * across, 4 * channels};
      StepText step{"f",
                    batch,
                    {{Place::Input, "x", in}},
                    "    %y = blue.token_downsample %a0 {height = " + std::to_string(height) +
                        " : i64, width = " + std::to_string(width) + " : i64" +
                        (columnMajor ? ", column_major" : "") + "} : (" + tensorText(in) + ") -> " +
                        tensorText(out) + "\n    plan.yield %y : " + tensorText(out),
                    out};
      CompiledSteps steps(target(), {step});
      ASSERT_TRUE(steps.ok());
      Data x = randomData(elements(in), 1);
      std::vector<double> expected;
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t p = 0; p < down * across; ++p)
          for (int64_t part = 0; part < 4; ++part) {
            int64_t y = p / across * 2 + (columnMajor ? part % 2 : part / 2);
            int64_t col = p % across * 2 + (columnMajor ? part / 2 : part % 2);
            for (int64_t i = 0; i < channels; ++i)
              expected.push_back(
                  y < height && col < width
                      ? x[static_cast<size_t>(((b * height + y) * width + col) * channels + i)]
                      : 0.0);
          }
      Data whole = steps.run("f", {x}, batch);
      expectNear(whole, expected, elements(out), 0, 0);
      expectSameBits(steps.run("f", {withGarbageFrom(x, height * width, channels)}, 1, 0,
                               Split::SinglesReversed),
                     whole, elements(out) / 2);
    }
}

// Each row takes the table's row of its own position, wherever a chunk begins; behind the table the
// last one.
TEST_P(RowsTest, PositionEmbeddingsFollowTheCall) {
  int64_t rows = 5, width = 37, positions = 12;
  std::string x = tensorText({rows, width}), table = tensorText({positions, width});
  StepText step{"f",
                rows,
                {{Place::Input, "x", {rows, width}}, {Place::Weight, "table", {positions, width}}},
                "    %p = plan.position\n    %y = blue.position_embedding %a0, %a1 at %p : (" + x +
                    ", " + table + ", index) -> " + x + "\n    plan.yield %y : " + x,
                {rows, width}};
  CompiledSteps steps(target(), {step});
  ASSERT_TRUE(steps.ok());
  Data in = randomData(rows * width, 1), numbers = randomData(positions * width, 2);
  steps.set("table", numbers);
  for (int64_t position : {0, 3, 7, 10}) {
    std::vector<double> expected;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < width; ++i)
        expected.push_back(
            static_cast<double>(in[static_cast<size_t>(row * width + i)]) +
            numbers[static_cast<size_t>(std::min(position + row, positions - 1) * width + i)]);
    expectNear(steps.run("f", {in}, rows, position), expected, rows * width, 1e-6, 1e-7);
    Data some = steps.run("f", {withGarbageFrom(in, 2, width)}, 2, position, Split::Threads);
    expectNear(some, expected, 2 * width, 1e-6, 1e-7);
  }
}

TEST_P(RowsTest, TokenDownsampleTakesAnyFactorAndOrder) {
  for (int64_t factor : {3, 4})
    for (bool columnMajor : {false, true})
      for (bool channelsFirst : {false, true})
        for (bool transposed : {false, true}) {
          int64_t batch = 2, height = 4, width = 7, channels = 11, parts = factor * factor;
          int64_t down = (height + factor - 1) / factor, across = (width + factor - 1) / factor;
          Shape in = {batch, height * width, channels},
                out = {batch, down * across, parts * channels};
          StepText step{"f",
                        batch,
                        {{Place::Input, "x", in}},
                        "    %y = blue.token_downsample %a0 {height = " + std::to_string(height) +
                            " : i64, width = " + std::to_string(width) +
                            " : i64, factor = " + std::to_string(factor) + " : i64" +
                            (columnMajor ? ", column_major" : "") +
                            (channelsFirst ? ", channels_first" : "") +
                            (transposed ? ", transposed" : "") + "} : (" + tensorText(in) +
                            ") -> " + tensorText(out) + "\n    plan.yield %y : " + tensorText(out),
                        out};
          CompiledSteps steps(target(), {step});
          ASSERT_TRUE(steps.ok());
          Data x = randomData(elements(in), 1);
          std::vector<double> expected(static_cast<size_t>(elements(out)));
          for (int64_t b = 0; b < batch; ++b)
            for (int64_t y = 0; y < height; ++y)
              for (int64_t col = 0; col < width; ++col)
                for (int64_t c = 0; c < channels; ++c) {
                  int64_t i = y % factor, j = col % factor;
                  int64_t part = columnMajor ? j * factor + i : i * factor + j;
                  int64_t block = transposed ? col / factor * down + y / factor
                                             : y / factor * across + col / factor;
                  int64_t k = channelsFirst ? c * parts + part : part * channels + c;
                  expected[static_cast<size_t>(((b * down * across) + block) * parts * channels +
                                               k)] =
                      x[static_cast<size_t>(((b * height + y) * width + col) * channels + c)];
                }
          expectNear(steps.run("f", {x}, batch), expected, elements(out), 0, 0);
        }
}

TEST_P(RowsTest, TokenPoolIsTheMeanOfWholeBlocks) {
  for (int64_t factor : {2, 3}) {
    int64_t batch = 2, height = 7, width = 6, channels = 19;
    int64_t down = height / factor, across = width / factor;
    Shape in = {batch, height * width, channels}, out = {batch, down * across, channels};
    StepText step{"f",
                  batch,
                  {{Place::Input, "x", in}},
                  "    %y = blue.token_pool %a0 {height = 7 : i64, width = 6 : i64, factor = " +
                      std::to_string(factor) + " : i64} : (" + tensorText(in) + ") -> " +
                      tensorText(out) + "\n    plan.yield %y : " + tensorText(out),
                  out};
    CompiledSteps steps(target(), {step});
    ASSERT_TRUE(steps.ok());
    Data x = randomData(elements(in), 1);
    std::vector<double> expected;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t p = 0; p < down * across; ++p)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (int64_t part = 0; part < factor * factor; ++part) {
            int64_t y = p / across * factor + part / factor;
            int64_t col = p % across * factor + part % factor;
            sum += x[static_cast<size_t>(((b * height + y) * width + col) * channels + c)];
          }
          expected.push_back(sum / static_cast<double>(factor * factor));
        }
    Data whole = steps.run("f", {x}, batch);
    expectNear(whole, expected, elements(out), 1e-6, 1e-6);
    expectSameBits(steps.run("f", {withGarbageFrom(x, height * width, channels)}, 1, 0,
                             Split::SinglesReversed),
                   whole, elements(out) / 2);
  }
}

TEST_P(RowsTest, TokensAreChosenAndPutInFront) {
  int64_t batch = 3, tokens = 5, channels = 21, added = 2;
  Shape in = {batch, tokens, channels}, longer = {batch, added + tokens, channels};
  Shape shorter = {batch, 3, channels};
  StepText prepend{"prepend",
                   batch,
                   {{Place::Input, "x", in}, {Place::Weight, "t", {added, channels}}},
                   "    %y = blue.token_prepend %a0, %a1 : (" + tensorText(in) + ", " +
                       tensorText({added, channels}) + ") -> " + tensorText(longer) +
                       "\n    plan.yield %y : " + tensorText(longer),
                   longer};
  StepText slice{"slice",
                 batch,
                 {{Place::Input, "x", in}},
                 "    %y = blue.token_slice %a0 {begin = 1 : i64, end = 4 : i64} : (" +
                     tensorText(in) + ") -> " + tensorText(shorter) +
                     "\n    plan.yield %y : " + tensorText(shorter),
                 shorter};
  CompiledSteps steps(target(), {prepend, slice});
  ASSERT_TRUE(steps.ok());
  Data x = randomData(elements(in), 1), t = randomData(added * channels, 2);
  steps.set("t", t);
  std::vector<double> withTokens, chosen;
  for (int64_t b = 0; b < batch; ++b) {
    withTokens.insert(withTokens.end(), t.begin(), t.end());
    auto picture = x.begin() + b * tokens * channels;
    withTokens.insert(withTokens.end(), picture, picture + tokens * channels);
    chosen.insert(chosen.end(), picture + channels, picture + 4 * channels);
  }
  Data whole = steps.run("prepend", {x}, batch, 0, Split::Threads);
  expectNear(whole, withTokens, elements(longer), 0, 0);
  expectSameBits(
      steps.run("prepend", {withGarbageFrom(x, tokens, channels)}, 1, 0, Split::SinglesReversed),
      whole, elements(longer) / batch);
  expectNear(steps.run("slice", {x}, batch, 0, Split::Threads), chosen, elements(shorter), 0, 0);
}
