// plan.quantize, alone and at the end of steps that make rows.
#include "tests/conformance/Checks.h"
#include "tests/conformance/Quantized.h"

#include <cmath>
#include <limits>

using namespace bluec::conformance;

namespace {

StepText quantizeStep(const std::string &entry, const RowFormat &format, int64_t rows,
                      int64_t width, const std::string &before, const std::string &value,
                      const std::vector<Operand> &operands, const std::string &scale = "") {
  StepText step;
  step.entry = entry;
  step.capacity = rows;
  step.operands = operands;
  step.resultType = typeText({rows, width}, format.element(), format.encoding());
  step.body = before + "    %q = plan.quantize " + value + scale + " : (" +
              tensorText({rows, width}) + ") -> " + step.resultType +
              "\n    plan.yield %q : " + step.resultType;
  return step;
}

std::vector<RowFormat> formatsFor(const LayoutFacts &facts, int64_t rows) {
  std::vector<RowFormat> formats = {{8, 0, 256},  {8, 32, 32},  {16, 0, 64},
                                    {16, 64, 64}, {8, 128, 16}, {16, 0, 1024}};
  for (RowFormat &format : formats)
    format = format.on(facts, rows);
  return formats;
}

/// The same integers and scales, to the bit.
void expectSame(const QuantizedRows &found, const QuantizedRows &expected, int64_t count) {
  for (int64_t i = 0; i < count * found.k; ++i)
    if (found.q[static_cast<size_t>(i)] != expected.q[static_cast<size_t>(i)]) {
      ADD_FAILURE() << "element " << i << ": expected " << expected.q[static_cast<size_t>(i)]
                    << ", found " << found.q[static_cast<size_t>(i)];
      break;
    }
  expectSameBits(found.scales, expected.scales, count * found.groups());
}

} // namespace

class QuantizeTest : public OnTarget {};
BLUEC_ON_ALL_FACTS(QuantizeTest, /*narrow=*/false);

TEST_P(QuantizeTest, IsTheFormulaToTheBit) {
  int64_t rows = 12;
  const std::vector<RowFormat> formats = formatsFor(facts(), rows);
  for (int64_t width : {1, 64, 100, 480, 1153}) {
    std::vector<StepText> texts;
    std::string x = tensorText({rows, width});
    for (size_t i = 0; i < formats.size(); ++i) {
      Operand input{Place::Input, "x", {rows, width}};
      texts.push_back(
          quantizeStep("f" + std::to_string(i), formats[i], rows, width, "", "%a0", {input}));
      texts.push_back(quantizeStep("s" + std::to_string(i), formats[i], rows, width, "", "%a0",
                                   {input}, " scale 0.03125"));
    }
    CompiledSteps steps(target(), texts);
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    Data data = randomData(rows * width, 1);
    // From subnormal to huge; a row of zeros; ties; what is no number.
    float scales[] = {1e-44f, 1e-30f, 1e-3f, 1, 1e3f, 1e30f, 3e38f, 0};
    for (int64_t i = 0; i < 8 * width; ++i)
      data[static_cast<size_t>(i)] *= scales[i / width];
    for (int64_t i = 0; i < width; ++i)
      data[static_cast<size_t>(8 * width + i)] = static_cast<float>(i % 255 - 127) + 0.5f;
    data[static_cast<size_t>(9 * width)] = std::numeric_limits<float>::quiet_NaN();
    data[static_cast<size_t>(10 * width)] = std::numeric_limits<float>::infinity();
    data[static_cast<size_t>(11 * width)] = -std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < formats.size(); ++i) {
      RowFormat format = formats[i];
      SCOPED_TRACE(std::to_string(width) + " " + format.element());
      for (bool given : {false, true}) {
        std::string entry = (given ? "s" : "f") + std::to_string(i);
        Data whole = steps.run(entry, {data}, rows);
        QuantizedRows expected = quantize(format, data, rows, width, given ? 0.03125 : 0);
        expectSame(QuantizedRows::unpack(format, rows, width, whole, rows), expected, rows);
        Data some = steps.run(entry, {withGarbageFrom(data, 5, width)}, 5, 0, Split::Threads);
        expectSame(QuantizedRows::unpack(format, rows, width, some, 5), expected, 5);
      }
    }
  }
}

