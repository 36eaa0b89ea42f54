// plan.linear with `gather`: against plain loops, and bit for bit against plan.linear over the rows
// that it never makes. Grids of odd and even sides, both orders of the four tokens, all types.
#include "tests/conformance/Checks.h"
#include "tests/conformance/Quantized.h"

#include <cmath>

using namespace bluec::conformance;

namespace {

struct Case {
  int64_t batch, height, width, channels, outputs;
  bool columnMajor = false;
  std::optional<WeightFormat> weight = {}; // none: panels of floats
  RowFormat x = {};                        // where weight.dot is not 32
  bool bias = false;
  bool wide = true; // plan.linear can take the gathered rows too

  int64_t tokens() const { return height * width; }
  int64_t rows() const { return (height + 1) / 2 * ((width + 1) / 2); }
  int64_t depth() const { return 4 * channels; }
  bool hasIntegers() const { return weight && weight->dot != 32; }
  std::string text() const {
    return std::to_string(batch) + "x" + std::to_string(height) + "x" + std::to_string(width) +
           "x" + std::to_string(channels) + (weight ? " " + weight->element() : " floats") +
           " dot " + std::to_string(weight ? weight->dot : 32) +
           (columnMajor ? " column major" : "");
  }
  /// The token that is part `part` of a gathered row, or -1 for one of the padding.
  int64_t tokenOf(int64_t row, int64_t part) const {
    int64_t across = (width + 1) / 2, within = row % rows();
    int64_t y = within / across * 2 + (columnMajor ? part % 2 : part / 2);
    int64_t x = within % across * 2 + (columnMajor ? part / 2 : part % 2);
    return y < height && x < width ? row / rows() * tokens() + y * width + x : -1;
  }
};

/// A step over tokens, or over the rows that they become.
StepText step(const std::string &entry, const Case &c, bool gathers, const LayoutFacts &facts) {
  StepText text;
  text.entry = entry;
  text.capacity = c.batch;
  Operand x{Place::Input, "x", {c.batch, gathers ? c.tokens() : c.rows(), c.channels}};
  if (!gathers)
    x.shape.back() = c.depth();
  Operand weight{Place::Weight, "w", panelShape(c.outputs, c.depth(), facts.panelRows)};
  if (c.weight) {
    weight.shape = {c.outputs, c.depth()};
    weight.element = c.weight->element();
    weight.encoding = c.weight->encoding(facts);
  }
  if (c.hasIntegers()) {
    RowFormat format = c.x.on(facts, c.batch * (gathers ? c.tokens() : c.rows()));
    if (!gathers && format.group == 0)
      format.group = c.channels;
    x.element = format.element();
    x.encoding = format.encoding();
  }
  text.operands = {x, weight};
  std::string types = typeText(x) + ", " + typeText(weight), bias;
  if (c.bias) {
    text.operands.push_back({Place::Weight, "bias", {c.outputs}});
    types += ", " + tensorText({c.outputs});
    bias = ", %a2";
  }
  std::string gather = " gather <height = " + std::to_string(c.height) +
                       ", width = " + std::to_string(c.width) +
                       (c.columnMajor ? ", columnMajor = true>" : ">");
  text.result = {c.batch, c.rows(), c.outputs};
  std::string out = tensorText(text.result);
  text.body = "    %y = plan.linear %a0, %a1" + bias + (gathers ? gather : "") + " : (" + types +
              ") -> " + out + "\n    %r = blue.relu %y : " + out + "\n    plan.yield %r : " + out;
  return text;
}

/// Rows of [.., channels] elements side by side; `zero` for the padding.
template <typename Element>
std::vector<Element> gathered(const Case &c, const std::vector<Element> &tokens, int64_t each) {
  std::vector<Element> rows;
  for (int64_t row = 0; row < c.batch * c.rows(); ++row)
    for (int64_t part = 0; part < 4; ++part)
      for (int64_t i = 0, token = c.tokenOf(row, part); i < each; ++i)
        rows.push_back(token < 0 ? Element(0) : tokens[static_cast<size_t>(token * each + i)]);
  return rows;
}

class GatheredLinearTest : public OnTarget {
protected:
  void check(const Case &c, uint32_t seed);
};
BLUEC_ON_ALL_FACTS(GatheredLinearTest, /*narrow=*/false);

void GatheredLinearTest::check(const Case &c, uint32_t seed) {
  SCOPED_TRACE(c.text());
  std::vector<StepText> texts = {step("gathers", c, true, facts())};
  if (c.wide)
    texts.push_back(step("wide", c, false, facts()));
  CompiledSteps steps(target(), texts);
  ASSERT_TRUE(steps.ok());
  if (!steps.runs())
    return;

  Data bias = c.bias ? randomData(c.outputs, seed + 2) : Data();
  if (c.bias)
    steps.set("bias", bias);
  QuantizedWeight weight;
  Data floatWeight;
  if (c.weight) {
    weight = randomWeight(*c.weight, c.outputs, c.depth(), seed);
    steps.set("w", weight.pack(facts()));
  } else {
    floatWeight = randomData(c.outputs * c.depth(), seed);
    steps.set("w", toPanels(floatWeight, c.outputs, c.depth(), facts().panelRows));
  }
  QuantizedRows tokens, rows;
  Data input, wideInput, numbers; // what the gathered rows stand for
  if (c.hasIntegers()) {
    tokens = randomRows(c.x, c.batch * c.tokens(), c.channels, seed + 1);
    tokens.format = tokens.format.on(facts(), tokens.rows);
    input = tokens.pack();
    rows = tokens;
    rows.format = c.x.on(facts(), c.batch * c.rows());
    rows.format.group = tokens.group();
    rows.rows = c.batch * c.rows();
    rows.k = c.depth();
    rows.q = gathered(c, tokens.q, c.channels);
    rows.scales = gathered(c, tokens.scales, tokens.groups());
    wideInput = c.wide ? rows.pack() : Data();
    for (int64_t row = 0; row < rows.rows; ++row)
      for (int64_t k = 0; k < rows.k; ++k)
        numbers.push_back(rows.scaleAt(row, k) *
                          static_cast<float>(rows.q[static_cast<size_t>(row * rows.k + k)]));
  } else {
    input = randomData(c.batch * c.tokens() * c.channels, seed + 1);
    wideInput = numbers = gathered(c, input, c.channels);
  }

  int64_t elements = c.batch * c.rows() * c.outputs;
  Data whole = steps.run("gathers", {input}, c.batch);
  for (int64_t i = 0; i < elements; ++i) {
    int64_t row = i / c.outputs, n = i % c.outputs;
    double sum = c.bias ? bias[static_cast<size_t>(n)] : 0.0, terms = std::fabs(sum);
    for (int64_t k = 0; k < c.depth(); ++k) {
      double w = c.weight ? static_cast<double>(weight.scaleAt(n, k)) * weight.at(n, k)
                          : floatWeight[static_cast<size_t>(n * c.depth() + k)];
      double term = w * numbers[static_cast<size_t>(row * c.depth() + k)];
      sum += term;
      terms += std::fabs(term);
    }
    ASSERT_NEAR(whole[static_cast<size_t>(i)], std::max(sum, 0.0), 2e-6 * terms + 1e-30)
        << "element " << i;
  }
  if (c.wide)
    expectSameBits(steps.run("wide", {wideInput}, c.batch), whole, elements);
  expectSameBits(steps.run("gathers", {input}, c.batch, 0, Split::Threads), whole, elements);
  for (int64_t count = 1; count < c.batch; ++count) {
    Data garbage = c.hasIntegers() ? tokens.packWithGarbageFrom(count * c.tokens())
                                   : withGarbageFrom(input, count * c.tokens(), c.channels);
    Data some = steps.run("gathers", {garbage}, count, 0, Split::SinglesReversed);
    expectSameBits(some, whole, count * c.rows() * c.outputs);
  }
}

} // namespace

