// A bundle by a double, whose layers are off by a little or, one of them, by much: each is judged
// on its own inputs.
#include "compiler/driver/verify/LayerComparison.h"

#include "compiler/reference/blue/BlueEvaluators.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

constexpr int64_t kRows = 6, kWidth = 8;

/// A reflection at (1, 2, ... 8) and a turn of the rows: lengths stay, and everything mixes.
struct Rotation : reference::WeightValues {
  FailureOr<Tensor> valuesOf(Operation *) override {
    Tensor matrix = Tensor::zeros(reference::ElementType::F32, {kWidth, kWidth});
    constexpr double kSquare = 204;
    for (int64_t i = 0; i < kWidth; ++i)
      for (int64_t j = 0; j < kWidth; ++j)
        matrix.f32[static_cast<size_t>((i + 3) % kWidth * kWidth + j)] = static_cast<float>(
            (i == j ? 1 : 0) - 2 * static_cast<double>((i + 1) * (j + 1)) / kSquare);
    return matrix;
  }
};

struct LayerComparisonTest : testing::Test {
  LayerComparisonTest() { context.loadDialect<blue::BlueDialect, func::FuncDialect>(); }

  OwningOpRef<ModuleOp> parse(const std::string &body) {
    auto module = parseSourceString<ModuleOp>(
        "func.func @f(%x0: tensor<6x8xf32>) -> tensor<6x8xf32> {\n" + body + "}",
        ParserConfig(&context));
    EXPECT_TRUE(module);
    return module;
  }

  /// `layers` rotations one after the other, of floats or of quantized rows.
  std::string rotations(int layers, const std::string &type) {
    std::string weight =
        type.empty() ? "tensor<8x8xf32>" : "tensor<8x8x!blue.quantized<i8 group row scale f16>>";
    std::string text =
        "%w = blue.weight \"w\" <\"m.onnx\" at 0 : tensor<8x8xf32>>" +
        std::string(type.empty() ? "" : " [#blue.quantize<<i8 group row scale f16>, search>]") +
        " : " + weight + "\n";
    for (int layer = 0; layer < layers; ++layer) {
      std::string n = std::to_string(layer), next = std::to_string(layer + 1);
      std::string from = "%x" + n, rows = "tensor<6x8xf32>";
      if (!type.empty()) {
        std::string quantized = "tensor<6x8x!blue.quantized<" + type + " group row scale f32>>";
        text += "%q" + n + " = blue.quantize " + from + " : (" + rows + ") -> " + quantized + "\n";
        from = "%q" + n;
        rows = quantized;
      }
      text += "%y" + n + " = blue.linear " + from + ", %w : (" + rows + ", " + weight +
              ") -> tensor<6x8xf32>\n";
      text += "%x" + next + " = blue.rms_norm %y" + n +
              ", %ones {epsilon = 1.0e-6 : f64} : (tensor<6x8xf32>, tensor<8xf32>) -> "
              "tensor<6x8xf32>\n";
    }
    return "%ones = blue.constant dense<1.0> : tensor<8xf32> : tensor<8xf32>\n" + text +
           "return %x" + std::to_string(layers) + " : tensor<6x8xf32>\n";
  }

  func::FuncOp functionOf(OwningOpRef<ModuleOp> &module) {
    return module->lookupSymbol<func::FuncOp>("f");
  }

  /// Every float is off by `drift` and by up to `noise`, and the layer `broken` in one element.
  void record(func::FuncOp function, double noise, const std::string &broken = "",
              float by = 0.25f) {
    LayerRecord::addNames(function, valueNames);
    kept = std::make_unique<LayerRecord>(kRows, valueNames);
    blue::LayerNames names(function);
    reference::GraphEvaluation how;
    how.evaluators = &reference::blueEvaluators();
    how.weights = &weights;
    bluec_entry entry{};
    entry.name = "prefill";
    entry.capacity = kRows;
    how.onResults = [&](Operation *op, MutableArrayRef<TensorPtr> results) {
      std::string name = recordedName(op, names);
      if (name.empty())
        return;
      Tensor made = *results[0];
      if (!isa<blue::QuantizeOp>(op))
        for (float &value : made.f32)
          value *= static_cast<float>(1 + drift + noise * (double(random() % 2001) / 1000 - 1));
      if (name == broken)
        made.f32[5] += by;
      bluec_step step{};
      step.name = name.c_str();
      step.output.name = name.c_str();
      step.output.dtype = BLUEC_F32;
      step.output.rank = 2;
      step.output.dims[0] = kRows;
      step.output.dims[1] = kWidth;
      std::string why;
      EXPECT_TRUE(kept->add(entry, step, nullptr, made.f32.data(), kRows, 0, why)) << why;
      results[0] = std::make_shared<const Tensor>(std::move(made));
    };
    ASSERT_TRUE(succeeded(reference::evaluateFunction(function, input(), how)));
  }

