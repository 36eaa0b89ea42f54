// The plain evaluators of the blue dialect against numbers worked out by hand.
#include "compiler/reference/blue/BlueEvaluators.h"
#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

class BlueEvaluators : public testing::Test {
protected:
  BlueEvaluators() { context.loadDialect<blue::BlueDialect, func::FuncDialect>(); }

  /// Runs `func.func @f(SIGNATURE { BODY }`. Empty on failure, with the error in `message`.
  SmallVector<Tensor> run(const std::string &text, std::vector<Tensor> inputs) {
    ScopedDiagnosticHandler keep(&context, [&](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>("func.func @f" + text, ParserConfig(&context));
    EXPECT_TRUE(module) << message;
    SmallVector<Tensor> results;
    if (!module)
      return results;
    SmallVector<std::shared_ptr<const Tensor>> shared;
    for (Tensor &input : inputs)
      shared.push_back(std::make_shared<Tensor>(std::move(input)));
    reference::GraphEvaluation evaluation;
    evaluation.evaluators = &reference::blueEvaluators();
    auto outputs =
        reference::evaluateFunction(module->lookupSymbol<func::FuncOp>("f"), shared, evaluation);
    if (succeeded(outputs))
      for (const auto &output : *outputs)
        results.push_back(*output);
    return results;
  }

  void expectFloats(const Tensor &tensor, std::vector<int64_t> shape, std::vector<float> values) {
    ASSERT_EQ(tensor.shape, shape);
    ASSERT_EQ(tensor.f32.size(), values.size());
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_FLOAT_EQ(tensor.f32[i], values[i]) << "element " << i;
  }

  /// y = op(x) for one element.
  float unary(const std::string &op, float x) {
    auto results = run("(%x: tensor<1xf32>) -> tensor<1xf32> { %y = blue." + op +
                           " : tensor<1xf32> return %y : tensor<1xf32> }",
                       {Tensor::floats({1}, {x})});
    return results.empty() ? NAN : results[0].f32[0];
  }

  MLIRContext context;
  std::string message;
};

TEST_F(BlueEvaluators, Linear) {
  auto y = run("(%x: tensor<?x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {"
               "%y = blue.linear %x, %w, %b : (tensor<?x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> "
               "tensor<?x3xf32> return %y : tensor<?x3xf32> }",
               {Tensor::floats({2, 2}, {1, 2, 3, 4}), Tensor::floats({3, 2}, {1, 0, 0, 1, 1, 1}),
                Tensor::floats({3}, {10, 20, 30})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2, 3}, {11, 22, 33, 13, 24, 37});
}

TEST_F(BlueEvaluators, LinearAccumulatesInDouble) {
  // In float, 2^24 + 1 - 2^24 is 0.
  auto y =
      run("(%x: tensor<1x3xf32>, %w: tensor<1x3xf32>) -> tensor<1x1xf32> {"
          "%y = blue.linear %x, %w : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x1xf32>"
          "return %y : tensor<1x1xf32> }",
          {Tensor::floats({1, 3}, {16777216, 1, -16777216}), Tensor::floats({1, 3}, {1, 1, 1})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 1}, {1});
}

TEST_F(BlueEvaluators, ResultsAreRoundedToTheirType) {
  // 2049 lies between two numbers of f16, and goes to the even one.
  auto y = run("(%x: tensor<2xf16>) -> tensor<2xf16> { %y = blue.add %x, %x : (tensor<2xf16>, "
               "tensor<2xf16>) -> tensor<2xf16> return %y : tensor<2xf16> }",
               {Tensor::floats({2}, {1024.5f, 1.0f})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2}, {2048, 2});
}

TEST_F(BlueEvaluators, Norms) {
  Tensor x = Tensor::floats({1, 2}, {1, 7}), w = Tensor::floats({2}, {1, 2});
  auto rms = run("(%x: tensor<?x2xf32>, %w: tensor<2xf32>) -> tensor<?x2xf32> {"
                 "%y = blue.rms_norm %x, %w {epsilon = 0.0} : (tensor<?x2xf32>, tensor<2xf32>) -> "
                 "tensor<?x2xf32> return %y : tensor<?x2xf32> }",
                 {x, w});
  ASSERT_EQ(rms.size(), 1u);
  expectFloats(rms[0], {1, 2}, {0.2f, 2.8f}); // the root of the mean square is 5
  auto layer = run("(%x: tensor<?x2xf32>, %w: tensor<2xf32>) -> tensor<?x2xf32> {"
                   "%y = blue.layer_norm %x, %w, %w {epsilon = 7.0} : (tensor<?x2xf32>, "
                   "tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32> return %y : tensor<?x2xf32> }",
                   {x, w});
  ASSERT_EQ(layer.size(), 1u);
  expectFloats(layer[0], {1, 2}, {1 - 0.75f, 2 + 1.5f}); // the variance is 9
}

TEST_F(BlueEvaluators, Rope) {
  // At position 1, pairs turn by a quarter and by nothing; at position 0 by nothing.
  Tensor cos = Tensor::floats({2, 2}, {1, 1, 0, 1}), sin = Tensor::floats({2, 2}, {0, 0, 1, 0});
  auto turn = [&](const std::string &attributes) {
    return run("(%x: tensor<?x5xf32>, %c: tensor<2x2xf32>, %s: tensor<2x2xf32>, %p: index) -> "
               "tensor<?x5xf32> { %y = blue.rope %x, %c, %s at %p {num_heads = 1" +
                   attributes +
                   "} : (tensor<?x5xf32>, tensor<2x2xf32>, tensor<2x2xf32>, index) -> "
                   "tensor<?x5xf32> return %y : tensor<?x5xf32> }",
               {Tensor::floats({1, 5}, {1, 2, 3, 4, 5}), cos, sin, Tensor::ints({}, {1})});
  };
  auto half = turn(""), interleaved = turn(", interleaved");
  ASSERT_EQ(half.size(), 1u);
  expectFloats(half[0], {1, 5}, {-3, 2, 1, 4, 5}); // the fifth dim passes through
  ASSERT_EQ(interleaved.size(), 1u);
  expectFloats(interleaved[0], {1, 5}, {-2, 1, 3, 4, 5});
}

TEST_F(BlueEvaluators, RopeOutsideOfItsTables) {
  auto y = run("(%x: tensor<?x2xf32>, %c: tensor<2x1xf32>, %p: index) -> tensor<?x2xf32> { %y = "
               "blue.rope %x, %c, %c at %p {num_heads = 1} : (tensor<?x2xf32>, tensor<2x1xf32>, "
               "tensor<2x1xf32>, index) -> tensor<?x2xf32> return %y : tensor<?x2xf32> }",
               {Tensor::floats({2, 2}, {1, 2, 3, 4}), Tensor::floats({2, 1}, {1, 1}),
                Tensor::ints({}, {1})});
  EXPECT_TRUE(y.empty());
  EXPECT_EQ(message, "'blue.rope' op expected positions within 0 to 2, found 2 of row 1");
}

TEST_F(BlueEvaluators, RopeAtPositionsOfEachRow) {
  // At position 0 nothing turns, at 1 by a right angle.
  Tensor cos = Tensor::floats({2, 2}, {1, 1, 0, 0}), sin = Tensor::floats({2, 2}, {0, 0, 1, 1});
  auto turn = [&](const std::string &positions, const std::string &attributes, Tensor places) {
    const std::string types =
        "(tensor<?x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>, " + positions + ") -> tensor<?x4xf32>";
    return run("(%x: tensor<?x4xf32>, %c: tensor<2x2xf32>, %s: tensor<2x2xf32>, %p: " + positions +
                   ") -> tensor<?x4xf32> { %y = blue.rope %x, %c, %s at %p {num_heads = 1" +
                   attributes + "} : " + types + " return %y : tensor<?x4xf32> }",
               {Tensor::floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), cos, sin, std::move(places)});
  };
  auto rows = turn("tensor<?xi32>", "", Tensor::ints({2}, {1, 0}));
  ASSERT_EQ(rows.size(), 1u);
  expectFloats(rows[0], {2, 4}, {-3, -4, 1, 2, 5, 6, 7, 8});
  // The first angle follows the first axis, the second the other.
  auto axes =
      turn("tensor<?x2xi32>", ", axes = array<i64: 0, 1>", Tensor::ints({2, 2}, {1, 0, 0, 1}));
  ASSERT_EQ(axes.size(), 1u);
  expectFloats(axes[0], {2, 4}, {-3, 2, 1, 4, 5, -8, 7, 6});
}

TEST_F(BlueEvaluators, RopeOfPictures) {
  // Every picture begins at the tables' first row: its first token turns by a right angle.
  auto y = run("(%x: tensor<?x2x2xf32>, %c: tensor<2x1xf32>, %s: tensor<2x1xf32>) -> "
               "tensor<?x2x2xf32> { %y = blue.rope %x, %c, %s {num_heads = 1} : "
               "(tensor<?x2x2xf32>, tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<?x2x2xf32> return "
               "%y : tensor<?x2x2xf32> }",
               {Tensor::floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), Tensor::floats({2, 1}, {0, 1}),
                Tensor::floats({2, 1}, {1, 0})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2, 2, 2}, {-2, 1, 3, 4, -6, 5, 7, 8});
}

