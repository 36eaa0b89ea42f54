#include "vision/Tiles.h"

#include "platform/ThreadPool.h"
#include "support/TestBundle.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

using namespace bluec::runtime;
using bluec::test::sha256Hex;

namespace {

// The paper's setting: tiles of 384 pixels, grids up to 3:3.
Preprocess paper() {
  Preprocess preprocess;
  preprocess.tileWidth = preprocess.tileHeight = 384;
  for (int columns = 1; columns <= 3; ++columns)
    for (int rows = 1; rows <= 3; ++rows)
      preprocess.candidates.push_back({columns, rows});
  return preprocess;
}

// Small tiles and no normalisation: values are the pixels.
Preprocess small() {
  Preprocess preprocess;
  preprocess.tileWidth = preprocess.tileHeight = 4;
  preprocess.rescale = 1;
  preprocess.padColor = {7, 8, 9};
  preprocess.candidates = {{2, 1}, {1, 2}, {1, 1}};
  return preprocess;
}

Picture flat(int width, int height, std::uint8_t value) {
  return {width, height, std::vector<std::uint8_t>(std::size_t(width * height * 3), value)};
}

// Red of pixel (x, y) of a tile.
float red(const TileSet &tiles, int tile, int x, int y) {
  return tiles.pixels[std::size_t(tile * 3 * 16 + y * 4 + x)];
}

Preprocess withScheme(Scheme scheme, Preprocess preprocess) {
  preprocess.scheme = scheme;
  return preprocess;
}

TEST(Tiles, PublishedCases) {
  EXPECT_EQ(chooseGrid(394, 390, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(380, 76, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(380, 393, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(500, 102, paper()), (Grid{2, 1}));
  const Preprocess llava = withScheme(Scheme::LlavaNext, paper());
  EXPECT_EQ(chooseGrid(394, 390, llava), (Grid{2, 2}));
  EXPECT_EQ(chooseGrid(380, 393, llava), (Grid{1, 2})); // 384 x 768
  Preprocess internVl = withScheme(Scheme::InternVl, paper());
  internVl.candidates = gridsOf(1, 6);
  EXPECT_EQ(chooseGrid(380, 76, internVl), (Grid{5, 1}));
  EXPECT_EQ(chooseGrid(500, 102, internVl), (Grid{5, 1}));
}

// A phone's screen with up to 16 tiles.
TEST(Tiles, PhoneScreen) {
  Preprocess preprocess = paper();
  preprocess.candidates = gridsWithin(4, 4);
  preprocess.tokensPerTile = 196;
  const TileLayout layout = layOutTiles(768, 1536, preprocess);
  EXPECT_EQ(layout.grid, (Grid{2, 4}));
  EXPECT_EQ(layout.count, 9);
  EXPECT_EQ(layout.tokens, 1764);
}

TEST(Tiles, GridsOf) {
  EXPECT_EQ(gridsWithin(2, 2), (std::vector<Grid>{{2, 2}, {2, 1}, {1, 2}, {1, 1}}));
  EXPECT_EQ(gridsOf(1, 4),
            (std::vector<Grid>{{4, 1}, {3, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 3}, {1, 2}, {1, 1}}));
  EXPECT_EQ(gridsOf(4, 4), (std::vector<Grid>{{4, 1}, {2, 2}, {1, 4}}));
}

// Of grids that keep and waste the same, the one that is listed first.
TEST(Tiles, LlavaNextTakesTheFirstOfEqualGrids) {
  Preprocess preprocess = withScheme(Scheme::LlavaNext, paper());
  preprocess.candidates = {{2, 3}, {3, 2}};
  EXPECT_EQ(chooseGrid(300, 300, preprocess), (Grid{2, 3}));
  preprocess.candidates = {{3, 2}, {2, 3}};
  EXPECT_EQ(chooseGrid(300, 300, preprocess), (Grid{3, 2}));
}

// The larger of equal ratios, once the picture has more than half of its pixels.
TEST(Tiles, InternVlAsksForTheAreaOfATie) {
  Preprocess preprocess = withScheme(Scheme::InternVl, paper());
  EXPECT_EQ(chooseGrid(543, 543, preprocess), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(544, 544, preprocess), (Grid{2, 2}));
  EXPECT_EQ(chooseGrid(814, 814, preprocess), (Grid{2, 2}));
  EXPECT_EQ(chooseGrid(815, 815, preprocess), (Grid{3, 3}));
}

TEST(Tiles, Layouts) {
  Preprocess preprocess = paper();
  TileLayout layout = layOutTiles(500, 102, preprocess); // 768 x 156.67
  EXPECT_EQ(layout.width, 768);
  EXPECT_EQ(layout.height, 156);
  EXPECT_EQ(layout.left, 0);
  EXPECT_EQ(layout.top, 114);
  EXPECT_EQ(layout.bottom, 114);
  preprocess.candidates = {{2, 1}};
  layout = layOutTiles(500, 102, withScheme(Scheme::LlavaNext, preprocess));
  EXPECT_EQ(layout.height, 157);
  EXPECT_EQ(layout.top, 113);
  EXPECT_EQ(layout.bottom, 114);
  layout = layOutTiles(500, 102, withScheme(Scheme::InternVl, preprocess));
  EXPECT_EQ(layout.height, 384);
  EXPECT_EQ(layout.top + layout.bottom, 0);
}

// Grids give way first, then the thumbnail.
TEST(Tiles, TokenCap) {
  Preprocess preprocess = paper();
  preprocess.tokensPerTile = 10;
  EXPECT_EQ(leastTokens(preprocess), 10);
  Preprocess capped = preprocess;
  capTokens(capped, 50);
  EXPECT_EQ(capped.candidates.size(), 6u); // 2:2, 1:1 to 1:3, 2:1 and 3:1
  EXPECT_EQ(chooseGrid(3000, 3000, capped), (Grid{2, 2}));
  EXPECT_EQ(tokensOf(chooseGrid(3000, 3000, capped), capped), 50);
  capped = preprocess;
  capTokens(capped, 29);
  EXPECT_EQ(capped.candidates, (std::vector<Grid>{{1, 1}}));
  EXPECT_EQ(capped.thumbnail, Thumbnail::LastIfMany);

  Preprocess many = preprocess;
  many.candidates = {{2, 1}, {1, 2}, {2, 2}};
  EXPECT_EQ(leastTokens(many), 20);
  capTokens(many, 29);
  EXPECT_EQ(many.thumbnail, Thumbnail::None);
  EXPECT_EQ(many.candidates, (std::vector<Grid>{{2, 1}, {1, 2}}));
}

TEST(Tiles, OrderOfCandidatesDoesNotMatter) {
  Preprocess forward = paper(), backward = paper();
  std::reverse(backward.candidates.begin(), backward.candidates.end());
  for (int width = 1; width < 3000; width += 97)
    for (int height = 1; height < 3000; height += 89)
      EXPECT_EQ(chooseGrid(width, height, forward), chooseGrid(width, height, backward));
}

// So thin that it vanishes at every size: the smallest grid.
TEST(Tiles, Threads) {
  Preprocess preprocess = small();
  EXPECT_EQ(chooseGrid(1, 16384, preprocess), (Grid{1, 1}));
  const TileSet tiles = makeTiles(flat(1, 16384, 50), preprocess);
  EXPECT_EQ(tiles.count, 1);
  EXPECT_EQ(red(tiles, 0, 1, 0), 50); // one column in the middle
  EXPECT_EQ(red(tiles, 0, 0, 0), 7);
}

TEST(Tiles, OneTileHasNoThumbnail) {
  const TileSet tiles = makeTiles(flat(4, 4, 100), small());
  EXPECT_EQ(tiles.count, 1);
  EXPECT_EQ(tiles.pixels.size(), 48u);
  EXPECT_EQ(red(tiles, 0, 3, 3), 100);
}

TEST(Tiles, RowByRowThenThumbnail) {
  Picture picture = flat(8, 4, 0);
  for (int y = 0; y < 4; ++y)
    for (int x = 4; x < 8; ++x)
      picture.pixels[std::size_t((y * 8 + x) * 3)] = 200;
  const TileSet tiles = makeTiles(picture, small());
  EXPECT_EQ(tiles.grid, (Grid{2, 1}));
  ASSERT_EQ(tiles.count, 3);
  EXPECT_EQ(red(tiles, 0, 3, 3), 0);
  EXPECT_EQ(red(tiles, 1, 0, 0), 200);
  EXPECT_LT(red(tiles, 2, 0, 0), 10); // the whole picture, narrowed
  EXPECT_GT(red(tiles, 2, 3, 0), 190);
  Preprocess without = small();
  without.thumbnail = Thumbnail::None;
  EXPECT_EQ(makeTiles(picture, without).count, 2);
}

// What a script computes from the published rules (scripts/make_runtime_goldens).
struct Golden {
  std::map<std::string, Preprocess> configurations;
  int cases = 0;
};

Golden checkPlacements() {
  Golden golden;
  std::ifstream file(BLUEC_SOURCE_DIR "/tests/golden/runtime/tiles.txt");
  std::string line, name;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    if (line.starts_with("configuration")) {
      std::string word, scheme;
      Preprocess preprocess;
      words >> word >> name >> scheme >> preprocess.tileWidth;
      preprocess.tileHeight = preprocess.tileWidth;
      preprocess.scheme = schemeByName(scheme).value();
      Grid grid;
      for (char comma; words >> grid.columns >> comma >> grid.rows;)
        preprocess.candidates.push_back(grid);
      golden.configurations[name] = preprocess;
      continue;
    }
    int width = 0, height = 0;
    TileLayout expected;
    words >> width >> height >> expected.grid.columns >> expected.grid.rows >> expected.width >>
        expected.height >> expected.left >> expected.top;
    const TileLayout found = layOutTiles(width, height, golden.configurations[name]);
    EXPECT_EQ(found.grid, expected.grid) << name << ' ' << line;
    EXPECT_EQ(found.width, expected.width) << name << ' ' << line;
    EXPECT_EQ(found.height, expected.height) << name << ' ' << line;
    EXPECT_EQ(found.left, expected.left) << name << ' ' << line;
    EXPECT_EQ(found.top, expected.top) << name << ' ' << line;
    ++golden.cases;
  }
  return golden;
}

TEST(Tiles, PlacementsAreThePublishedOnes) { EXPECT_EQ(checkPlacements().cases, 4510); }

// The same pixels as `noise` of scripts/make_runtime_goldens.
Picture noise(int width, int height) {
  Picture picture{width, height, {}};
  std::uint32_t state = std::uint32_t(width) * 65537u + std::uint32_t(height);
  for (int i = 0; i < width * height * 3; ++i) {
    state = state * 1664525u + 1013904223u;
    picture.pixels.push_back(std::uint8_t(state >> 24));
  }
  return picture;
}

TEST(Tiles, PixelsAreThoseOfPillow) {
  const Golden golden = checkPlacements();
  std::ifstream file(BLUEC_SOURCE_DIR "/tests/golden/runtime/tile_pixels.txt");
  std::string name, hash;
  int width = 0, height = 0, count = 0, cases = 0;
  while (file >> name >> width >> height >> count >> hash) {
    Preprocess preprocess = golden.configurations.at(name);
    preprocess.rescale = 1;
    preprocess.padColor = {1, 2, 3};
    if (preprocess.scheme == Scheme::LlavaNext)
      preprocess.thumbnail = Thumbnail::First;
    const TileSet tiles = makeTiles(noise(width, height), preprocess);
    EXPECT_EQ(tiles.count, count);
    const std::vector<std::uint8_t> bytes(tiles.pixels.begin(), tiles.pixels.end());
    EXPECT_EQ(sha256Hex(bytes.data(), bytes.size()), hash)
        << name << ' ' << width << " x " << height;
    ++cases;
  }
  EXPECT_EQ(cases, 75);
}

// Lines of tests/golden/pictures/layouts.txt are transformers' (scripts/make_picture_goldens).
TEST(Tiles, LayoutsAreThoseOfTheProcessors) {
  std::ifstream file(BLUEC_SOURCE_DIR "/tests/golden/pictures/layouts.txt");
  Preprocess preprocess;
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    std::istringstream words(line);
    std::string kind;
    if (line[0] == 'e' || line[0] == 'c') {
      words >> kind >> preprocess.edge >> preprocess.tileWidth;
      preprocess.tileHeight = preprocess.tileWidth;
      preprocess.scheme = kind == "edge" ? Scheme::LongestEdge : Scheme::CenterCrop;
      preprocess.candidates = kind == "edge" ? gridsOfEdge(preprocess.edge, preprocess.tileWidth)
                                             : std::vector<Grid>{{1, 1}};
      continue;
    }
    int width = 0, height = 0, a = 0, b = 0;
    words >> width >> height >> a >> b;
    const TileLayout found = layOutTiles(width, height, preprocess);
    if (preprocess.scheme == Scheme::LongestEdge) {
      EXPECT_EQ(found.grid, (Grid{a, b})) << preprocess.edge << ": " << line;
      EXPECT_TRUE(
          std::count(preprocess.candidates.begin(), preprocess.candidates.end(), found.grid))
          << preprocess.edge << ": " << line;
    } else {
      EXPECT_EQ(found.width, a) << preprocess.edge << ": " << line;
      EXPECT_EQ(found.height, b) << preprocess.edge << ": " << line;
      EXPECT_EQ(found.left + found.width + found.right, preprocess.tileWidth);
      EXPECT_EQ(found.top + found.height + found.bottom, preprocess.tileWidth);
    }
  }
  EXPECT_EQ(cases, 5412);
}

// An odd pixel of padding is in front, one that is cut off behind.
TEST(Tiles, CenterCrop) {
  Preprocess preprocess = withScheme(Scheme::CenterCrop, small());
  preprocess.candidates = {{1, 1}};
  preprocess.edge = 3;
  const TileLayout padded = layOutTiles(3, 3, preprocess);
  EXPECT_EQ(padded.left, 1);
  EXPECT_EQ(padded.right, 0);
  const TileLayout cut = layOutTiles(7, 3, preprocess);
  EXPECT_EQ(cut.width, 7);
  EXPECT_EQ(cut.left, -1);
  EXPECT_EQ(cut.right, -2);
  EXPECT_EQ(cut.top, 1);
  const TileSet tiles = makeTiles(flat(7, 3, 100), preprocess);
  for (int y = 0; y < 4; ++y)
    EXPECT_EQ(red(tiles, 0, 3, y), y == 0 ? 7 : 100) << y;
  // Of a thin picture only the middle is computed: all of it would have billions of pixels.
  preprocess.edge = preprocess.tileWidth = preprocess.tileHeight = 384;
  EXPECT_EQ(layOutTiles(16384, 1, preprocess).width, 384 * 16384);
  EXPECT_EQ(makeTiles(flat(16384, 1, 50), preprocess).pixels[0], 50);
  EXPECT_EQ(makeTiles(flat(1, 16384, 50), preprocess).pixels[0], 50);
}

TEST(Tiles, CapsOfAnEdge) {
  Preprocess preprocess = withScheme(Scheme::LongestEdge, small());
  preprocess.tokensPerTile = 2;
  preprocess.edge = 16;
  preprocess.candidates = gridsOfEdge(16, 4);
  EXPECT_EQ(preprocess.candidates.size(), 7u);
  EXPECT_EQ(leastTokens(preprocess), 2);
  capTokens(preprocess, 33); // of 4 x 4 and the overview 34
  EXPECT_EQ(preprocess.edge, 12);
  EXPECT_EQ(preprocess.candidates, gridsOfEdge(12, 4));
  capTokens(preprocess, 2);
  EXPECT_EQ(preprocess.candidates, (std::vector<Grid>{{1, 1}}));
  EXPECT_EQ(layOutTiles(100, 3, preprocess).tokens, 2);
  // A tile of odd sides, of which an even one is a little larger.
  preprocess.tileWidth = preprocess.tileHeight = 1;
  preprocess.edge = 3;
  preprocess.candidates = gridsOfEdge(3, 1);
  capTokens(preprocess, 2);
  EXPECT_EQ(preprocess.candidates, (std::vector<Grid>{{1, 1}}));
}

TEST(Tiles, ThumbnailFirst) {
  Preprocess preprocess = small();
  preprocess.thumbnail = Thumbnail::First;
  Picture picture = flat(8, 4, 0);
  for (int y = 0; y < 4; ++y)
    for (int x = 4; x < 8; ++x)
      picture.pixels[std::size_t((y * 8 + x) * 3)] = 200;
  const TileSet tiles = makeTiles(picture, preprocess);
  ASSERT_EQ(tiles.count, 3);
  EXPECT_GT(red(tiles, 0, 3, 0), 190);
  EXPECT_EQ(red(tiles, 1, 3, 3), 0);
  EXPECT_EQ(red(tiles, 2, 0, 0), 200);
  EXPECT_EQ(makeTiles(flat(4, 4, 1), preprocess).count, 2); // also beside a single one
}

TEST(Tiles, ThreadsDoNotChangeThem) {
  Picture picture = flat(1003, 701, 0);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = std::uint8_t(i * i >> 3);
  Preprocess preprocess = paper();
  const TileSet alone = makeTiles(picture, preprocess);
  ThreadPool threads(3);
  EXPECT_EQ(makeTiles(picture, preprocess, &threads).pixels, alone.pixels);
}

TEST(Tiles, Padding) {
  Preprocess preprocess = small();
  preprocess.candidates = {{1, 1}};
  // 3 x 1 becomes 4 x 1: one row of four, 1 above and 2 below it.
  TileSet tiles = makeTiles(flat(3, 1, 100), preprocess);
  for (int y = 0; y < 4; ++y)
    EXPECT_EQ(red(tiles, 0, 2, y), y == 1 ? 100 : 7) << y;
  EXPECT_EQ(tiles.pixels[16], 8); // green and blue are padded with theirs
  EXPECT_EQ(tiles.pixels[32], 9);
  preprocess.padPosition = PadPosition::TopLeft;
  tiles = makeTiles(flat(3, 1, 100), preprocess);
  for (int y = 0; y < 4; ++y)
    EXPECT_EQ(red(tiles, 0, 2, y), y == 0 ? 100 : 7) << y;
}

TEST(Tiles, Normalisation) {
  Preprocess preprocess = small();
  preprocess.rescale = 1.0 / 255;
  preprocess.mean = {0.5, 0.25, 0};
  preprocess.deviation = {0.5, 0.5, 2};
  const TileSet tiles = makeTiles(flat(4, 4, 255), preprocess);
  EXPECT_FLOAT_EQ(tiles.pixels[0], 1.0f);
  EXPECT_FLOAT_EQ(tiles.pixels[16], 1.5f);
  EXPECT_FLOAT_EQ(tiles.pixels[32], 0.5f);
}

} // namespace
