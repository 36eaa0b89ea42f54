// What raising gets wrong shows beside the package's own graphs: the first position, and the graph.
#include "compiler/driver/verify/OnnxComparison.h"

#include "compiler/driver/session/CompilerSession.h"
#include "compiler/weights/WeightReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace bluec;

namespace {

constexpr int64_t kContext = 64;

/// A package of tests/golden/family as graphs and as layers.
struct OnnxComparisonTest : testing::Test {
  static void SetUpTestSuite() { registerInstrumentationOptions(); }

  void read(const std::string &name) {
    directory = BLUEC_SOURCE_DIR "/tests/golden/family/" + name;
    ASSERT_TRUE(succeeded(session.read({directory, ""})));
    imported = session.module()->clone();
    ASSERT_TRUE(succeeded(session.run("import", buildImportPipeline)));
    ASSERT_TRUE(succeeded(session.run("model", [&](OpPassManager &to) {
      buildModelPipeline(to, directory, kContext, /*asWritten=*/true);
    })));
    weights = std::make_unique<WeightReader>(directory);
  }

  /// The line of the first bad part; empty when there is none.
  std::string firstBad(ModelCalls *bundle = nullptr, bool isExact = true) {
    OnnxComparisonOptions options;
    options.context = kContext;
    options.chunk = 8;
    options.tileHeight = options.tileWidth = 56;
    options.vocabulary = 32;
    options.tolerance = kOnnxTolerance;
    options.work = kOnnxWork;
    OnnxComparison comparison(*imported, *session.module(), *weights, bundle, isExact, options,
                              diagnostics);
    EXPECT_TRUE(succeeded(comparison.run())) << errors;
    parts = comparison.parts();
    const OnnxComparison::Part *bad = comparison.firstBad();
    return bad ? OnnxComparison::describe(*bad) : "";
  }

  /// Multiplies the elements of a table from `row` on.
  void changeTable(blue::ConstantOp table, int64_t row) {
    auto elements = cast<DenseF32ResourceElementsAttr>(table.getValue());
    SmallVector<float> values(*elements.tryGetAsArrayRef());
    int64_t width = elements.getType().getShape().back();
    for (size_t i = static_cast<size_t>(row * width); i < values.size(); ++i)
      values[i] *= 1.01f;
    table.setValueAttr(DenseElementsAttr::get(elements.getType(), ArrayRef<float>(values)));
  }

  template <typename Op> Op first() {
    Op found;
    session.module()->walk([&](Op op) {
      found = op;
      return WalkResult::interrupt();
    });
    return found;
  }

  std::string errors;
  llvm::raw_string_ostream err{errors};
  Diagnostics diagnostics{err};
  CompilerSession session{diagnostics, 1};
  std::string directory;
  OwningOpRef<ModuleOp> imported;
  std::unique_ptr<WeightReader> weights;
  std::vector<OnnxComparison::Part> parts;
};

TEST_F(OnnxComparisonTest, WhatIsRaisedIsWhatTheGraphsSay) {
  read("llama-ts14");
  EXPECT_EQ(firstBad(), "");
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].graph, "embed");
  EXPECT_EQ(parts[1].calls, "one call of 64 tokens");
  EXPECT_EQ(parts[1].rows, kContext);
  EXPECT_EQ(parts[2].rows, 29);
  EXPECT_EQ(parts[3].rows, kContext - 29);
}

TEST_F(OnnxComparisonTest, BranchesAreTakenAsAConversationTakesThem) {
  read("llama-merged-if");
  EXPECT_EQ(firstBad(), "");
}

TEST_F(OnnxComparisonTest, NodesThatAppendThemselvesToo) {
  read("qwen2-genai");
  EXPECT_EQ(firstBad(), "");
}

TEST_F(OnnxComparisonTest, WindowsAndSinksOfSuchNodes) {
  read("gemma2-genai-sinks");
  EXPECT_EQ(firstBad(), "");
  // A window of four: one more shows from the first row that it lets see more.
  auto attention = first<blue::AttentionOp>();
  ASSERT_EQ(attention.getWindow(), 4u);
  attention.setWindow(5);
  std::string line = firstBad();
  EXPECT_NE(line.find("decoder: position 4 of one call"), std::string::npos) << line;
}

TEST_F(OnnxComparisonTest, HalfPrecisionHidesNothing) {
  read("llama-fp16");
  EXPECT_EQ(firstBad(), "");
}

TEST_F(OnnxComparisonTest, FindsAWrongScale) {
  read("llama-ts14");
  auto attention = first<blue::AttentionOp>();
  attention.setScaleAttr(FloatAttr::get(attention.getScaleAttr().getType(),
                                        attention.getScale().convertToDouble() * 1.01));
  std::string line = firstBad();
  // The first row sees itself only.
  EXPECT_NE(line.find("decoder: position 1 of one call of 64 tokens: expected the float model "
                      "within 2.0e-05 of what the package's graph gives, found "),
            std::string::npos)
      << line;
}

TEST_F(OnnxComparisonTest, FindsARopeThatIsWrongFromSomePositionOn) {
  read("llama-ts14");
  auto rope = first<blue::RopeOp>();
  changeTable(rope.getCos().getDefiningOp<blue::ConstantOp>(), 40);
  std::string line = firstBad();
  EXPECT_NE(line.find("decoder: position 40 of one call"), std::string::npos) << line;
}

TEST_F(OnnxComparisonTest, FindsAWrongEncoder) {
  read("siglip-ts14");
  EXPECT_EQ(firstBad(), "");
  ASSERT_EQ(parts.size(), 1u);
  auto attention = first<blue::AttentionOp>();
  attention.setScaleAttr(FloatAttr::get(attention.getScaleAttr().getType(), 1.0));
  std::string line = firstBad();
  EXPECT_NE(line.find("vision: tile 0 of 2 tiles: expected the float model within"),
            std::string::npos)
      << line;
}

/// Minus infinity in place of one logit.
struct Never : BlueCalls {
  using BlueCalls::BlueCalls;
  FailureOr<TensorPtr> logits(const TokenRows &rows, int64_t position) override {
    FailureOr<TensorPtr> found = BlueCalls::logits(rows, position);
    if (failed(found))
      return failure();
    reference::Tensor changed = **found;
    if (position == 7)
      changed.f32.back() = -INFINITY;
    return std::make_shared<const reference::Tensor>(std::move(changed));
  }
};

TEST_F(OnnxComparisonTest, ABundleIsHeldOnlyWhereItIsExact) {
  read("llama-ts14");
  Never never(*session.module(), *weights);
  EXPECT_EQ(firstBad(&never, /*isExact=*/false), "");
  EXPECT_EQ(parts.size(), 8u);
  std::string line = firstBad(&never, /*isExact=*/true);
  EXPECT_NE(line.find("decoder: position 7 of one call of 64 tokens: expected the bundle within"),
            std::string::npos)
      << line;
}

} // namespace