TEST_F(BlueEvaluators, CausalAttentionWithPast) {
  // One key head of width 1 for two query heads. All keys are 0, so that what is seen is averaged.
  auto y = run("(%q: tensor<?x2xf32>, %k: tensor<?x1xf32>, %v: tensor<?x1xf32>, %pk: "
               "tensor<?x1xf32>, %pv: tensor<?x1xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>, "
               "tensor<?x1xf32>) { %y, %k1, %v1 = blue.attention %q, %k, %v past %pk, %pv {causal, "
               "num_heads = 2, num_kv_heads = 1, scale = 1.0} : (tensor<?x2xf32>, tensor<?x1xf32>, "
               "tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x2xf32> present "
               "tensor<?x1xf32>, tensor<?x1xf32> return %y, %k1, %v1 : tensor<?x2xf32>, "
               "tensor<?x1xf32>, tensor<?x1xf32> }",
               {Tensor::floats({2, 2}, {1, 2, 3, 4}), Tensor::floats({2, 1}, {0, 0}),
                Tensor::floats({2, 1}, {4, 9}), Tensor::floats({1, 1}, {0}),
                Tensor::floats({1, 1}, {2})});
  ASSERT_EQ(y.size(), 3u);
  expectFloats(y[0], {2, 2}, {3, 3, 5, 5});
  expectFloats(y[1], {3, 1}, {0, 0, 0});
  expectFloats(y[2], {3, 1}, {2, 4, 9});
}

