// What the configuration alone says about a model, against what its graphs say.
#include "compiler/import/GeometryModel.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/driver/session/ModelPackage.h"
#include "compiler/driver/session/PassRunner.h"
#include "compiler/driver/session/Pipelines.h"
#include "compiler/driver/session/Registration.h"
#include "compiler/machine/StepCosts.h"
#include "compiler/recipe/Recipe.h"
#include "targets/Registration.h"
#include "tests/unit/compiler/base/WithoutPlace.h"

#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace mlir;
using namespace bluec;

namespace {

constexpr int64_t kContext = 512;

struct GeometryModelTest : testing::Test {
  GeometryModelTest() : mlirContext(registry(), MLIRContext::Threading::DISABLED) {
    mlirContext.loadAllAvailableDialects();
    folder = std::filesystem::path(testing::TempDir()) / "bluec_geometry_model";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  static void SetUpTestSuite() { registerInstrumentationOptions(); } // what PassRunner applies
  ~GeometryModelTest() override { std::filesystem::remove_all(folder); }

  static DialectRegistry registry() {
    DialectRegistry all;
    registerAllDialects(all);
    return all;
  }

  OwningOpRef<ModuleOp> empty() { return ModuleOp::create(UnknownLoc::get(&mlirContext)); }

  OwningOpRef<ModuleOp> fromGraphs(const std::string &directory) {
    OwningOpRef<ModuleOp> module = empty();
    Diagnostics diagnostics(llvm::errs());
    Diagnostics::Scope scope(mlirContext, diagnostics);
    ModelPackage package;
    PassRunner passes;
    EXPECT_TRUE(succeeded(readPackage({directory, ""}, *module, package, diagnostics)) &&
                succeeded(passes.run(*module, "import", buildImportPipeline)) &&
                succeeded(passes.run(*module, "model", [&](OpPassManager &to) {
                  buildModelPipeline(to, directory, kContext);
                })));
    return module;
  }
  OwningOpRef<ModuleOp> fromConfiguration(const std::string &directory) {
    OwningOpRef<ModuleOp> module = empty();
    llvm::Expected<ModelConfig> config = readModelConfig(directory);
    if (!config) {
      ADD_FAILURE() << llvm::toString(config.takeError());
      return module;
    }
    llvm::Error error = buildGeometryModel(*config, kContext, *module);
    EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
    PassRunner passes;
    EXPECT_TRUE(succeeded(passes.run(*module, "model", buildFoldingPipeline)));
    return module;
  }

  /// To a plan, as far as passes can go without files.
  void schedule(ModuleOp module, const std::string &recipe) {
    std::string why;
    module->setAttr(plan::kTargetAttr,
                    targets::allTargets().find("x86-64-v3", why)->facts(&mlirContext));
    PassRunner passes;
    ScheduleOptions sizes;
    sizes.context = kContext;
    sizes.imageBatch = 4;
    EXPECT_TRUE(succeeded(passes.run(module, "precision",
                                     [&](OpPassManager &to) {
                                       buildPrecisionPipeline(to, recipe, /*calibrated=*/false);
                                     })) &&
                succeeded(passes.run(module, "schedule", [&](OpPassManager &to) {
                  buildSchedulePipeline(to, sizes);
                })));
  }

  std::string errorOf(const std::string &config) {
    std::ofstream(folder / "config.json") << config;
    std::ofstream(folder / "preprocessor_config.json")
        << R"({"image_mean": [0, 0, 0], "image_std": [1, 1, 1]})";
    llvm::Expected<ModelConfig> read = readModelConfig(folder.string());
    if (!read)
      return withoutPlace(llvm::toString(read.takeError()));
    OwningOpRef<ModuleOp> module = empty();
    llvm::Error error = buildGeometryModel(*read, kContext, *module);
    if (!error) {
      EXPECT_TRUE(succeeded(verify(*module)));
    }
    return error ? withoutPlace(llvm::toString(std::move(error))) : "";
  }

  MLIRContext mlirContext;
  std::filesystem::path folder;
};

/// Every step in a line: its entry, layer, value and all that it costs.
std::vector<std::string> stepsOf(ModuleOp module) {
  std::vector<std::string> lines;
  for (auto entry : module.getOps<plan::EntryOp>())
    for (auto step : entry.getOps<plan::StepOp>()) {
      StepCost cost = costOf(step, entry);
      std::string line;
      llvm::raw_string_ostream text(line);
      text << entry.getSymName() << ' ' << step.getLayer() << " -> " << step.getValue() << ": "
           << cost.op << ' ' << cost.weights << ' ' << cost.arithmetic;
      for (int64_t figure : {cost.weightBytes, cost.rowBytes, cost.positionBytes, cost.operations,
                             cost.rowOperations, cost.positionOperations, cost.productRows,
                             cost.rowProductRows, cost.valueBytes, cost.rowValueBytes})
        text << ' ' << figure;
      lines.push_back(line);
    }
  return lines;
}

// The test that lets `bluec schedule` speak about models whose weights are elsewhere.
TEST_F(GeometryModelTest, HasTheStepsAndCostsOfTheGraphs) {
  const std::string directory = BLUEC_SOURCE_DIR "/examples/tiny-bluelm-v";
  for (const ShippedRecipe &recipe : shippedRecipes()) {
    OwningOpRef<ModuleOp> graphs = fromGraphs(directory), geometry = fromConfiguration(directory);
    ASSERT_TRUE(succeeded(verify(*geometry)));
    schedule(*graphs, recipe.name);
    schedule(*geometry, recipe.name);
    std::vector<std::string> expected = stepsOf(*graphs), found = stepsOf(*geometry);
    ASSERT_GT(expected.size(), 100u);
    ASSERT_EQ(found.size(), expected.size()) << recipe.name;
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(found[i], expected[i]) << recipe.name;
  }
}

const std::string text = R"("text_config": {"vocab_size": 100, "hidden_size": 64,
  "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4)";
const std::string vision = R"("vision_config": {"image_size": 28, "patch_size": 14,
  "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2)";
const std::string join = R"("downsample": {"factor": 2, "hidden_size": 64},
  "projector": {"hidden_size": 64})";

TEST_F(GeometryModelTest, TakesWhatTheFamilyHas) {
  EXPECT_EQ(errorOf("{" + text + "}}"), "");
  EXPECT_EQ(errorOf("{" + text + R"(, "num_key_value_heads": 2, "head_dim": 32,
    "use_stable_embedding": true, "attention_bias": true, "tie_word_embeddings": true}})"),
            "");
  EXPECT_EQ(errorOf("{" + text + "}, " + vision + "}, " + join + "}"), "");
}

