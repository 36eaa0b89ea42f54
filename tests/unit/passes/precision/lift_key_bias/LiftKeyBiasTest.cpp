// Keys whose large bias is lifted mean what they did: attention over a cache of 8 bits then gives
// what it gives over floats, for every way of turning channels.
#include "passes/precision/lift_key_bias/LiftKeyBias.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/blue/BlueEvaluators.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

constexpr int64_t kHeads = 2, kDims = 16, kWidth = kHeads * kDims, kRows = 12;

struct Case {
  int64_t angles;        // that turn
  const char *rope;      // more of the rope
  const char *attention; // more of the attention
  bool sinks;
  std::vector<int64_t> at; // channels with a large bias
};

class LiftKeyBias : public testing::Test {
protected:
  LiftKeyBias() { context.loadDialect<blue::BlueDialect, func::FuncDialect>(); }

  std::vector<float> numbers(int64_t count, float size = 1) {
    std::uniform_real_distribution<float> uniform(-size, size);
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(uniform(random));
    return values;
  }

  static std::string constant(const std::string &name, const std::vector<float> &values,
                              const std::string &shape, int64_t columns = 0) {
    std::string text = "%" + name + " = blue.constant \"" + name + "\" dense<[";
    for (size_t i = 0; i < values.size(); ++i) {
      char number[32];
      std::snprintf(number, sizeof(number), "%.9e", static_cast<double>(values[i]));
      bool begins = columns && i % static_cast<size_t>(columns) == 0;
      bool ends = columns && (i + 1) % static_cast<size_t>(columns) == 0;
      text += (i ? ", " : "") + std::string(begins ? "[" : "") + number + (ends ? "]" : "");
    }
    std::string type = "tensor<" + shape + "xf32>";
    return text + "]> : " + type + " : " + type + "\n";
  }

  /// The attention of a layer over an empty past of `past` elements.
  OwningOpRef<ModuleOp> parse(const Case &c, const std::string &constants,
                              const std::string &past) {
    std::string row = "tensor<?x" + std::to_string(kWidth) + "xf32>";
    std::string cache = "tensor<?x" + std::to_string(kWidth) + "x" + past + ">";
    std::string weight = "tensor<" + std::to_string(kWidth) + "x" + std::to_string(kDims) + "xf32>";
    std::string bias = "tensor<" + std::to_string(kWidth) + "xf32>", heads = std::to_string(kHeads);
    std::string table = "tensor<20x" + std::to_string(c.angles) + "xf32>";
    std::string input = "tensor<?x" + std::to_string(kDims) + "xf32>", key = "%k";
    std::string text = "func.func @f(%x: " + input + ", %q: " + row + ", %v: " + row +
                       ", %p: index, %pk: " + cache + ", %pv: " + cache + ") -> " + row + " {\n" +
                       constants + "%k = blue.linear %x, %w, %b : (" + input + ", " + weight +
                       ", " + bias + ") -> " + row + "\n";
    if (c.angles) {
      text += "%kr = blue.rope %k, %cos, %sin at %p {num_heads = " + heads + " : i64" + c.rope +
              "} : (" + row + ", " + table + ", " + table + ", index) -> " + row + "\n";
      key = "%kr";
    }
    bool narrow = past != "f32";
    text += "%y:3 = blue.attention %q, " + key + ", %v past %pk, %pv" +
            (c.sinks ? " sinks %s" : "") + " {causal, num_heads = " + heads +
            " : i64, num_kv_heads = " + heads + " : i64, scale = 0.25 : f64" + c.attention +
            (narrow ? ", compute_type = i16" : "") + "} : (" + row + ", " + row + ", " + row +
            ", " + cache + ", " + cache + (c.sinks ? ", tensor<" + heads + "xf32>" : "") + ") -> " +
            row + " present " + cache + ", " + cache + "\nreturn %y#0 : " + row + "\n}";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    EXPECT_TRUE(module) << text;
    return module;
  }

