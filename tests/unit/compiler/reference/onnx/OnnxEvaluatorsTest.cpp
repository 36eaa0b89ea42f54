// What an evaluator does not accept is an error at the node; it never asserts, and never makes a
// tensor beyond its limits.
#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "compiler/dialect/onnx/Onnx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

/// Evaluates the body of a function without arguments; the message of its error, "" without one.
std::string evaluate(const std::string &body, int64_t *products = nullptr) {
  MLIRContext context;
  context.loadDialect<func::FuncDialect, bluec::onnx::OnnxDialect>();
  context.printOpOnDiagnostic(false);
  std::string message;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  auto module = parseSourceString<ModuleOp>("func.func @f() {\n" + body + "\nreturn\n}", &context);
  if (!module)
    return "parse: " + message;
  reference::GraphEvaluation options;
  options.evaluators = &reference::onnxEvaluators();
  options.limits.maxElements = 1000;
  options.limits.products = products;
  (void)reference::evaluateFunction(*module->getOps<func::FuncOp>().begin(), {}, options);
  return message;
}

std::string constant(const std::string &name, const std::string &value, const std::string &type) {
  return name + " = onnx.Constant dense<" + value + "> : " + type + " : " + type + "\n";
}

TEST(EvaluatorErrors, LimitsTensors) {
  EXPECT_EQ(evaluate(constant("%a", "1.0", "tensor<f32>") +
                     constant("%s", "[100, 100]", "tensor<2xi64>") +
                     "%0 = onnx.Expand %a, %s : (tensor<f32>, tensor<2xi64>) -> tensor<*xf32>"),
            "Expand: expected at most 1000 elements, found 10000");
  EXPECT_EQ(evaluate(constant("%z", "0", "tensor<i64>") + constant("%n", "5000", "tensor<i64>") +
                     constant("%o", "1", "tensor<i64>") +
                     "%0 = onnx.Range %z, %n, %o : (tensor<i64>, tensor<i64>, tensor<i64>) -> "
                     "tensor<*xi64>"),
            "Range: expected at most 1000 elements, found 5000");
}

// Several ops share what sums of products may cost.
TEST(EvaluatorErrors, LimitsProducts) {
  const std::string body =
      constant("%a", "1.0", "tensor<2x3xf32>") + constant("%b", "1.0", "tensor<3x4xf32>") +
      "%0 = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<*xf32>\n" +
      constant("%x", "1.0", "tensor<1x1x5x5xf32>") + constant("%w", "1.0", "tensor<1x1x2x2xf32>") +
      "%n = onnx.None : none\n"
      "%1 = onnx.Conv %x, %w, %n : (tensor<1x1x5x5xf32>, tensor<1x1x2x2xf32>, none) -> "
      "tensor<*xf32>\n";
  constexpr int64_t kMatMul = 2 * 3 * 4, kConv = 4 * 4 * 2 * 2;
  for (int64_t short_ : {0, 1, int(kConv) + 1}) {
    int64_t products = kMatMul + kConv - short_;
    const std::string found = evaluate(body, &products);
    if (short_ == 0) {
      EXPECT_EQ(found, "");
      EXPECT_EQ(products, 0);
    } else {
      EXPECT_EQ(found, short_ == 1 ? "Conv: expected at most 63 products, found 64"
                                   : "MatMul: expected at most 23 products, found 24");
    }
  }
}

TEST(EvaluatorErrors, ChecksShapes) {
  EXPECT_EQ(evaluate(constant("%a", "1.0", "tensor<2x3xf32>") +
                     constant("%b", "1.0", "tensor<2x3xf32>") +
                     "%0 = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<2x3xf32>) -> "
                     "tensor<*xf32>"),
            "MatMul: expected equal inner dims, found 3 and 2");
  EXPECT_EQ(evaluate(constant("%a", "1.0", "tensor<2xf32>") +
                     constant("%b", "1.0", "tensor<3xf32>") +
                     "%0 = onnx.Add %a, %b : (tensor<2xf32>, tensor<3xf32>) -> tensor<*xf32>"),
            "Add: expected shapes that broadcast, found dims 2 and 3");
}

TEST(EvaluatorErrors, ChecksIndices) {
  EXPECT_EQ(evaluate(constant("%a", "1.0", "tensor<2xf32>") +
                     constant("%i", "[0, 2]", "tensor<2xi64>") +
                     "%0 = onnx.Gather %a, %i : (tensor<2xf32>, tensor<2xi64>) -> tensor<*xf32>"),
            "Gather: expected indices in [-2, 2), found 2");
}

TEST(EvaluatorErrors, ChecksValues) {
  EXPECT_EQ(evaluate(constant("%a", "1", "tensor<i64>") + constant("%z", "0", "tensor<i64>") +
                     "%0 = onnx.Div %a, %z : (tensor<i64>, tensor<i64>) -> tensor<*xi64>"),
            "Div: expected integer divisors other than 0");
}