TEST_F(BlueEvaluators, Quantize) {
  const std::string type = "tensor<?x4x!blue.quantized<i8 group row scale f32>>";
  const std::string head = "(%x: tensor<?x4xf32>) -> " + type + " { %q = blue.quantize %x ";
  const std::string tail = ": (tensor<?x4xf32>) -> " + type + " return %q : " + type + " }";
  // Scales 2 and 0.5; -0.25 is half way between 0 and -1 half, and goes to the even one.
  auto y = run(head + tail,
               {Tensor::floats({3, 4}, {254, -3, 1.5, -254, 63.5, -0.25, 0.75, 10, 0, 0, 0, 0})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {3, 4}, {254, -4, 2, -254, 63.5, 0, 1, 10, 0, 0, 0, 0});
  // One scale for all rows, beyond which values end.
  y = run(head + "scale 0.5 " + tail, {Tensor::floats({1, 4}, {254, -1000, 1.2f, 0.1f})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 4}, {63.5, -63.5, 1, 0});
}

TEST_F(BlueEvaluators, QuantizeByGroups) {
  auto y = run("(%x: tensor<?x6xf32>) -> tensor<?x6x!blue.quantized<i8 group 4 scale f16>> { "
               "%q = blue.quantize %x : (tensor<?x6xf32>) -> "
               "tensor<?x6x!blue.quantized<i8 group 4 scale f16>> "
               "return %q : tensor<?x6x!blue.quantized<i8 group 4 scale f16>> }",
               {Tensor::floats({1, 6}, {127, 1, 0.4f, -2, 12.7f, 0.1f})});
  ASSERT_EQ(y.size(), 1u);
  float tenth = 0.0999755859375f; // 0.1 as f16
  expectFloats(y[0], {1, 6}, {127, 1, 0, -2, tenth * 127, tenth});
}

TEST_F(BlueEvaluators, AttentionOverAQuantizedCache) {
  // Keys are 0: values are averaged, as the cache holds them (scale 1: 127 and whole numbers).
  const std::string past = "tensor<?x4x!blue.quantized<i8 group 4 scale f16>>";
  auto y = run("(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: " + past +
                   ", %pv: " + past + ") -> (tensor<?x4xf32>, " + past + ", " + past +
                   ") { %y, %k1, %v1 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads "
                   "= 1, num_kv_heads = 1, scale = 1.0, compute_type = i8} : (tensor<?x4xf32>, "
                   "tensor<?x4xf32>, tensor<?x4xf32>, " +
                   past + ", " + past + ") -> tensor<?x4xf32> present " + past + ", " + past +
                   " return %y, %k1, %v1 : tensor<?x4xf32>, " + past + ", " + past + " }",
               {Tensor::floats({1, 4}, {1, 2, 3, 4}), Tensor::floats({1, 4}, {0, 0, 0, 0}),
                Tensor::floats({1, 4}, {127, 2.4f, -6.6f, 0}), Tensor::floats({1, 4}, {0, 0, 0, 0}),
                Tensor::floats({1, 4}, {127, 4, 1, 2})});
  ASSERT_EQ(y.size(), 3u);
  expectFloats(y[0], {1, 4}, {127, 3, -3, 1});
  expectFloats(y[2], {2, 4}, {127, 4, 1, 2, 127, 2, -7, 0});
}

TEST_F(BlueEvaluators, AttentionQuantizesTheQuery) {
  // Scores are q * 1 for the past and 0 for the row itself. The query's second element, 0.4 of a
  // step, goes to 0; its key is the only one that is not, so both positions weigh the same.
  const std::string past = "tensor<?x4x!blue.quantized<i8 group 4 scale f16>>";
  auto y = run("(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: " + past +
                   ", %pv: " + past + ") -> (tensor<?x4xf32>, " + past + ", " + past +
                   ") { %y, %k1, %v1 = blue.attention %q, %k, %v past %pk, %pv {causal, num_heads "
                   "= 1, num_kv_heads = 1, scale = 1.0, compute_type = i8} : (tensor<?x4xf32>, "
                   "tensor<?x4xf32>, tensor<?x4xf32>, " +
                   past + ", " + past + ") -> tensor<?x4xf32> present " + past + ", " + past +
                   " return %y, %k1, %v1 : tensor<?x4xf32>, " + past + ", " + past + " }",
               {Tensor::floats({1, 4}, {127, 0.4f, 0, 0}), Tensor::floats({1, 4}, {0, 0, 0, 0}),
                Tensor::floats({1, 4}, {127, 0, 0, 0}), Tensor::floats({1, 4}, {0, 127, 0, 0}),
                Tensor::floats({1, 4}, {0, 127, 0, 0})});
  ASSERT_EQ(y.size(), 3u);
  expectFloats(y[0], {1, 4}, {63.5, 63.5, 0, 0});
}

TEST_F(BlueEvaluators, LiftedKeys) {
  // Cached keys are 0. The query's products with the basis are 1 and 2; times the table's rows they
  // are scores of 0 and log 3, which no quantization of the query touches.
  const std::string past = "tensor<?x4x!blue.quantized<i8 group 4 scale f16>>";
  auto attend = [&](const std::vector<float> &table, int64_t positions) {
    std::string rows = "tensor<" + std::to_string(positions) + "x2xf32>";
    return run("(%q: tensor<?x4xf32>, %k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %pk: " + past +
                   ", %pv: " + past + ", %b: tensor<1x2x4xf32>, %t: " + rows +
                   ") -> tensor<?x4xf32> { %y, %k1, %v1 = blue.attention %q, %k, %v past %pk, %pv "
                   "lifted %b by %t {causal, num_heads = 1, num_kv_heads = 1, scale = 1.0, "
                   "compute_type = i8} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, " +
                   past + ", " + past + ", tensor<1x2x4xf32>, " + rows +
                   ") -> tensor<?x4xf32> present " + past + ", " + past +
                   " return %y : tensor<?x4xf32> }",
               {Tensor::floats({1, 4}, {1, 2, 0, 0}), Tensor::floats({1, 4}, {0, 0, 0, 0}),
                Tensor::floats({1, 4}, {127, 2, -7, 0}), Tensor::floats({1, 4}, {0, 0, 0, 0}),
                Tensor::floats({1, 4}, {127, 4, 1, 2}),
                Tensor::floats({1, 2, 4}, {1, 0, 0, 5, 0, 1, 5, 0}),
                Tensor::floats({positions, 2}, table)});
  };
  auto y = attend({0, 0, std::log(3.0f) - 0.5f, 0.25f, 9, 9}, 3);
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 4}, {127, 2.5f, -5, 0.5f});
  // A table that ends before the positions do.
  EXPECT_TRUE(attend({0, 0}, 1).empty());
}

