#include "vision/Tiles.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

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

TEST(Tiles, PublishedCases) {
  EXPECT_EQ(chooseGrid(394, 390, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(380, 76, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(380, 393, paper()), (Grid{1, 1}));
  EXPECT_EQ(chooseGrid(500, 102, paper()), (Grid{2, 1}));
}

// A phone's screen with up to 16 tiles.
TEST(Tiles, PhoneScreen) {
  Preprocess preprocess = paper();
  preprocess.candidates.clear();
  for (int columns = 4; columns >= 1; --columns)
    for (int rows = 4; rows >= 1; --rows)
      preprocess.candidates.push_back({columns, rows});
  EXPECT_EQ(chooseGrid(768, 1536, preprocess), (Grid{2, 4}));
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
  without.thumbnail = false;
  EXPECT_EQ(makeTiles(picture, without).count, 2);
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