  TensorPtr input() {
    Tensor x = Tensor::zeros(reference::ElementType::F32, {kRows, kWidth});
    for (auto [i, value] : llvm::enumerate(x.f32))
      value = static_cast<float>(std::sin(0.7 * static_cast<double>(i)));
    return std::make_shared<const Tensor>(std::move(x));
  }

  LayerComparison compare(func::FuncOp same, func::FuncOp plain,
                          std::optional<double> tolerance = std::nullopt) {
    LayerComparison comparison(weights, tolerance);
    comparison.begin(*kept);
    EXPECT_TRUE(succeeded(
        comparison.compare({same, plain}, {input(), input(), input()}, {}, /*isEnd=*/true)));
    EXPECT_EQ(comparison.ends().size(), 1u);
    return comparison;
  }

  MLIRContext context;
  Rotation weights;
  llvm::StringSet<> valueNames;
  std::unique_ptr<LayerRecord> kept;
  double drift = 0;
  std::mt19937 random{7};
};

TEST_F(LayerComparisonTest, TheBrokenLayerIsNamedAndTheOnesAfterItAreRight) {
  for (const char *type : {"", "i16", "i8"}) {
    auto module = parse(rotations(9, type));
    record(functionOf(module), 1e-6, "linear_5");
    LayerComparison comparison = compare(functionOf(module), {});
    std::vector<const LayerError *> wrong = comparison.layers().wrong();
    ASSERT_EQ(wrong.size(), 1u) << type;
    EXPECT_EQ(wrong[0]->layer, "linear_5");
    EXPECT_EQ(comparison.layers().worst(), wrong[0]);
    // Along the chain, all that follow are off.
    EXPECT_GT(comparison.layers().all().back().accumulated, 1e-2);
    EXPECT_TRUE(comparison.ends()[0].isWrong() || std::string(type) == "i8");
  }
}

TEST_F(LayerComparisonTest, WhatAddsUpOverManyLayersIsRefusedNowhere) {
  auto module = parse(rotations(120, "i8")), plain = parse(rotations(120, ""));
  record(functionOf(module), 1e-5);
  LayerComparison comparison = compare(functionOf(module), functionOf(plain));
  for (const LayerError *error : comparison.layers().wrong())
    ADD_FAILURE() << error->layer << ": " << error->own << " of " << error->limit;
  double largest = 0;
  for (const LayerError &error : comparison.layers().all())
    largest = std::max(largest, error.accumulated);
  EXPECT_GT(largest, 2e-2);
  const EndError &end = comparison.ends()[0];
  EXPECT_FALSE(end.isWrong()) << end.error << " of " << end.limit;
  EXPECT_GT(end.recipeCost, kEndLimit);
  EXPECT_NEAR(end.limit, kEndLimit + kEndShare * end.recipeCost, 1e-12);
}

// Each within its limit, and all to the same side: the end has a limit of its own.
TEST_F(LayerComparisonTest, WhatIsNoRoundingShowsAtTheEnd) {
  std::string text;
  constexpr int kLayers = 150;
  for (int layer = 0; layer < kLayers; ++layer)
    text += "%x" + std::to_string(layer + 1) + " = blue.scale %x" + std::to_string(layer) +
            " {factor = 1.0 : f64} : tensor<6x8xf32>\n";
  auto module = parse(text + "return %x150 : tensor<6x8xf32>\n");
  drift = kFloatLimit / 2;
  record(functionOf(module), 0);
  LayerComparison comparison = compare(functionOf(module), {});
  EXPECT_TRUE(comparison.layers().wrong().empty());
  EXPECT_TRUE(comparison.ends()[0].isWrong());
  EXPECT_EQ(comparison.ends()[0].limit, kEndLimit);
  EXPECT_FALSE(compare(functionOf(module), {}, /*tolerance=*/1e-2).ends()[0].isWrong());
}