TEST_F(BlueEvaluators, EncoderAttention) {
  // Scores are 0 and log 3 after the scale: weights 1/4 and 3/4. Batches do not mix.
  float log3 = std::log(3.0f);
  auto y = run("(%q: tensor<?x2x1xf32>, %v: tensor<?x2x1xf32>) -> tensor<?x2x1xf32> { %y = "
               "blue.attention %q, %q, %v {num_heads = 1, num_kv_heads = 1, scale = 0.5} : "
               "(tensor<?x2x1xf32>, tensor<?x2x1xf32>, tensor<?x2x1xf32>) -> tensor<?x2x1xf32> "
               "return %y : tensor<?x2x1xf32> }",
               {Tensor::floats({2, 2, 1}, {0, std::sqrt(2 * log3), 0, 0}),
                Tensor::floats({2, 2, 1}, {4, 8, 1, 3})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2, 2, 1}, {6, 7, 2, 2});
}

/// Attention of one head of two dims over two tokens, without a past.
static std::string encoderAttention(const std::string &computeType) {
  return "(%q: tensor<1x2x2xf32>, %k: tensor<1x2x2xf32>, %v: tensor<1x2x2xf32>) -> "
         "tensor<1x2x2xf32> { %y = blue.attention %q, %k, %v {num_heads = 1, num_kv_heads = 1, "
         "scale = 1.0, compute_type = " +
         computeType +
         "} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<1x2x2xf32> "
         "return %y : tensor<1x2x2xf32> }";
}

