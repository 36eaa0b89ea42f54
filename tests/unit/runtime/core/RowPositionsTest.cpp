#include "core/RowPositions.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace bluec::runtime;

namespace {

Row token() { return {7, nullptr}; }
// Row `number` of a picture.
Row rowOf(std::int64_t picture, std::int64_t number) {
  return {-1 - (picture * kMostPictureRows + number), nullptr};
}

std::vector<std::int32_t> all(const RowPositions &positions) {
  return {positions.from(0), positions.from(0) + positions.rows() * positions.axes()};
}

TEST(RowPositionsTest, TextIsNumberedOnEveryAxis) {
  RowPositions positions({2, 0, 0});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(positions.append(token()));
  EXPECT_EQ(all(positions), (std::vector<std::int32_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_FALSE(positions.append(rowOf(0, 0))) << "nothing says where a picture stands";
  EXPECT_EQ(positions.rows(), 3);
}

// scripts/make_position_goldens: what transformers says of texts and pictures.
TEST(RowPositionsTest, AsTransformersPlacesRows) {
  std::ifstream goldens(BLUEC_SOURCE_DIR "/tests/golden/runtime/positions.txt");
  int cases = 0;
  for (std::string line; std::getline(goldens, line); ++cases) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    PositionRule rule{3, 0, 0};
    words >> rule.gridRows >> rule.gridColumns;
    RowPositions positions(rule);
    std::int64_t pictures = 0;
    for (std::string part; words >> part && part != ":";) {
      const bool isPicture = part == "p";
      const std::int64_t count = isPicture ? rule.gridRows * rule.gridColumns : std::stoll(part);
      for (std::int64_t i = 0; i < count; ++i)
        ASSERT_TRUE(positions.append(isPicture ? rowOf(pictures, i) : token()));
      pictures += isPicture;
    }
    std::vector<std::int32_t> expected;
    for (std::int32_t number = 0; words >> number; words.ignore())
      expected.push_back(number);
    EXPECT_EQ(all(positions), expected);
  }
  EXPECT_GT(cases, 40);
}

// Whatever follows a row that stays is placed as if nothing else had been there.
TEST(RowPositionsTest, CutAnywhereAndGoneOn) {
  const PositionRule rule{3, 2, 4};
  std::vector<Row> rows = {token(), token()};
  for (std::int64_t picture = 0; picture < 2; ++picture) {
    for (std::int64_t i = 0; i < 8; ++i)
      rows.push_back(rowOf(picture, i));
    rows.push_back(token());
  }
  RowPositions whole(rule), positions(rule);
  for (const Row &row : rows)
    ASSERT_TRUE(whole.append(row));
  for (std::int64_t cut = std::ssize(rows); cut >= 0; --cut) {
    for (std::int64_t i = positions.rows(); i < std::ssize(rows); ++i)
      ASSERT_TRUE(positions.append(rows[std::size_t(i)]));
    EXPECT_EQ(all(positions), all(whole));
    positions.cut(cut);
    EXPECT_EQ(positions.rows(), cut);
  }
  // Where a picture was, text may be.
  positions.cut(2);
  ASSERT_TRUE(positions.append(token()));
  EXPECT_EQ(*positions.from(2), 2);
}

TEST(RowPositionsTest, RowsWithoutAPlace) {
  RowPositions positions({3, 2, 2});
  EXPECT_FALSE(positions.append(rowOf(0, 1))) << "not the first of its picture";
  ASSERT_TRUE(positions.append(token()));
  EXPECT_FALSE(positions.append(rowOf(0, 1))) << "behind a token";
  for (std::int64_t i = 0; i < 4; ++i)
    ASSERT_TRUE(positions.append(rowOf(0, i)));
  EXPECT_FALSE(positions.append(rowOf(0, 4))) << "outside of the grid";
  EXPECT_EQ(positions.rows(), 5);
  positions.cut(-1);
  EXPECT_EQ(positions.rows(), 0);
}

} // namespace
