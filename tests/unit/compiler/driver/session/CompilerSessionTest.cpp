// One context, module and set of passes for a command; and pipelines as strings.
#include "compiler/driver/session/CompilerSession.h"

#include "compiler/driver/session/Pipelines.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/recipe/Recipe.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

struct CompilerSessionTest : testing::Test {
  static void SetUpTestSuite() {
    registerInstrumentationOptions(); // what passes run with
    registerAllPasses();
  }

  /// A pipeline as the command line has it.
  std::string textOf(llvm::function_ref<void(OpPassManager &)> build) {
    PassManager passes(session.context(), ModuleOp::getOperationName());
    build(passes);
    std::string result;
    llvm::raw_string_ostream stream(result);
    passes.printAsTextualPipeline(stream);
    return result;
  }

  std::string errors;
  llvm::raw_string_ostream err{errors};
  Diagnostics diagnostics{err};
  CompilerSession session{diagnostics, 1};
};

TEST_F(CompilerSessionTest, IsEmptyAtFirst) {
  EXPECT_TRUE(session.module()->getOps().empty());
  EXPECT_FALSE(session.context()->isMultithreadingEnabled());
  EXPECT_TRUE(CompilerSession(diagnostics, 2).context()->isMultithreadingEnabled());
}

TEST_F(CompilerSessionTest, ErrorsOfItsContextAreSaid) {
  emitError(NameLoc::get(StringAttr::get(session.context(), "node")), "expected less");
  EXPECT_EQ(diagnostics.exitCode(failure(), "test"), exitInput);
  EXPECT_EQ(errors, "error: node: expected less\n");
}

TEST_F(CompilerSessionTest, ADirectoryThatIsNotThereIsSaid) {
  EXPECT_TRUE(failed(session.read({"/no/such/model", ""})));
  EXPECT_EQ(errors, "error: /no/such/model: expected a model directory, found none\n");
}

/// A graph that rounds an activation, about which a pass of phase import warns.
const char *const rounding = R"(func.func @f(%x: tensor<4xf32>) -> tensor<*xf32> {
  %s = onnx.Constant dense<1.0> : tensor<f32> : tensor<f32>
  %z = onnx.Constant dense<7> : tensor<ui8> : tensor<ui8>
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<*xui8>
  %1 = onnx.DequantizeLinear %0, %s, %z : (tensor<*xui8>, tensor<f32>, tensor<ui8>) -> tensor<*xf32>
  return %1 : tensor<*xf32>
})";

TEST_F(CompilerSessionTest, AWarningOfAPassIsOne) {
  session.module() = parseSourceString<ModuleOp>(rounding, session.context());
  ASSERT_TRUE(session.module());
  EXPECT_TRUE(succeeded(session.run("import", buildImportPipeline)));
  ASSERT_EQ(diagnostics.warnings().size(), 1u);
  EXPECT_NE(diagnostics.warnings()[0].find("activations are rounded"), std::string::npos);
}

TEST_F(CompilerSessionTest, AWarningOfAPassMayBeAnError) {
  diagnostics.warningsAreErrors = true;
  session.module() = parseSourceString<ModuleOp>(rounding, session.context());
  ASSERT_TRUE(session.module());
  EXPECT_TRUE(failed(session.run("import", buildImportPipeline)));
  EXPECT_EQ(diagnostics.exitCode(failure(), "import"), exitInput);
  EXPECT_NE(errors.find("(--strict)"), std::string::npos);
}

TEST_F(CompilerSessionTest, PrintsWhatItRuns) {
  std::string printed;
  llvm::raw_string_ostream out(printed);
  session.printPipelines(out);
  EXPECT_TRUE(succeeded(session.run("folding", buildFoldingPipeline)));
  EXPECT_EQ(printed, "folding: builtin.module(fold-projector)\n");
}

/// What is printed is read again as the same, recipes and machines with their braces too.
TEST_F(CompilerSessionTest, PipelinesAreStrings) {
  llvm::Expected<Recipe> recipe = Recipe::load("bluelm-v");
  ASSERT_TRUE(bool(recipe));
  ScheduleOptions sizes;
  sizes.machine = R"({"devices":[{"name":"cpu"}]})";
  const std::string pipelines[] = {
      textOf(buildImportPipeline),
      textOf([](OpPassManager &to) { buildModelPipeline(to, "a folder/model", 64); }),
      textOf([&](OpPassManager &to) { buildPrecisionPipeline(to, recipe->text, true); }),
      textOf([&](OpPassManager &to) { buildSchedulePipeline(to, sizes); }),
      textOf(buildPlacementPipeline)};
  for (const std::string &text : pipelines) {
    FailureOr<OpPassManager> parsed = parsePassPipeline(text, llvm::errs());
    ASSERT_TRUE(succeeded(parsed)) << text;
    std::string again;
    llvm::raw_string_ostream stream(again);
    parsed->printAsTextualPipeline(stream);
    EXPECT_EQ(again, text);
  }
}

TEST_F(CompilerSessionTest, PipelinesHaveNames) {
  for (const char *name : {"bluec-import", "bluec-model", "bluec-check", "bluec-folding",
                           "bluec-precision", "bluec-schedule", "bluec-placement"})
    EXPECT_TRUE(PassPipelineInfo::lookup(name)) << name;
  FailureOr<OpPassManager> parsed =
      parsePassPipeline("builtin.module(bluec-schedule{chunk=32 image-batch=2})", llvm::errs());
  ASSERT_TRUE(succeeded(parsed));
  ScheduleOptions sizes;
  sizes.chunk = 32;
  sizes.imageBatch = 2;
  std::string text;
  llvm::raw_string_ostream stream(text);
  parsed->printAsTextualPipeline(stream);
  EXPECT_EQ(text, textOf([&](OpPassManager &to) { buildSchedulePipeline(to, sizes); }));
}

} // namespace