TEST_F(GeometryModelTest, RefusesWhatIsMissing) {
  EXPECT_EQ(errorOf("{\"text_config\": {}}"),
            "config.json: text_config.vocab_size: expected a whole number, found none");
  EXPECT_EQ(errorOf("{" + text + "}, " + vision + "}}"),
            "config.json: downsample.factor: expected a whole number, found none");
  EXPECT_EQ(errorOf("{" + text + R"(}, "vision_config": {}})"),
            "config.json: vision_config.image_size: expected a whole number, found none");
}

TEST_F(GeometryModelTest, RefusesWhatIsOutOfRange) {
  auto withText = [&](const std::string &field) {
    return errorOf("{" + text + ", " + field + "}}");
  };
  EXPECT_EQ(withText(R"("num_key_value_heads": 3)"),
            "config.json: text_config.num_key_value_heads: expected a divisor of "
            "num_attention_heads, found 3");
  EXPECT_EQ(withText(R"("head_dim": 131072)"),
            "config.json: text_config.head_dim: expected an even number that makes heads of at "
            "most 131072 elements, found 131072");
  EXPECT_EQ(withText(R"("head_dim": 9223372036854775807)"),
            "config.json: text_config.head_dim: expected a whole number from 1 to 131072, found "
            "9223372036854775807");
  EXPECT_EQ(withText(R"("rms_norm_eps": "small")"),
            "config.json: text_config.rms_norm_eps: expected a number from 0.0 to 1.0, found "
            "\"small\"");
  EXPECT_EQ(withText(R"("hidden_act": "relu")"),
            "config.json: text_config.hidden_act: expected silu, found \"relu\"");
  EXPECT_EQ(withText(R"("attention_bias": 1)"),
            "config.json: text_config.attention_bias: expected true or false, found 1");
  auto withVision = [&](const std::string &field, const std::string &rest = join) {
    return errorOf("{" + text + "}, " + vision + ", " + field + "}, " + rest + "}");
  };
  EXPECT_EQ(withVision(R"("num_channels": -1)"),
            "config.json: vision_config.num_channels: expected a whole number from 1 to 131072, "
            "found -1");
  EXPECT_EQ(withVision(R"("hidden_act": "relu")"),
            "config.json: vision_config.hidden_act: expected gelu_pytorch_tanh, gelu or "
            "quick_gelu, found \"relu\"");
  EXPECT_EQ(withVision(R"("x": 1)", R"("downsample": {"factor": 3, "hidden_size": 64})"),
            "config.json: downsample.factor: expected 2, found 3");
  EXPECT_EQ(withVision(R"("x": 1)", R"("downsample": {"factor": 2, "hidden_size": 64},
                                       "projector": {"hidden_size": 64, "num_layers": 3})"),
            "config.json: projector.num_layers: expected 2, found 3");
  EXPECT_EQ(errorOf(R"({)" + text + R"(}, "vision_config": {"image_size": 16384, "patch_size": 1,
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
    "num_attention_heads": 2}})"),
            "config.json: vision_config.patch_size: expected one that makes 1 to 65536 patches "
            "of a tile, found 1");
}

} // namespace