TEST_F(BlueEvaluators, EncoderAttentionInBytes) {
  // 0.4 of a step goes to 0 in query and key, so that scores are 0; values keep whole steps.
  auto y = run(encoderAttention("i8"), {Tensor::floats({1, 2, 2}, {127, 0.4f, 127, 0}),
                                        Tensor::floats({1, 2, 2}, {0.4f, 127, 0, 127}),
                                        Tensor::floats({1, 2, 2}, {127, 2.4f, 127, 3.8f})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 2}, {127, 3, 127, 3});
}

TEST_F(BlueEvaluators, EncoderAttentionInWords) {
  // The norm of (4, 4) bounds the query's scale to 5.66 / 46300 rather than 4 / 32767; values go to
  // 8191, so that 0.4 of a step is lost.
  auto quantized = [](float x, float scale) { return std::nearbyint(x / scale) * scale; };
  float scale = std::sqrt(32.0f) / 46300;
  auto score = double(quantized(4, scale)) * double(quantized(0.25f, 0.25f / 32767));
  auto y = run(encoderAttention("i16"), {Tensor::floats({1, 2, 2}, {4, 4, 4, 4}),
                                         Tensor::floats({1, 2, 2}, {0.25f, 0, 0, 0}),
                                         Tensor::floats({1, 2, 2}, {8191, 1.4f, 8191, 1})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 2}, {8191, 1, 8191, 1});
  auto weights = run(encoderAttention("i16"), {Tensor::floats({1, 2, 2}, {4, 4, 4, 4}),
                                               Tensor::floats({1, 2, 2}, {0.25f, 0, 0, 0}),
                                               Tensor::floats({1, 2, 2}, {8191, 0, 0, 0})});
  ASSERT_EQ(weights.size(), 1u);
  auto share = static_cast<float>(8191 * std::exp(score) / (std::exp(score) + 1));
  expectFloats(weights[0], {1, 2, 2}, {share, 0, share, 0});
}

TEST_F(BlueEvaluators, PatchEmbed) {
  // Sums of 2x2 patches; the third column of pixels is in no whole patch.
  auto y = run("(%x: tensor<?x1x2x5xf32>, %w: tensor<1x1x2x2xf32>, %b: tensor<1xf32>) -> "
               "tensor<?x2x1xf32> { %y = blue.patch_embed %x, %w, %b : (tensor<?x1x2x5xf32>, "
               "tensor<1x1x2x2xf32>, tensor<1xf32>) -> tensor<?x2x1xf32> return %y : "
               "tensor<?x2x1xf32> }",
               {Tensor::floats({1, 1, 2, 5}, {1, 2, 3, 4, 100, 5, 6, 7, 8, 100}),
                Tensor::floats({1, 1, 2, 2}, {1, 1, 1, 1}), Tensor::floats({1}, {0.5})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 1}, {14.5, 22.5});
}