// Behind norms, chains and embeddings: what the step without it makes, quantized.
TEST_P(QuantizeTest, EndsStepsThatMakeRows) {
  for (int64_t width : {36, 192, 1000}) {
    int64_t rows = 6;
    std::string x = tensorText({rows, width}), vector = tensorText({width});
    Operand input{Place::Input, "x", {rows, width}}, other{Place::Input, "y", {rows, width}};
    Operand weight{Place::Weight, "weight", {width}}, bias{Place::Weight, "bias", {width}};
    Operand ids{Place::Input, "ids", {rows}, true}, table{Place::Weight, "table", {9, width}};
    struct Before {
      std::string name, body;
      std::vector<Operand> operands;
    };
    std::vector<Before> befores = {
        {"rms",
         "    %y = blue.rms_norm %a0, %a1 {epsilon = 1.0e-6 : f64} : (" + x + ", " + vector +
             ") -> " + x + "\n",
         {input, weight}},
        {"layer",
         "    %y = blue.layer_norm %a0, %a1, %a2 {epsilon = 1.0e-6 : f64} : (" + x + ", " + vector +
             ", " + vector + ") -> " + x + "\n",
         {input, weight, bias}},
        {"chain",
         "    %s = blue.swiglu %a0, %a1 : (" + x + ", " + x + ") -> " + x +
             "\n    %y = blue.add %s, %a0 : (" + x + ", " + x + ") -> " + x + "\n",
         {input, other}},
        {"embedding",
         "    %e = blue.embedding %a0, %a1 : (" + tensorText({rows}, true) + ", " +
             tensorText({9, width}) + ") -> " + x +
             "\n    %y = blue.scale %e {factor = 12.0 : f64} : " + x + "\n",
         {ids, table}}};
    std::vector<StepText> texts;
    RowFormat byRow = RowFormat{16, 0, 64}.on(facts(), rows);
    RowFormat byGroup = RowFormat{8, 32, 32}.on(facts(), rows);
    for (const Before &before : befores) {
      texts.push_back(quantizeStep(before.name + "Row", byRow, rows, width, before.body, "%y",
                                   before.operands));
      texts.push_back(quantizeStep(before.name + "Group", byGroup, rows, width, before.body, "%y",
                                   before.operands));
      texts.push_back({before.name,
                       rows,
                       before.operands,
                       before.body + "    plan.yield %y : " + x,
                       {rows, width}});
    }
    CompiledSteps steps(target(), texts);
    ASSERT_TRUE(steps.ok());
    if (!steps.runs())
      continue;
    steps.set("weight", randomData(width, 2));
    steps.set("bias", randomData(width, 3));
    steps.set("table", randomData(9 * width, 4));
    for (const Before &before : befores) {
      SCOPED_TRACE(before.name + " " + std::to_string(width));
      std::vector<Data> inputs;
      for (const Operand &operand : before.operands)
        if (operand.place == Place::Input)
          inputs.push_back(operand.ints ? Data{0, 8, 3, 3, 1, 7}
                                        : randomData(rows * width, 5 + inputs.size(), 3));
      Data plain = steps.run(before.name, inputs, rows);
      for (const auto &[suffix, format] :
           {std::pair{std::string("Row"), byRow}, {std::string("Group"), byGroup}}) {
        Data found = steps.run(before.name + suffix, inputs, rows, 0, Split::Threads);
        expectSame(QuantizedRows::unpack(format, rows, width, found, rows),
                   quantize(format, plain, rows, width), rows);
      }
    }
  }
}
