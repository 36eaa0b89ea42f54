// Names of layers, from node names and from the module paths that exporters write down.
#include "compiler/dialect/blue/Blue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

class LayerName : public testing::Test {
protected:
  LayerName() { context.loadDialect<blue::BlueDialect, func::FuncDialect>(); }

  /// The name of the only tanh or linear of a decoder, at `location`.
  std::string name(const std::string &location, bool isLinear = false) {
    std::string op = isLinear ? "blue.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> "
                                "tensor<?x4xf32>"
                              : "blue.tanh %x : tensor<?x4xf32>";
    module = parseSourceString<ModuleOp>(
        "func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) attributes {blue.role = "
        "#blue.role<decoder>} { %y = " +
            op + " loc(" + location + ") return }",
        ParserConfig(&context));
    EXPECT_TRUE(module);
    std::string result;
    module->walk([&](Operation *inner) {
      if (isa<blue::TanhOp, blue::LinearOp>(inner))
        result = blue::layerName(inner);
    });
    return result;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

TEST_F(LayerName, NodePaths) {
  EXPECT_EQ(name("\"/model/layers.0/mlp/down_proj/MatMul\"", true),
            "decoder/layers.0/mlp/down_proj");
  EXPECT_EQ(name("\"/model/model/layers.0/mlp/act_fn/Tanh_1\""),
            "decoder/layers.0/mlp/act_fn/tanh");
  EXPECT_EQ(name("\"/model/Tanh\""), "decoder/tanh");
  EXPECT_EQ(name("\"node_tanh_3\""), "decoder/node_tanh_3");
}

TEST_F(LayerName, SeveralNodes) {
  EXPECT_EQ(name("fused[\"/model/layers.0/self_attn/MatMul\", "
                 "\"/model/layers.0/self_attn/q_proj/Add\"]"),
            "decoder/layers.0/self_attn/tanh");
  EXPECT_EQ(name("fused[\"/a/b/MatMul\", \"/c/d/Add\"]"), "decoder/a/b/tanh");
}

TEST_F(LayerName, Scopes) {
  EXPECT_EQ(name("fused<\"model.model.layers.10.mlp.down_proj\">[\"node_linear_6\"]", true),
            "decoder/layers.10/mlp/down_proj");
  EXPECT_EQ(name("fused[fused<\"model.layers.1.self_attn.q_proj\">[\"node_linear\"], "
                 "fused<\"model.layers.1.self_attn\">[\"node_add\"]]"),
            "decoder/layers.1/self_attn/tanh");
}

TEST_F(LayerName, WithoutALocation) { EXPECT_EQ(name("unknown"), "decoder/tanh"); }

TEST_F(LayerName, Repeated) {
  module = parseSourceString<ModuleOp>(
      "func.func @f(%x: tensor<?x4xf32>) attributes {blue.role = #blue.role<vision>} {"
      "%a = blue.tanh %x : tensor<?x4xf32> loc(\"/m/Tanh\")"
      "%b = blue.tanh %x : tensor<?x4xf32> loc(\"/m/Tanh_1\")"
      "%c = blue.tanh %x : tensor<?x4xf32> loc(\"/m/Tanh_2\") return }",
      ParserConfig(&context));
  ASSERT_TRUE(module);
  std::vector<std::string> names;
  blue::LayerNames all(module->lookupSymbol("f"));
  module->walk([&](blue::TanhOp op) { names.push_back(all.of(op).str()); });
  EXPECT_EQ(names,
            (std::vector<std::string>{"vision/m/tanh", "vision/m/tanh_2", "vision/m/tanh_3"}));
}

} // namespace