TEST_F(BlueEvaluators, TokenDownsample) {
  // 1 2 3
  // 4 5 6  and a column of zeros.
  auto join = [&](const std::string &order) {
    return run("(%x: tensor<?x6x1xf32>) -> tensor<?x2x4xf32> { %y = blue.token_downsample %x {" +
                   order +
                   "height = 2, width = 3} : (tensor<?x6x1xf32>) -> tensor<?x2x4xf32> return %y : "
                   "tensor<?x2x4xf32> }",
               {Tensor::floats({1, 6, 1}, {1, 2, 3, 4, 5, 6})});
  };
  auto rows = join(""), columns = join("column_major, ");
  ASSERT_EQ(rows.size(), 1u);
  expectFloats(rows[0], {1, 2, 4}, {1, 2, 4, 5, 3, 0, 6, 0});
  ASSERT_EQ(columns.size(), 1u);
  expectFloats(columns[0], {1, 2, 4}, {1, 4, 2, 5, 3, 6, 0, 0});
}

// Blocks of 3 x 3 of a grid of 4 x 3, column by column, their channels apart.
TEST_F(BlueEvaluators, TokenDownsampleOfOtherOrders) {
  std::vector<float> x;
  for (int i = 0; i < 24; ++i)
    x.push_back(static_cast<float>(i + 1)); // token t holds 2 t + 1 and 2 t + 2
  auto y = run("(%x: tensor<?x12x2xf32>) -> tensor<?x2x18xf32> { %y = blue.token_downsample %x "
               "{channels_first, column_major, factor = 3, height = 3, width = 4} : "
               "(tensor<?x12x2xf32>) -> tensor<?x2x18xf32> return %y : tensor<?x2x18xf32> }",
               {Tensor::floats({1, 12, 2}, x)});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 18}, {1, 9,  17, 3, 11, 19, 5, 13, 21, 2, 10, 18, 4, 12, 20, 6, 14, 22,
                                  7, 15, 23, 0, 0,  0,  0, 0,  0,  8, 16, 24, 0, 0,  0,  0, 0,  0});
}

TEST_F(BlueEvaluators, TokenDownsampleTransposed) {
  auto y = run("(%x: tensor<?x8x1xf32>) -> tensor<?x2x4xf32> { %y = blue.token_downsample %x "
               "{height = 4, transposed, width = 2} : (tensor<?x8x1xf32>) -> tensor<?x2x4xf32> "
               "return %y : tensor<?x2x4xf32> }",
               {Tensor::floats({1, 8, 1}, {1, 2, 3, 4, 5, 6, 7, 8})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  auto z =
      run("(%x: tensor<?x16x1xf32>) -> tensor<?x4x4xf32> { %y = blue.token_downsample %x "
          "{height = 4, transposed, width = 4} : (tensor<?x16x1xf32>) -> tensor<?x4x4xf32> "
          "return %y : tensor<?x4x4xf32> }",
          {Tensor::floats({1, 16, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})});
  ASSERT_EQ(z.size(), 1u);
  expectFloats(z[0], {1, 4, 4}, {1, 2, 5, 6, 9, 10, 13, 14, 3, 4, 7, 8, 11, 12, 15, 16});
}

// The last row and column of a 3 x 5 grid are in no block of 2 x 2.
TEST_F(BlueEvaluators, TokenPool) {
  auto y = run("(%x: tensor<?x15x1xf32>) -> tensor<?x2x1xf32> { %y = blue.token_pool %x "
               "{factor = 2, height = 3, width = 5} : (tensor<?x15x1xf32>) -> tensor<?x2x1xf32> "
               "return %y : tensor<?x2x1xf32> }",
               {Tensor::floats({1, 15, 1}, {1, 2, 3, 4, 99, 6, 7, 8, 9, 99, 99, 99, 99, 99, 99})});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {1, 2, 1}, {4, 6});
}

TEST_F(BlueEvaluators, TokensInFrontAndWithout) {
  auto y =
      run("(%x: tensor<?x2x2xf32>, %t: tensor<1x2xf32>) -> (tensor<?x3x2xf32>, "
          "tensor<?x2x2xf32>) { %y = blue.token_prepend %x, %t : (tensor<?x2x2xf32>, "
          "tensor<1x2xf32>) -> tensor<?x3x2xf32> %z = blue.token_slice %y {begin = 0, end = 2} "
          ": (tensor<?x3x2xf32>) -> tensor<?x2x2xf32> return %y, %z : tensor<?x3x2xf32>, "
          "tensor<?x2x2xf32> }",
          {Tensor::floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), Tensor::floats({1, 2}, {9, 10})});
  ASSERT_EQ(y.size(), 2u);
  expectFloats(y[0], {2, 3, 2}, {9, 10, 1, 2, 3, 4, 9, 10, 5, 6, 7, 8});
  expectFloats(y[1], {2, 2, 2}, {9, 10, 1, 2, 9, 10, 5, 6});
}