TEST_P(GatheredLinearTest, FloatsByFloats) {
  uint32_t seed = 1;
  for (Case c : {Case{3, 7, 7, 18, 40}, Case{2, 27, 27, 5, 33, true}, Case{2, 4, 6, 16, 64},
                 Case{1, 2, 2, 7, 70}, Case{2, 1, 1, 9, 31, true}, Case{1, 1, 5, 24, 32},
                 Case{3, 5, 2, 12, 96}}) {
    c.bias = seed % 2 == 0;
    check(c, seed++);
  }
}

TEST_P(GatheredLinearTest, IntegersOfAllFormats) {
  uint32_t seed = 1;
  for (int64_t bits : {4, 8})
    for (int64_t dot : {8, 16, 32})
      for (int64_t group : {16, 48, 0}) {
        const std::pair<int64_t, int64_t> grids[] = {{7, 7}, {3, 5}, {4, 4}, {2, 2}, {1, 3}};
        auto [height, width] = grids[seed % 5];
        Case c{seed % 3 + 1, height, width, 48, 33, seed % 2 == 0};
        c.weight = WeightFormat{bits, group, seed % 3 != 0, seed % 4 == 0, dot};
        // A scale a token, or as many as weights have.
        c.x = {dot, dot == 8 && seed % 2 == 0 ? 16 : 0, 16};
        c.bias = seed % 2 == 1;
        // There a chain of floats goes over the whole row, here it ends with a token.
        c.wide = dot != 32 || group != 0;
        check(c, seed++);
      }
}