TEST(EvaluatorErrors, ChecksResizes) {
  auto resize = [&](const std::string &sizes, const std::string &attributes) {
    return evaluate(constant("%x", "1.0", "tensor<2x2xf32>") + "%n = onnx.None : none\n" +
                    constant("%s", sizes, "tensor<2xi64>") + "%0 = onnx.Resize %x, %n, %n, %s {" +
                    attributes +
                    "} : (tensor<2x2xf32>, none, none, tensor<2xi64>) -> tensor<*xf32>");
  };
  EXPECT_EQ(resize("[2, 0]", "mode = \"linear\""),
            "Resize: expected dims of at least 1, found 2 to become 0.000000");
  EXPECT_EQ(resize("[2000, 2]", "mode = \"cubic\""),
            "Resize: expected at most 1000 elements, found 4000");
  EXPECT_EQ(resize("[2, 2]", "mode = \"area\""),
            "Resize: expected mode nearest, linear or cubic, found \"area\"");
  EXPECT_EQ(resize("[2, 2]", "antialias = 1 : i64"),
            "Resize: expected no axes, antialias, exclude_outside or keep_aspect_ratio_policy");
  EXPECT_EQ(resize("[2, 2]", "nearest_mode = \"near\""),
            "Resize: expected a nearest_mode of round_prefer_floor, round_prefer_ceil, floor or "
            "ceil, found \"near\"");
  EXPECT_EQ(resize("[2, 2]", "coordinate_transformation_mode = \"tf_crop_and_resize\""),
            "Resize: expected a coordinate_transformation_mode of half_pixel, pytorch_half_pixel, "
            "align_corners or asymmetric, found \"tf_crop_and_resize\"");
}

TEST(EvaluatorErrors, ChecksGroupQueries) {
  // Three rows of two heads, one for the cache, and no past; operands 9 to 15 are given or none.
  auto attend = [&](size_t place, const std::string &value, const std::string &type,
                    const std::string &attributes = "", int64_t last = 2) {
    std::string body = "%n = onnx.None : none\n" + constant("%q", "1.0", "tensor<1x3x16xf32>") +
                       constant("%l", std::to_string(last), "tensor<1xi32>") +
                       constant("%t", "1.0", "tensor<8x2xf32>") +
                       (value.empty() ? "" : constant("%v", value, type)) +
                       "%0:4 = onnx.ms.GroupQueryAttention %q, %n, %n, %n, %n, %l, %l, %t, %t";
    std::string types = "(tensor<1x3x16xf32>, none, none, none, none, tensor<1xi32>, "
                        "tensor<1xi32>, tensor<8x2xf32>, tensor<8x2xf32>";
    for (size_t i = 9; i < 16; ++i) {
      body += i == place ? ", %v" : ", %n";
      types += ", " + (i == place ? type : "none");
    }
    return evaluate(body + " {num_heads = 2 : i64, kv_num_heads = 1 : i64, do_rotary = 1 : i64" +
                    attributes + "} : " + types +
                    ") -> (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>, none)");
  };
  const std::string name = "ms.GroupQueryAttention: ";
  EXPECT_EQ(attend(0, "", ""), "");
  EXPECT_EQ(attend(0, "", "", "", 3), name + "expected seqlens_k of 0 + 3 - 1, found 3");
  EXPECT_EQ(attend(9, "0", "tensor<1x2xi64>"), name + "expected position_ids of [1, 3]");
  EXPECT_EQ(attend(9, "6", "tensor<1x3xi64>"), name + "expected positions from 0 to 7, found 8");
  EXPECT_EQ(attend(10, "0.0", "tensor<1x1x1x3xf32>"),
            name + "expected an attention_bias of floats [.., .., 3, 3]");
  EXPECT_EQ(attend(10, "0.0", "tensor<1x3x3x3xf32>"),
            name + "expected shapes that broadcast, found dims 2 and 3");
  EXPECT_EQ(attend(11, "0.0", "tensor<3xf32>"), name + "expected a head_sink of 2 floats");
  const std::string form = "expected a cache of floats, no norms of heads, no output of scores and "
                           "no window of 0";
  EXPECT_EQ(attend(12, "1.0", "tensor<1xf32>"), name + form);
  EXPECT_EQ(attend(0, "", "", ", local_window_size = 0 : i64"), name + form);
}

TEST(EvaluatorErrors, BelievesOperandsRatherThanTypes) {
  // The type claims [4], the evaluator makes [2].
  EXPECT_EQ(evaluate(constant("%a", "1.0", "tensor<2xf32>") +
                     "%0 = onnx.Neg %a : (tensor<2xf32>) -> tensor<4xf32>"),
            "");
}

TEST(EvaluatorErrors, WantsAReaderForWeights) {
  EXPECT_EQ(evaluate("%0 = onnx.Weight \"w\" <\"m\" at 0 : tensor<2xf32>> : tensor<2xf32>"),
            "expected a reader for weight \"w\"");
}

} // namespace
