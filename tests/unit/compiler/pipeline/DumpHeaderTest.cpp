// What dumps say first, and what the manifest says of precision.
#include "compiler/pipeline/DumpHeader.h"
#include "compiler/pipeline/Manifest.h"
#include "compiler/pipeline/PrecisionText.h"

#include "compiler/dialect/plan/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

TEST(PrecisionText, NamesModules) {
  EXPECT_EQ(modulePattern("decoder/layers.12/mlp/up_proj"), "decoder/layers.*/mlp/up_proj");
  EXPECT_EQ(modulePattern("vision/blocks.0.1/q.3"), "vision/blocks.0.*/q.*");
  EXPECT_EQ(modulePattern("decoder/fc1/v2.5b"), "decoder/fc1/v2.5b");
  EXPECT_EQ(modulePattern("7"), "7");
  EXPECT_EQ(modulePattern(""), "");
}

struct DumpHeaderTest : testing::Test {
  DumpHeaderTest() {
    context.loadDialect<blue::BlueDialect, plan::PlanDialect, func::FuncDialect>();
  }
  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }
  MLIRContext context;
};

TEST_F(DumpHeaderTest, SaysNothingOfOtherModules) {
  auto module = parse("func.func private @kernel()");
  EXPECT_EQ(dumpHeader(*module), "");
}

TEST_F(DumpHeaderTest, SaysWhatWeightsBecome) {
  auto module = parse(R"(
    func.func @e(%x: tensor<?x64xf32>) -> tensor<?x8xf32> attributes {blue.role = "vision"} {
      %w = blue.weight "w" <"m" at 0 : tensor<8x64xf16>> [#blue.convert<f32>, #blue.quantize<<i4 group 32 scale f16>, search>]
        : tensor<8x64x!blue.quantized<i4 group 32 scale f16>>
      %y = blue.linear %x, %w : (tensor<?x64xf32>, tensor<8x64x!blue.quantized<i4 group 32 scale f16>>) -> tensor<?x8xf32>
        loc("/layers.3/fc/MatMul")
      return %y : tensor<?x8xf32>
    }
  )");
  ASSERT_TRUE(module);
  EXPECT_EQ(dumpHeader(*module),
            "// In short:\n//   vision/layers.*/fc                                    1x  weights "
            "f16 -> i4 group 32 scale f16 by search; activations f32\n");
}

TEST_F(DumpHeaderTest, SaysHowAPromptIsCut) {
  auto module = parse(R"(
    module attributes {plan.context = 20 : i64} {
      plan.cache @k : tensor<20x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 8, dot i16>>
      plan.weight @w #blue.source<"m" at 0 : tensor<8x8xf32>> packed tensor<1x8x8xf32> segment "s" offset 0
      plan.weight @same #blue.source<"m" at 0 : tensor<8x8xf32>> packed tensor<1x8x8xf32> segment "s" offset 0
      plan.entry @prefill kind prefill capacity 8 segment "s" arena 1000000 {
      ^bb0(%x: tensor<8x8xf32>):
        %w = plan.get_weight @w : tensor<1x8x8xf32>
        %0 = plan.step "decoder/layers.0/q" value "q" on "cpu"(%x, %w) : (tensor<8x8xf32>, tensor<1x8x8xf32>) -> tensor<8x8xf32> {
        ^bb0(%a: tensor<8x8xf32>, %b: tensor<1x8x8xf32>):
          %r = plan.linear %a, %b : (tensor<8x8xf32>, tensor<1x8x8xf32>) -> tensor<8x8xf32>
          plan.yield %r : tensor<8x8xf32>
        }
        plan.return %0 : tensor<8x8xf32>
      }
    }
  )");
  ASSERT_TRUE(module);
  std::string header = dumpHeader(*module);
  for (const char *line :
       {"//   prefill  8 tokens a call, 1 steps on cpu, arena 1.00 MB; a prompt of 20 tokens takes 3 "
        "calls\n",
        "//   weights of s: 1 of f32, 0.00 MB\n",
        "//   kv cache of 20 tokens: i8 group 4 scale f16, 0.00 MB\n",
        "//   decoder/layers.*/q                                    1x  f32 x f32\n"})
    EXPECT_NE(header.find(line), std::string::npos) << line << " is not in\n" << header;

  Json precision = describePrecision(*module);
  EXPECT_EQ(precision["segments"].dump(),
            R"([{"segment":"s","type":"f32","tensors":1,"bytes":256}])");
  EXPECT_EQ(precision["modules"].dump(), R"([{"module":"decoder/layers.*/q","weights":"f32",)"
                                         R"("activations":"f32","layers":1,"bytes":256}])");
  EXPECT_EQ(precision["kv_cache"].dump(),
            R"({"type":"i8 group 4 scale f16","dot":"i16","bytes":768})");
}

} // namespace