// SigLIP's 1152 and the toy's 144 elements: the longest stretches that the types allow, sums that
// end short with a token, and tiles that are cut by the last row.
TEST_P(GatheredLinearTest, ShapesOfModels) {
  Case siglip{1, 27, 27, 1152, 40};
  siglip.weight = WeightFormat{8, 128, true, false, 16};
  siglip.x = {16, 0, 128};
  siglip.bias = true;
  check(siglip, 1);
  siglip.weight->dot = 8;
  siglip.x = {8, 128, 128};
  check(siglip, 2);
  Case byRow{2, 3, 3, 1152, 40};
  byRow.weight = WeightFormat{8, 0, true, false, 16};
  byRow.x = {16, 0, 256};
  byRow.wide = false; // a whole row there cannot be cut within a sum
  check(byRow, 3);
  Case toy{4, 7, 7, 144, 192};
  toy.weight = WeightFormat{8, 48, true, false, 8};
  toy.x = {8, 48, 16};
  check(toy, 4);
}

// What stands where the padding would be is not read: an infinite scale of another token is none of
// the row's business.
TEST_P(GatheredLinearTest, PaddingAddsNothing) {
  for (int64_t dot : {8, 32}) {
    Case c{1, 3, 3, 16, 32};
    c.weight = WeightFormat{8, 16, true, false, dot};
    c.x = {8, 0, 16};
    CompiledSteps steps(target(), {step("gathers", c, true, facts())});
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    steps.set("w", randomWeight(*c.weight, c.outputs, c.depth(), 1).pack(facts()));
    // Only the lower right row: token 8, and three of the padding.
    QuantizedRows tokens = randomRows(c.x, c.tokens(), c.channels, 2);
    tokens.format = tokens.format.on(facts(), tokens.rows);
    Data floats = randomData(c.tokens() * c.channels, 3);
    Data before = steps.run("gathers", {dot == 8 ? tokens.pack() : floats}, 1);
    for (int64_t token = 0; token < 8; ++token) {
      tokens.scales[static_cast<size_t>(token)] = INFINITY;
      for (int64_t i = 0; i < c.channels; ++i)
        floats[static_cast<size_t>(token * c.channels + i)] = INFINITY;
    }
    Data after = steps.run("gathers", {dot == 8 ? tokens.pack() : floats}, 1);
    int64_t last = (c.rows() - 1) * c.outputs;
    expectSameBits(Data(after.begin() + last, after.end()),
                   Data(before.begin() + last, before.end()), c.outputs);
  }
}
