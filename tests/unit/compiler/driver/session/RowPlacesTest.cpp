#include "compiler/driver/session/RowPlaces.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace bluec;

namespace {

class RowPlacesTest : public testing::Test {
protected:
  RowPlacesTest() {
    geometry.positionAxes = 3;
    geometry.tileHeight = 28;
    geometry.tileWidth = 84;
    geometry.tokensPerTile = 12;
  }

  /// The rule that is found; or the message.
  std::string ruleOf(const std::string &vision) {
    std::string text;
    llvm::raw_string_ostream errors(text);
    Diagnostics diagnostics(errors);
    std::string fault;
    config.vision = *parseJson(vision, "config.json", JsonLimits(), fault);
    FailureOr<runtime::PositionRule> rule = rowPlacesOf(config, geometry, diagnostics);
    if (failed(rule))
      return text;
    return std::to_string(rule->axes) + " axes, " + std::to_string(rule->gridRows) + " x " +
           std::to_string(rule->gridColumns);
  }

  ModelConfig config;
  Geometry geometry;
};

TEST_F(RowPlacesTest, NoAxesAskForNothing) {
  geometry.positionAxes = 0;
  EXPECT_EQ(ruleOf("{}"), "0 axes, 0 x 0");
}

TEST_F(RowPlacesTest, NoPicturesHaveNoGrid) {
  geometry.tokensPerTile = 0;
  EXPECT_EQ(ruleOf("{}"), "3 axes, 0 x 0");
}

TEST_F(RowPlacesTest, TheGridOfAPicture) {
  EXPECT_EQ(ruleOf(R"({"patch_size": 7, "spatial_merge_size": 2})"), "3 axes, 2 x 6");
}

// Whatever is no such grid is refused with what was found.
TEST_F(RowPlacesTest, Refusals) {
  const std::string expected =
      "error: decoder: positions on 3 axes: expected pictures of one tile whose tokens are a grid "
      "(vision_config's patch_size times spatial_merge_size is a token's side), found 12 tokens of "
      "28x84 pixels";
  EXPECT_EQ(ruleOf("{}"), expected + "\n");
  EXPECT_EQ(ruleOf(R"({"patch_size": 7, "spatial_merge_size": "two"})"), expected + "\n");
  EXPECT_EQ(ruleOf(R"({"patch_size": -7, "spatial_merge_size": -2})"), expected + "\n");
  EXPECT_EQ(ruleOf(R"({"patch_size": 4294967296, "spatial_merge_size": 4294967296})"),
            expected + "\n");
  EXPECT_EQ(ruleOf(R"({"patch_size": 7, "spatial_merge_size": 1})"),
            expected + ", with a token's side of 7\n");
  EXPECT_EQ(ruleOf(R"({"patch_size": 5, "spatial_merge_size": 2})"),
            expected + ", with a token's side of 10\n");
  const std::string good = R"({"patch_size": 7, "spatial_merge_size": 2})";
  config.preprocess.emplace().candidates = {{2, 1}};
  EXPECT_EQ(ruleOf(good), expected + " in several tiles, with a token's side of 14\n");
  config.preprocess.reset();
  geometry.positionAxes = 2;
  EXPECT_NE(ruleOf(good).find("positions on 2 axes"), std::string::npos);
}

} // namespace