// Where a rounding decides between two experts, the end may be anywhere. Each layer may not.
TEST_F(LayerComparisonTest, RowsThatGoToOtherExpertsAreCountedAndBoundNothing) {
  auto module = parse(R"(%l = blue.scale %x0 {factor = 1.0 : f64} : tensor<6x8xf32>
    %r = blue.route %l {chosen = 2 : i64, normalized} : tensor<6x8xf32>
    %y = blue.scale %r {factor = 1.0 : f64} : tensor<6x8xf32>
    return %y : tensor<6x8xf32>)");
  record(functionOf(module), 0);
  EXPECT_EQ(compare(functionOf(module), {}).ends()[0].reroutedRows, 0);
  // Element 5 of the first row is small; now it is the largest.
  record(functionOf(module), 0, "scale", /*by=*/4);
  LayerComparison comparison = compare(functionOf(module), {});
  EXPECT_EQ(comparison.ends()[0].reroutedRows, 1);
  EXPECT_FALSE(comparison.ends()[0].isWrong());
  ASSERT_EQ(comparison.layers().wrong().size(), 1u);
  EXPECT_EQ(comparison.layers().wrong()[0]->layer, "scale");
  // The same choice is a layer's own error where its logits are the same.
  record(functionOf(module), 0, "route", /*by=*/0.5f);
  EXPECT_EQ(compare(functionOf(module), {}).layers().wrong()[0]->layer, "route");
}

TEST_F(LayerComparisonTest, LimitsFollowWhatIsComputed) {
  auto module = parse(rotations(2, "i8"));
  record(functionOf(module), 0);
  auto limits = [&](std::optional<double> tolerance) {
    std::vector<double> found;
    LayerComparison comparison = compare(functionOf(module), {}, tolerance);
    for (const LayerError &error : comparison.layers().all())
      found.push_back(error.limit);
    return found;
  };
  double step = 1 / 127.0 + kFloatLimit;
  EXPECT_EQ(limits(std::nullopt),
            (std::vector<double>{step, kFloatLimit, kFloatLimit, step, kFloatLimit, kFloatLimit}));
  EXPECT_EQ(limits(1e-2), std::vector<double>(6, 1e-2));
}

// What the record does not have is computed from what it has in front of it.
TEST_F(LayerComparisonTest, RunsOfOpsAreJudgedByTheirEnd) {
  auto module = parse(rotations(3, "i8"));
  record(functionOf(module), 1e-6);
  llvm::StringSet<> ends;
  for (const char *name : {"linear", "linear_2", "rms_norm_3"})
    ends.insert(name);
  LayerRecord some(kRows, ends);
  bluec_entry entry{};
  entry.name = "decode";
  entry.capacity = kRows;
  std::string why;
  for (const LayerRecord::Layer &layer : kept->layers()) {
    bluec_step step{};
    step.name = step.output.name = layer.name.c_str();
    step.output.dtype = BLUEC_F32;
    step.output.rank = 2;
    step.output.dims[0] = kRows;
    step.output.dims[1] = kWidth;
    ASSERT_TRUE(some.add(entry, step, nullptr, layer.values.f32.data(), kRows, 0, why)) << why;
  }
  LayerComparison comparison(weights, std::nullopt);
  comparison.begin(some);
  ASSERT_TRUE(succeeded(comparison.compare({functionOf(module), {}}, {input(), input(), input()},
                                           {}, /*isEnd=*/true)));
  ASSERT_EQ(comparison.layers().all().size(), 3u);
  EXPECT_TRUE(comparison.layers().wrong().empty());
  // Between them are integers that the record does not have.
  for (const LayerError &error : comparison.layers().all())
    EXPECT_EQ(error.limit, 1 / 127.0 + kFloatLimit) << error.layer;
}

} // namespace