// Of equal logits the last is chosen. Shares are of all experts, or of the row's own.
TEST_F(BlueEvaluators, Route) {
  for (bool isNormalized : {false, true}) {
    std::string attributes = isNormalized ? "{chosen = 2, normalized}" : "{chosen = 2}";
    auto y = run("(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { %y = blue.route %x " + attributes +
                     " : tensor<?x4xf32> return %y : tensor<?x4xf32> }",
                 {Tensor::floats({2, 4}, {0, 0, 0, 0, 3, -1000, 3, -1000})});
    ASSERT_EQ(y.size(), 1u);
    float tied = isNormalized ? 0.5f : 0.25f;
    expectFloats(y[0], {2, 4}, {0, 0, tied, tied, 0.5f, 0, 0.5f, 0});
  }
}

// Row 0 goes to expert 1 alone, row 1 to 0 and 2.
TEST_F(BlueEvaluators, ExpertLinear) {
  Tensor routing = Tensor::floats({2, 3}, {0, 0.5f, 0, 0.25f, 0, 2});
  Tensor weight = Tensor::floats({3, 1, 2}, {1, 0, 0, 1, 1, 1});
  Tensor bias = Tensor::floats({3, 1}, {10, 20, 30});
  auto y = run("(%x: tensor<?x2xf32>, %w: tensor<3x1x2xf32>, %r: tensor<?x3xf32>, "
               "%b: tensor<3x1xf32>) -> tensor<?x2x1xf32> { %y = blue.expert_linear %x, %w, %r, %b "
               ": (tensor<?x2xf32>, tensor<3x1x2xf32>, tensor<?x3xf32>, tensor<3x1xf32>) -> "
               "tensor<?x2x1xf32> return %y : tensor<?x2x1xf32> }",
               {Tensor::floats({2, 2}, {1, 2, 3, 4}), weight, routing, bias});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2, 2, 1}, {22, 0, 13, 37});
  auto sum = run("(%x: tensor<?x2x2xf32>, %w: tensor<3x1x2xf32>, %r: tensor<?x3xf32>) -> "
                 "tensor<?x1xf32> { %y = blue.expert_linear %x, %w, %r : (tensor<?x2x2xf32>, "
                 "tensor<3x1x2xf32>, tensor<?x3xf32>) -> tensor<?x1xf32> return %y : "
                 "tensor<?x1xf32> }",
                 {Tensor::floats({2, 2, 2}, {1, 2, 99, 99, 3, 4, 5, 6}), weight, routing});
  ASSERT_EQ(sum.size(), 1u);
  expectFloats(sum[0], {2, 1}, {1, 0.25f * 3 + 2 * 11});
}

TEST_F(BlueEvaluators, Clamp) {
  auto y = run("(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) { %y = blue.clamp %x "
               "{low = -1.0, high = 2.0} : tensor<3xf32> %z = blue.clamp %x {high = 2.0} : "
               "tensor<3xf32> return %y, %z : tensor<3xf32>, tensor<3xf32> }",
               {Tensor::floats({3}, {-5, 1, 5})});
  ASSERT_EQ(y.size(), 2u);
  expectFloats(y[0], {3}, {-1, 1, 2});
  expectFloats(y[1], {3}, {-5, 1, 2});
}

