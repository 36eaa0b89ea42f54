#include "cli/TilesCommand.h"

#include "cli/RunCommand.h"
#include "support/TestBundle.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sstream>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

struct Done {
  int code;
  std::string out, err;
};

Done run(const TilesOptions &options, const std::string &input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  const int code = tilesCommand(options, in, out, err);
  return {code, out.str(), err.str()};
}

TilesOptions with(std::vector<std::string> sizes) {
  TilesOptions options;
  options.sizes = std::move(sizes);
  return options;
}

TEST(TilesCommand, PrintsALineForEachSize) {
  EXPECT_EQ(
      run(with({"768x1536", "500x102"})).out,
      "768x1536: grid 2:4, resized to 768x1536, no padding, 9 tiles with the thumbnail, 1764 "
      "tokens\n"
      "500x102: grid 2:1, resized to 768x156, padding left 0, top 114, right 0, bottom 114, 3 "
      "tiles with the thumbnail, 588 tokens\n");
  EXPECT_EQ(run(with({"380x76"})).out, "380x76: grid 1:1, resized to 384x76, padding left 0, top "
                                       "154, right 0, bottom 154, 1 tile, 196 tokens\n");
}

TEST(TilesCommand, PrintsJson) {
  TilesOptions options = with({"380x76"});
  options.json = true;
  options.scheme = Scheme::InternVl;
  EXPECT_EQ(run(options).out,
            R"({"size":[380,76],"scheme":"internvl","grid":[5,1],"resized":[1920,384],)"
            R"("padding":{"left":0,"top":0,"right":0,"bottom":0},"tiles":6,"thumbnail":true,)"
            R"("tokens":1176})"
            "\n");
}

// Negative padding is what is cut off.
TEST(TilesCommand, SchemesWithAnEdge) {
  TilesOptions options = with({"90x61"});
  options.tile = 28;
  options.tokensPerTile = 4;
  options.scheme = Scheme::LongestEdge;
  EXPECT_EQ(run(options).out, "90x61: grid 4:3, resized to 112x84, no padding, 13 tiles with the "
                              "thumbnail, 52 tokens\n");
  options.edge = 50;
  EXPECT_EQ(run(options).out.substr(0, 17), "90x61: grid 2:2, ");
  options.scheme = Scheme::CenterCrop;
  options.edge = 0;
  EXPECT_EQ(run(options).out,
            "90x61: grid 1:1, resized to 41x28, cut to 28x28, 1 tile, 4 tokens\n");
  options.json = true;
  EXPECT_NE(run(options).out.find(R"("padding":{"left":-6,"top":0,"right":-7,"bottom":0})"),
            std::string::npos);
  options.maxTiles = 3;
  EXPECT_EQ(run(options).err, "error: --max-tiles: center-crop has no candidates; --edge says what "
                              "it may take\n");
  options.maxTiles = 0;
  options.edge = 16384;
  options.tile = 14;
  EXPECT_EQ(run(options).err, "error: --edge: expected at most 64 tiles, found 16384 pixels\n");
  options.scheme = Scheme::Relaxed;
  options.edge = 5;
  EXPECT_EQ(run(options).err,
            "error: --edge: expected the scheme longest-edge or center-crop, found "
            "'relaxed'\n");
}

TEST(TilesCommand, ReadsSizesFromLines) {
  TilesOptions options;
  EXPECT_EQ(run(options, " 100x100\r\n\n100x200").out.substr(0, 20), "100x100: grid 1:1, r");
  const Done bad = run(options, "100x100\nhello\n");
  EXPECT_EQ(bad.code, ExitInputAtFault);
  EXPECT_EQ(bad.err, "error: standard input: line 2: expected a size such as 768x1536, of 1 to "
                     "16384 pixels a side, found 'hello'\n");
  EXPECT_EQ(run(options, std::string(1 << 20, '1')).code, ExitInputAtFault);
  EXPECT_EQ(run(options).err, "error: standard input: expected a size on each line, found none\n");
}

