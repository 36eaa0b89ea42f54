// Every op of the table is known everywhere that has to know it.
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/dialect/onnx/inference/Rules.h"
#include "compiler/reference/onnx/OnnxEvaluators.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace bluec;

static std::string opName(const onnx::NodeSchema &schema) {
  return (schema.domain.empty() ? "onnx." : "onnx.ms.") + schema.type.str();
}

TEST(OnnxDialect, ListsItsNodes) {
  mlir::MLIRContext context;
  std::vector<onnx::NodeSchema> schemas = onnx::listNodeSchemas(context);
  EXPECT_GT(schemas.size(), 100u);
  EXPECT_TRUE(llvm::any_of(schemas, [](const onnx::NodeSchema &schema) {
    return schema.domain == "com.microsoft" && schema.type == "GroupQueryAttention";
  }));
}

TEST(OnnxDialect, EveryNodeHasARuleOfInference) {
  onnx::InferenceRules rules;
  onnx::addElementwiseRules(rules);
  onnx::addProductRules(rules);
  onnx::addMovementRules(rules);
  onnx::addIndexingRules(rules);
  onnx::addReductionRules(rules);
  onnx::addAttentionRules(rules);
  onnx::addQuantizationRules(rules);
  onnx::addExpertRules(rules);
  mlir::MLIRContext context;
  for (const onnx::NodeSchema &schema : onnx::listNodeSchemas(context)) {
    // Constants and subgraphs are handled by the walk itself.
    if (schema.type != "Constant" && schema.type != "If") {
      EXPECT_TRUE(rules.contains(opName(schema))) << opName(schema);
    }
  }
}

TEST(OnnxDialect, EveryNodeHasAnEvaluator) {
  mlir::MLIRContext context;
  for (const onnx::NodeSchema &schema : onnx::listNodeSchemas(context))
    if (schema.type != "If") { // evaluated by the walk over a graph
      EXPECT_TRUE(reference::onnxEvaluators().contains(opName(schema))) << opName(schema);
    }
}