  std::vector<float> evaluate(ModuleOp module, const std::vector<Tensor> &inputs) {
    SmallVector<std::shared_ptr<const Tensor>> shared;
    for (const Tensor &input : inputs)
      shared.push_back(std::make_shared<Tensor>(input));
    reference::GraphEvaluation evaluation;
    evaluation.evaluators = &reference::blueEvaluators();
    auto outputs =
        reference::evaluateFunction(module.lookupSymbol<func::FuncOp>("f"), shared, evaluation);
    return succeeded(outputs) ? (*outputs)[0]->f32 : std::vector<float>();
  }

  MLIRContext context;
  std::mt19937 random{1};
};

double apart(const std::vector<float> &a, const std::vector<float> &b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(double(a[i]) - double(b[i])));
    size = std::max(size, std::abs(double(b[i])));
  }
  return difference / size;
}

TEST_F(LiftKeyBias, AttentionStaysWhatItIsInFloats) {
  const std::vector<Case> cases = {
      {8, "", "", false, {3, 11, 16 + 7}},          // half-split: pairs 3 and 7
      {8, ", interleaved", "", false, {5, 16 + 5}}, // pair (4, 5)
      {4, "", "", false, {2, 6, 9, 16 + 15}},       // partial; 9 and 15 do not turn
      {4, ", interleaved", ", softcap = 8.0 : f64", true, {6, 9}},
      {4, "", ", window = 3 : i64", true, {1, 16 + 12}},
      {0, "", "", false, {1, 12}}};
  for (const Case &c : cases) {
    SCOPED_TRACE(std::to_string(c.angles) + " angles" + c.rope + c.attention);
    std::vector<float> bias = numbers(kWidth), cos, sin;
    for (int64_t channel : c.at)
      bias[static_cast<size_t>(channel)] = channel % 2 ? 700 : -900;
    for (int64_t position = 0; position < 20; ++position)
      for (int64_t angle = 0; angle < c.angles; ++angle) {
        double turn = static_cast<double>(position) * std::pow(0.5, angle + 1);
        cos.push_back(static_cast<float>(std::cos(turn)));
        sin.push_back(static_cast<float>(std::sin(turn)));
      }
    std::string shape = "20x" + std::to_string(c.angles);
    std::string constants = constant("w", numbers(kWidth * kDims),
                                     std::to_string(kWidth) + "x" + std::to_string(kDims), kDims) +
                            constant("b", bias, std::to_string(kWidth));
    if (c.angles)
      constants += constant("cos", cos, shape, c.angles) + constant("sin", sin, shape, c.angles);
    if (c.sinks)
      constants += constant("s", {1, -1}, "2");
    std::vector<Tensor> inputs = {Tensor::floats({kRows, kDims}, numbers(kRows * kDims)),
                                  Tensor::floats({kRows, kWidth}, numbers(kRows * kWidth, 0.05f)),
                                  Tensor::floats({kRows, kWidth}, numbers(kRows * kWidth)),
                                  Tensor::ints({}, {0}),
                                  Tensor::floats({0, kWidth}, {}),
                                  Tensor::floats({0, kWidth}, {})};
    std::vector<float> expected = evaluate(*parse(c, constants, "f32"), inputs);
    ASSERT_EQ(static_cast<int64_t>(expected.size()), kRows * kWidth);
    OwningOpRef<ModuleOp> module = parse(c, constants, "!blue.quantized<i8 group 16 scale f16>");
    double before = apart(evaluate(*module, inputs), expected);
    PassManager passes(&context);
    passes.addPass(createLiftKeyBias());
    ASSERT_TRUE(succeeded(passes.run(*module)));
    double after = apart(evaluate(*module, inputs), expected);
    EXPECT_LE(after, 0.02);
    EXPECT_GE(before, 2 * after);
  }
}

} // namespace