TEST(TilesCommand, SizesThatAreNone) {
  for (const char *text : {"0x0", "0x5", "5x0", "-1x5", "5x-1", "99999999x1", "1x99999999999999999",
                           "5", "5x", "x5", "5x5x5", "5 x 5", "+5x5", "text", "", "5x5\n"}) {
    const Done done = run(with({"100x100", text}));
    EXPECT_EQ(done.code, ExitCommandLine) << text;
    EXPECT_EQ(done.out, "");
    EXPECT_EQ(done.err.find("error: expected a size such as 768x1536"), 0u) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1);
  }
}

TEST(TilesCommand, OptionsThatDoNotFit) {
  TilesOptions options = with({"100x100"});
  options.maxTokens = 195;
  EXPECT_EQ(run(options).code, ExitCommandLine);
  EXPECT_EQ(run(options).err, "error: --max-tokens: no grid fits: expected at least the 196 tokens "
                              "of the smallest one, found 195\n");
  options.maxTokens = 196;
  EXPECT_EQ(run(options).code, ExitDone);
  options.maxGrid = "3";
  EXPECT_EQ(run(options).err,
            "error: --max-grid: expected columns and rows such as 3x3, of 1 to 64 "
            "tiles, found '3'\n");
  options.maxGrid = "64x1";
  options.tile = 16384;
  EXPECT_EQ(run(options).err, "error: --tile: expected grids of at most 65536 pixels a side, found "
                              "64x1 tiles of 16384\n");
}

TEST(TilesCommand, CapTakesGridsFirst) {
  TilesOptions options = with({"768x1536"});
  options.maxTokens = 1000;
  EXPECT_NE(run(options).out.find("grid 1:2, "), std::string::npos) << run(options).out;
  options.maxTokens = 588;
  EXPECT_NE(run(options).out.find("grid 1:2, "), std::string::npos);
  options.maxTokens = 587;
  EXPECT_NE(run(options).out.find("grid 1:1, "), std::string::npos);
}

TEST(TilesCommand, Compares) {
  TilesOptions options = with({"394x390", "380x76", "380x393", "500x102", "100x100", "700x100"});
  options.compare = true;
  EXPECT_EQ(run(options).out, "6 sizes\n"
                              "relaxed beside llava-next: grid smaller 2, equal 4, larger 0\n"
                              "relaxed beside internvl: grid smaller 3, equal 3, larger 0\n");
  options.json = true;
  EXPECT_EQ(run(options).out, R"({"sizes":6,"scheme":"relaxed","beside":{)"
                              R"("llava-next":{"smaller":2,"equal":4,"larger":0},)"
                              R"("internvl":{"smaller":3,"equal":3,"larger":0}}})"
                              "\n");
}

TEST(TilesCommand, AsksABundle) {
  TestBundle bundle;
  bundle.write();
  TilesOptions options = with({"8x16"});
  options.bundle = bundle.path();
  EXPECT_EQ(run(options).out,
            "8x16: grid 2:4, resized to 8x16, no padding, 9 tiles with the thumbnail, 18 tokens\n");
  bundle.manifest["preprocess"]["max_tokens"] = 17;
  bundle.write();
  EXPECT_EQ(run(options).out, "8x16: grid 2:2, resized to 4x8, padding left 2, top 0, right 2, "
                              "bottom 0, 5 tiles with the thumbnail, 10 tokens\n");
  bundle.manifest["preprocess"]["max_tokens"] = 1;
  bundle.write();
  EXPECT_EQ(run(options).code, ExitInputAtFault);
  EXPECT_NE(run(options).err.find("preprocess.max_tokens"), std::string::npos);
  options.bundle = "/nonexistent";
  EXPECT_EQ(run(options).code, ExitInputAtFault);
}

} // namespace