// Quantized tokens stay the numbers that they stand for: each has its own scale, 2 and 100.
TEST_F(BlueEvaluators, TokenDownsampleOfIntegers) {
  const char *text =
      "(%x: tensor<?x2x4xf32>) -> tensor<?x1x8xf32> {"
      "%q = blue.quantize %x : (tensor<?x2x4xf32>) -> "
      "tensor<?x2x4x!blue.quantized<i8 group row scale f32>> "
      "%d = blue.token_downsample %q {height = 1, width = 2} : "
      "(tensor<?x2x4x!blue.quantized<i8 group row scale f32>>) -> "
      "tensor<?x1x16x!blue.quantized<i8 group 4 scale f32>> "
      "%w = blue.constant dense<1.0> : tensor<8x16xf32> : tensor<8x16xf32> "
      "%v = blue.quantize %w : (tensor<8x16xf32>) -> "
      "tensor<8x16x!blue.quantized<i8 group row scale f32>> "
      "%y = blue.linear %d, %v : (tensor<?x1x16x!blue.quantized<i8 group 4 scale f32>>, "
      "tensor<8x16x!blue.quantized<i8 group row scale f32>>) -> tensor<?x1x8xf32> "
      "return %y : tensor<?x1x8xf32> }";
  auto y = run(text, {Tensor::floats({1, 2, 4}, {254, 3.9F, 0, 0, 12700, 149, 0, 0})});
  ASSERT_EQ(y.size(), 1u) << message;
  ASSERT_EQ(y[0].f32.size(), 8U);
  EXPECT_FLOAT_EQ(y[0].f32[0], 254 + 4 + 12700 + 100);
}

TEST_F(BlueEvaluators, Embedding) {
  const char *text = "(%ids: tensor<?xi64>, %t: tensor<3x2xf32>) -> tensor<?x2xf32> {"
                     "%e = blue.embedding %ids, %t : (tensor<?xi64>, tensor<3x2xf32>) -> "
                     "tensor<?x2xf32> return %e : tensor<?x2xf32> }";
  Tensor table = Tensor::floats({3, 2}, {1, 2, 3, 4, 5, 6});
  auto y = run(text, {Tensor::ints({2}, {2, 1}), table});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2, 2}, {5, 6, 3, 4});
  EXPECT_TRUE(run(text, {Tensor::ints({2}, {2, 3}), table}).empty());
  EXPECT_EQ(message, "'blue.embedding' op expected ids from 0 to 2, found 3");
}

TEST_F(BlueEvaluators, Elementwise) {
  EXPECT_FLOAT_EQ(unary("gelu %x", 1), 0.8413447f);
  EXPECT_FLOAT_EQ(unary("gelu_tanh %x", 1), 0.841192f);
  EXPECT_FLOAT_EQ(unary("quick_gelu %x", 1), 0.8457958f);
  EXPECT_FLOAT_EQ(unary("silu %x", 1), 0.7310586f);
  EXPECT_FLOAT_EQ(unary("relu %x", -1), 0);
  EXPECT_FLOAT_EQ(unary("relu %x", 2), 2);
  EXPECT_FLOAT_EQ(unary("tanh %x", 1), 0.7615942f);
  EXPECT_FLOAT_EQ(unary("sigmoid %x", 1), 0.7310586f);
  EXPECT_FLOAT_EQ(unary("scale %x {factor = 2.5}", 2), 5);
  auto binary = [&](const std::string &op) {
    return run("(%x: tensor<?x2xf32>, %y: tensor<2xf32>) -> tensor<?x2xf32> { %z = blue." + op +
                   " %x, %y : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32> return %z : "
                   "tensor<?x2xf32> }",
               {Tensor::floats({2, 2}, {1, 2, 3, 4}), Tensor::floats({2}, {10, 20})});
  };
  expectFloats(binary("add").front(), {2, 2}, {11, 22, 13, 24});
  expectFloats(binary("sub").front(), {2, 2}, {-9, -18, -7, -16});
  expectFloats(binary("mul").front(), {2, 2}, {10, 40, 30, 80});
  expectFloats(binary("swiglu").front(), {2, 2}, {7.310586f, 35.23188f, 28.577223f, 78.5611f});
}

TEST_F(BlueEvaluators, Constants) {
  auto y = run("() -> tensor<2xf32> { %y = blue.constant dense<[1.0, 2.0]> : tensor<2xf32> : "
               "tensor<2xf32> return %y : tensor<2xf32> }",
               {});
  ASSERT_EQ(y.size(), 1u);
  expectFloats(y[0], {2}, {1, 2});
}

TEST_F(BlueEvaluators, OperandsThatDoNotFit) {
  auto y = run("(%x: tensor<?x2xf32>) -> tensor<?x2xf32> { %y = blue.tanh %x : tensor<?x2xf32> "
               "return %y : tensor<?x2xf32> }",
               {Tensor::floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  EXPECT_TRUE(y.empty());
  EXPECT_EQ(message, "'blue.tanh' op expected an operand 'tensor<?x2xf32>', found shape [2, 3]");
}

} // namespace
