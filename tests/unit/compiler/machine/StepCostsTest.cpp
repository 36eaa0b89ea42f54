// What a step reads and computes, against figures worked out by hand.
#include "compiler/machine/StepCosts.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

struct StepCostsTest : testing::Test {
  StepCostsTest() { context.loadDialect<blue::BlueDialect, plan::PlanDialect>(); }

  std::vector<StepCost> costs(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
    EXPECT_TRUE(module);
    std::vector<StepCost> result;
    if (module)
      for (auto entry : module->getOps<plan::EntryOp>())
        for (auto step : entry.getOps<plan::StepOp>())
          result.push_back(costOf(step, entry));
    return result;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(StepCostsTest, Decoder) {
  std::vector<StepCost> found = costs(R"(
    module attributes {plan.context = 32 : i64} {
      plan.weight @table dense<1.0> : tensor<10x8xf32> packed tensor<10x8xf32> segment "s"
      plan.weight @w dense<1.0> : tensor<8x8xf32> packed tensor<1x8x16xf32> segment "s"
      plan.weight @b dense<1.0> : tensor<8xf32> packed tensor<8xf32> segment "s"
      plan.cache @k : tensor<1x2x2x4x16xf32>
      plan.cache @v : tensor<1x32x8xf32>
      plan.entry @prefill role decode capacity 4 segment "s" takes ["embeddings"] gives ["logits"] {
      ^bb0(%ids: tensor<4xi32>):
        %table = plan.get_weight @table : tensor<10x8xf32>
        %w = plan.get_weight @w : tensor<1x8x16xf32>
        %b = plan.get_weight @b : tensor<8xf32>
        %k = plan.get_cache @k : tensor<1x2x2x4x16xf32>
        %v = plan.get_cache @v : tensor<1x32x8xf32>
        %x = plan.step "embed" value "embed" on "cpu" (%table, %ids)
            : (tensor<10x8xf32>, tensor<4xi32>) -> tensor<4x8xf32> {
        ^bb0(%t: tensor<10x8xf32>, %i: tensor<4xi32>):
          %0 = blue.embedding %i, %t : (tensor<4xi32>, tensor<10x8xf32>) -> tensor<4x8xf32>
          plan.yield %0 : tensor<4x8xf32>
        }
        %y = plan.step "q" value "q" on "cpu" (%x, %w, %b)
            : (tensor<4x8xf32>, tensor<1x8x16xf32>, tensor<8xf32>) -> tensor<4x8xf32> {
        ^bb0(%a: tensor<4x8xf32>, %p: tensor<1x8x16xf32>, %c: tensor<8xf32>):
          %0 = plan.linear %a, %p, %c
              : (tensor<4x8xf32>, tensor<1x8x16xf32>, tensor<8xf32>) -> tensor<4x8xf32>
          plan.yield %0 : tensor<4x8xf32>
        }
        plan.step "k" value "" on "cpu" (%y, %k) : (tensor<4x8xf32>, tensor<1x2x2x4x16xf32>) -> () {
        ^bb0(%a: tensor<4x8xf32>, %c: tensor<1x2x2x4x16xf32>):
          plan.append_keys %a into %c : tensor<4x8xf32>, tensor<1x2x2x4x16xf32>
          plan.yield
        }
        %z = plan.step "attention" value "attention" on "cpu" (%y, %k, %v)
            : (tensor<4x8xf32>, tensor<1x2x2x4x16xf32>, tensor<1x32x8xf32>) -> tensor<4x8xf32> {
        ^bb0(%q: tensor<4x8xf32>, %c: tensor<1x2x2x4x16xf32>, %d: tensor<1x32x8xf32>):
          %0 = plan.attention %q, %c, %d {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64,
              scale = 1.0 : f64} : (tensor<4x8xf32>, tensor<1x2x2x4x16xf32>, tensor<1x32x8xf32>)
              -> tensor<4x8xf32>
          plan.yield %0 : tensor<4x8xf32>
        }
        %l = plan.step "last" value "last" on "cpu" (%z) : (tensor<4x8xf32>) -> tensor<1x8xf32> {
        ^bb0(%a: tensor<4x8xf32>):
          %0 = plan.last_row %a : (tensor<4x8xf32>) -> tensor<1x8xf32>
          plan.yield %0 : tensor<1x8xf32>
        }
        %h = plan.step "head" value "head" on "cpu" (%l, %w)
            : (tensor<1x8xf32>, tensor<1x8x16xf32>) -> tensor<1x8xf32> {
        ^bb0(%a: tensor<1x8xf32>, %p: tensor<1x8x16xf32>):
          %0 = plan.linear %a, %p : (tensor<1x8xf32>, tensor<1x8x16xf32>) -> tensor<1x8xf32>
          plan.yield %0 : tensor<1x8xf32>
        }
        plan.return %h : tensor<1x8xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[0].op, "embedding");
  EXPECT_EQ(found[0].weightBytes, 0);
  EXPECT_EQ(found[0].rowBytes, 8 * 4);
  EXPECT_EQ(found[1].op, "linear");
  EXPECT_EQ(found[1].arithmetic, "f32");
  EXPECT_EQ(found[1].weightBytes, 8 * 16 * 4 + 8 * 4);
  EXPECT_EQ(found[1].rowOperations, 2 * 8 * 8);
  EXPECT_EQ(found[1].operations, 0);
  EXPECT_EQ(found[1].weights, "f32");
  EXPECT_EQ(found[1].rowProductRows, 1);
  EXPECT_EQ(found[1].productRows, 0);
  EXPECT_EQ(found[1].rowValueBytes, 8 * 4 + 8 * 4);
  EXPECT_EQ(found[1].valueBytes, 0);
  EXPECT_EQ(found[2].op, "append_keys");
  EXPECT_EQ(found[2].positionBytes, 0);
  EXPECT_EQ(found[3].op, "attention");
  EXPECT_EQ(found[3].positionBytes, 2 * 8 * 4);
  EXPECT_EQ(found[3].positionOperations, 2 * 2 * 8);
  EXPECT_EQ(found[3].rowOperations, 0);
  EXPECT_EQ(found[3].rowValueBytes, 2 * 8 * 4) << "query and result, not the cache";
  EXPECT_EQ(found[4].op, "last_row");
  EXPECT_EQ(found[4].arithmetic, "");
  EXPECT_EQ(found[4].valueBytes, 2 * 8 * 4) << "reads one row of four";
  EXPECT_EQ(found[4].rowValueBytes, 0);
  EXPECT_EQ(found[5].operations, 2 * 8 * 8) << "one row, whatever the count";
  EXPECT_EQ(found[5].rowOperations, 0);
  EXPECT_EQ(found[5].productRows, 1);
  EXPECT_EQ(found[5].rowProductRows, 0);
}

// Every row of a tile attends to all of them.
// Of three experts of 8 x 4 elements a row meets two; five rows read no more than all three.
TEST_F(StepCostsTest, Experts) {
  std::vector<StepCost> found = costs(R"(
    module {
      plan.weight @w dense<1.0> : tensor<24x4xf32> packed tensor<3x4x8xf32> segment "s"
      plan.weight @b dense<1.0> : tensor<3x8xf32> packed tensor<3x8xf32> segment "s"
      plan.weight @l dense<1.0> : tensor<1x4xf32> packed tensor<1x4xf32> segment "s"
      plan.weight @o dense<1.0> : tensor<1x3xf32> packed tensor<1x3xf32> segment "s"
      plan.entry @e role decode capacity 5 segment "s" takes ["embeddings", "router"] gives ["logits"] {
      ^bb0(%x: tensor<5x4xf32>, %r: tensor<5x3xf32>):
        %l = plan.get_weight @l : tensor<1x4xf32>
        %o = plan.get_weight @o : tensor<1x3xf32>
        %w = plan.get_weight @w : tensor<3x4x8xf32>
        %b = plan.get_weight @b : tensor<3x8xf32>
        %y = plan.step "up" value "up" on "cpu" (%x, %w, %r, %b)
            : (tensor<5x4xf32>, tensor<3x4x8xf32>, tensor<5x3xf32>, tensor<3x8xf32>) -> tensor<5x2x8xf32> {
        ^bb0(%a: tensor<5x4xf32>, %p: tensor<3x4x8xf32>, %q: tensor<5x3xf32>, %c: tensor<3x8xf32>):
          %0 = plan.expert_linear %a, %p, %q, %c
              : (tensor<5x4xf32>, tensor<3x4x8xf32>, tensor<5x3xf32>, tensor<3x8xf32>) -> tensor<5x2x8xf32>
          plan.yield %0 : tensor<5x2x8xf32>
        }
        %z = plan.step "last" value "last" on "cpu" (%l, %w, %o)
            : (tensor<1x4xf32>, tensor<3x4x8xf32>, tensor<1x3xf32>) -> tensor<1x2x8xf32> {
        ^bb0(%a: tensor<1x4xf32>, %p: tensor<3x4x8xf32>, %q: tensor<1x3xf32>):
          %0 = plan.expert_linear %a, %p, %q
              : (tensor<1x4xf32>, tensor<3x4x8xf32>, tensor<1x3xf32>) -> tensor<1x2x8xf32>
          plan.yield %0 : tensor<1x2x8xf32>
        }
        plan.return %z : tensor<1x2x8xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].op, "expert_linear");
  EXPECT_EQ(found[0].arithmetic, "f32");
  EXPECT_EQ(found[0].rowBytes, 3 * 8 * 4 * 4 / 5);
  EXPECT_EQ(found[0].weightBytes, 3 * 8 * 4); // bias
  EXPECT_EQ(found[0].rowProductRows, 2);
  EXPECT_EQ(found[0].rowOperations, 2 * 2 * 8 * 4);
  EXPECT_EQ(found[0].operations, 0);
  EXPECT_EQ(found[1].rowBytes, 0);
  EXPECT_EQ(found[1].weightBytes, 2 * 8 * 4 * 4 + 4 * 4 + 3 * 4); // and its rows
  EXPECT_EQ(found[1].operations, 2 * 2 * 8 * 4);
}

TEST_F(StepCostsTest, Encoder) {
  std::vector<StepCost> found = costs(R"(
    module attributes {plan.context = 32 : i64} {
      plan.entry @encode role encode capacity 3 segment "s" takes ["pixels", "more1"] gives ["features"] {
      ^bb0(%q: tensor<3x5x8xf32>, %k: tensor<3x2x1x4x16xf32>):
        %z = plan.step "attention" value "attention" on "cpu" (%q, %k)
            : (tensor<3x5x8xf32>, tensor<3x2x1x4x16xf32>) -> tensor<3x5x8xf32> {
        ^bb0(%a: tensor<3x5x8xf32>, %c: tensor<3x2x1x4x16xf32>):
          %0 = plan.attention %a, %c, %a {num_heads = 2 : i64, num_kv_heads = 2 : i64,
              scale = 1.0 : f64} : (tensor<3x5x8xf32>, tensor<3x2x1x4x16xf32>, tensor<3x5x8xf32>)
              -> tensor<3x5x8xf32>
          plan.yield %0 : tensor<3x5x8xf32>
        }
        plan.return %z : tensor<3x5x8xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].positionOperations, 0);
  EXPECT_EQ(found[0].rowOperations, 2 * 2 * 8 * 5 * 5);
  EXPECT_EQ(found[0].rowProductRows, 5);
  EXPECT_EQ(found[0].arithmetic, "f32");
  EXPECT_EQ(found[0].weights, "f32");
  EXPECT_EQ(found[0].rowValueBytes, 4 * (5 * 8 + 2 * 4 * 16 + 5 * 8))
      << "a value read twice counts once";
}

// Four bits a weight and a scale of two bytes for each 64; products are of the input's integers.
TEST_F(StepCostsTest, Quantized) {
  const std::string x = "tensor<18x128x!blue.quantized<i8 group row scale f32>, "
                        "#plan.rows<sums 64>>";
  const std::string w = "tensor<64x128x!blue.quantized<i4 group 64 scale f16>, "
                        "#plan.panels<rows 32, dot <ui8 x si8, k 4>>>";
  std::vector<StepCost> found = costs(R"(
    module {
      plan.weight @w dense<1.0> : tensor<64x128xf32>
          [#blue.quantize<<i4 group 64 scale f16>, nearest>] packed )" +
                                      w + R"( segment "s"
      plan.entry @f role decode capacity 18 segment "s" takes ["embeddings"] gives ["logits"] {
      ^bb0(%x: )" + x + R"():
        %w = plan.get_weight @w : )" + w +
                                      R"(
        %y = plan.step "l" value "v" on "cpu" (%x, %w) : ()" +
                                      x + ", " + w + R"() -> tensor<18x64xf32> {
        ^bb0(%a: )" + x + ", %b: " + w +
                                      R"():
          %l = plan.linear %a, %b : ()" +
                                      x + ", " + w + R"() -> tensor<18x64xf32>
          plan.yield %l : tensor<18x64xf32>
        }
        plan.return %y : tensor<18x64xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].arithmetic, "i8");
  EXPECT_EQ(found[0].weights, "i4");
  EXPECT_EQ(found[0].weightBytes, 64 * 128 / 2 + 64 * 2 * 2);
  EXPECT_EQ(found[0].rowOperations, 2 * 64 * 128);
}

// A row of the products is four of the input's; each token is read once.
TEST_F(StepCostsTest, Gathered) {
  std::vector<StepCost> found = costs(R"(
    module {
      plan.weight @w dense<1.0> : tensor<16x48xf32> packed tensor<2x48x8xf32> segment "s"
      plan.entry @encode role encode capacity 3 segment "s" takes ["pixels"] gives ["features"] {
      ^bb0(%x: tensor<3x9x12xf32>):
        %w = plan.get_weight @w : tensor<2x48x8xf32>
        %y = plan.step "l" value "v" on "cpu" (%x, %w)
            : (tensor<3x9x12xf32>, tensor<2x48x8xf32>) -> tensor<3x4x16xf32> {
        ^bb0(%a: tensor<3x9x12xf32>, %b: tensor<2x48x8xf32>):
          %l = plan.linear %a, %b gather <height = 3, width = 3>
              : (tensor<3x9x12xf32>, tensor<2x48x8xf32>) -> tensor<3x4x16xf32>
          plan.yield %l : tensor<3x4x16xf32>
        }
        plan.return %y : tensor<3x4x16xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rowOperations, 2 * 4 * 16 * 48);
  EXPECT_EQ(found[0].rowProductRows, 4);
  EXPECT_EQ(found[0].rowValueBytes, 4 * (9 * 12 + 4 * 16));
}

// Attention over a quantized cache: the products' type is the layout's, the query is of floats.
TEST_F(StepCostsTest, QuantizedCache) {
  const std::string k = "tensor<128x8x!blue.quantized<i8 group 4 scale f16>, "
                        "#plan.keys<heads 2, block 128, dot <si16 x si16, k 2>>>";
  const std::string v = "tensor<128x8x!blue.quantized<i8 group 4 scale f16>, "
                        "#plan.values<heads 2, block 128, dot <si16 x si16, k 2>>>";
  std::vector<StepCost> found = costs(R"(
    module attributes {plan.context = 128 : i64} {
      plan.cache @k : )" + k + R"(
      plan.cache @v : )" + v + R"(
      plan.entry @decode role decode capacity 1 segment "s" takes ["ids"] gives ["logits"] {
      ^bb0(%q: tensor<1x8xf32>):
        %k = plan.get_cache @k : )" + k +
                                      R"(
        %v = plan.get_cache @v : )" + v +
                                      R"(
        %z = plan.step "a" value "a" on "cpu" (%q, %k, %v) : (tensor<1x8xf32>, )" +
                                      k + ", " + v + R"() -> tensor<1x8xf32> {
        ^bb0(%a: tensor<1x8xf32>, %c: )" +
                                      k + ", %d: " + v + R"():
          %0 = plan.attention %a, %c, %d {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64,
              scale = 1.0 : f64} : (tensor<1x8xf32>, )" +
                                      k + ", " + v + R"() -> tensor<1x8xf32>
          plan.yield %0 : tensor<1x8xf32>
        }
        plan.return %z : tensor<1x8xf32>
      }
    }
  )");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].arithmetic, "i16");
  EXPECT_EQ(found[0].weights, "i8");
  EXPECT_EQ(found[0].positionOperations, 2 * 2 * 8);
}

} // namespace
