// What dumps say first, and what the manifest says of precision.
#include "compiler/driver/compile/DumpHeader.h"
#include "compiler/driver/bundle/Manifest.h"
#include "compiler/driver/bundle/PrecisionText.h"

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
    func.func @e(%x: tensor<?x64xf32>) -> tensor<?x8xf32> attributes {blue.role = #blue.role<vision>} {
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
      plan.cache @k : tensor<20x8x!blue.quantized<i8 group 4 scale f16>, #plan.keys<heads 2, block 8, dot <si16 x si16, k 2>>>
      plan.weight @w #blue.source<"m" at 0 : tensor<8x8xf32>> packed tensor<1x8x8xf32> segment "s" offset 0
      plan.weight @same #blue.source<"m" at 0 : tensor<8x8xf32>> packed tensor<1x8x8xf32> segment "s" offset 0
      plan.entry @prefill role decode capacity 8 segment "s" takes ["embeddings"] gives ["logits"] arena 1000000 {
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
       {"//   prefill  8 tokens a call, 1 steps on cpu, arena 1.00 MB; a prompt of 20 tokens takes "
        "3 "
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

// A projector whose two layers are one, with tokens of integers: the gathering, the first layer,
// and the quantization in front of each were steps.
TEST_F(DumpHeaderTest, SaysWhatFusionSaves) {
  auto module = parse(R"(
    !x = tensor<2x9x16x!blue.quantized<i8 group row scale f32>, #plan.rows<sums 16>>
    !w = tensor<8x64x!blue.quantized<i8 group 16 scale f16>, #plan.panels<rows 8, dot <ui8 x si8, k 4>>>
    plan.weight @w #blue.source<"m" at 0 : tensor<24x64xf32>>
      [#blue.multiply<#blue.source<"m" at 0 : tensor<8x24xf32>>, []>,
       #blue.quantize<<i8 group 16 scale f16>, nearest>] packed !w segment "s"
    plan.entry @encode role encode capacity 2 segment "s" takes ["pixels"] gives ["features"] {
    ^bb0(%p: tensor<2x9x16xf32>):
      %w = plan.get_weight @w : !w
      %0 = plan.step "q" value "q" on "cpu"(%p) : (tensor<2x9x16xf32>) -> !x {
      ^bb0(%a: tensor<2x9x16xf32>):
        %r = plan.quantize %a : (tensor<2x9x16xf32>) -> !x
        plan.yield %r : !x
      }
      %1 = plan.step "projector" value "projector" on "cpu"(%0, %w) : (!x, !w) -> tensor<2x4x8xf32> {
      ^bb0(%a: !x, %b: !w):
        %r = plan.linear %a, %b gather <height = 3, width = 3> : (!x, !w) -> tensor<2x4x8xf32>
        plan.yield %r : tensor<2x4x8xf32>
      }
      plan.return %1 : tensor<2x4x8xf32>
    }
  )");
  ASSERT_TRUE(module);
  Json fusions = describeFusions(*module);
  ASSERT_EQ(fusions.size(), 1U);
  EXPECT_EQ(fusions[0]["entry"], "encode");
  EXPECT_EQ(fusions[0]["layer"], "projector");
  EXPECT_EQ(fusions[0]["gathers_tokens"], true);
  EXPECT_EQ(fusions[0]["linear_layers"], 2);
  EXPECT_EQ(fusions[0]["steps_saved"], 4);
  // 8 rows of 64 bytes, 4 scales and 4 sums, each of the three padded to 64 bytes.
  EXPECT_EQ(fusions[0]["wide_bytes_saved"], 8 * (64 + 64 + 64));
  EXPECT_EQ(fusions[0]["operations"], 2 * 8 * 8 * 64);
  EXPECT_EQ(fusions[0]["operations_saved"], 2 * 8 * (24 * 64 + 8 * 24 - 8 * 64));
  EXPECT_NE(dumpHeader(*module).find("encode: projector saves 4 steps"), std::string::npos);
}

} // namespace
