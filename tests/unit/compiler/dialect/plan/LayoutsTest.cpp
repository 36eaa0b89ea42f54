#include "compiler/dialect/plan/Layouts.h"

#include "compiler/dialect/plan/Plan.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <set>

using namespace mlir;
using namespace bluec::plan;

namespace {

class LayoutsTest : public ::testing::Test {
protected:
  LayoutsTest() { context.loadDialect<PlanDialect>(); }
  RankedTensorType parse(const char *text) {
    return cast<RankedTensorType>(parseType(text, &context));
  }
  MLIRContext context;
};

TEST_F(LayoutsTest, WordsHoldEveryElementOnceInTheOrderOfTheDotProduct) {
  for (int64_t bits : {4, 8})
    for (int64_t lanes : {1, 2, 4}) {
      WordLayout word{bits, lanes};
      std::set<int64_t> used;
      for (int64_t i = 0; i < word.elements(); ++i)
        used.insert(word.bitOf(i));
      EXPECT_EQ(static_cast<int64_t>(used.size()), word.elements());
      EXPECT_LE(*used.rbegin() + bits, 32);
      // Step s, lane j of a dot product takes element s * lanes + j from its own part of the word.
      for (int64_t s = 0; s < word.steps(); ++s)
        for (int64_t j = 0; j < lanes; ++j)
          EXPECT_EQ(word.bitOf(s * lanes + j), j * (32 / lanes) + s * bits);
    }
}

TEST_F(LayoutsTest, APanelsGroupsEndWhereTheRowEnds) {
  auto layout = PanelLayout::of(parse(
      "tensor<40x4304x!blue.quantized<i4 group 64 scale f16>, #plan.panels<rows 32, dot i8>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->panels(), 2);
  EXPECT_EQ(layout->groups(), 68);
  EXPECT_EQ(layout->headerBytes(), 64);
  EXPECT_EQ(layout->wordsIn(0), 8);
  EXPECT_EQ(layout->wordsIn(67), 2);
  EXPECT_EQ(layout->groupOffset(1), 64 + 8 * 128);
  EXPECT_EQ(layout->panelBytes(), 67 * (64 + 8 * 128) + 64 + 2 * 128);
  EXPECT_EQ(denseBytes(parse("tensor<40x4304x!blue.quantized<i4 group 64 scale f16>, "
                             "#plan.panels<rows 32, dot i8>>")),
            2 * layout->panelBytes());
}

TEST_F(LayoutsTest, ZerosFollowTheScalesOfAGroup) {
  auto layout = PanelLayout::of(parse("tensor<16x48x!blue.quantized<i8 group 32 scale f32 zeros>, "
                                      "#plan.panels<rows 16, dot i16>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->zerosOffset(), 64);
  EXPECT_EQ(layout->headerBytes(), 128);
  EXPECT_EQ(layout->panelBytes(), 128 + 8 * 64 + 128 + 4 * 64);
}

TEST_F(LayoutsTest, OneGroupARow) {
  auto layout = PanelLayout::of(parse(
      "tensor<32x50x!blue.quantized<i8 group row scale f16>, #plan.panels<rows 32, dot i8>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->groups(), 1);
  EXPECT_EQ(layout->wordsIn(0), 13);
}

TEST_F(LayoutsTest, RowsCarryScalesAndSums) {
  auto layout = RowLayout::of(
      parse("tensor<2x3x100x!blue.quantized<i16 group 64 scale f32>, #plan.rows<sums 32>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->rows, 6);
  EXPECT_EQ(layout->scalesOffset(), 256);
  EXPECT_EQ(layout->groups(), 2);
  EXPECT_EQ(layout->sumCount(), 4);
  EXPECT_EQ(layout->rowBytes(), 256 + 64 + 64);
}

TEST_F(LayoutsTest, ACacheIsAByteAnElementAndAScaleAPosition) {
  auto keys = CacheLayout::of(parse("tensor<2048x2304x!blue.quantized<i8 group 64 scale f16>, "
                                    "#plan.keys<heads 36, block 32, dot i16>>"));
  auto values = CacheLayout::of(parse("tensor<2048x2304x!blue.quantized<i8 group 64 scale f16>, "
                                      "#plan.values<heads 36, block 32, dot i16>>"));
  ASSERT_TRUE(keys && values);
  EXPECT_EQ(keys->dims, 64);
  EXPECT_EQ(keys->blockBytes(), 64 + 64 * 32);
  EXPECT_EQ(values->blockBytes(), 64 + 64 * 32);
  EXPECT_EQ(keys->bytes(), 36 * 64 * (64 + 64 * 32));
  EXPECT_FALSE(values->keys);
}

TEST_F(LayoutsTest, AnEncodersKeysAndValuesHaveABatchAndScalesOfF32) {
  auto keys = CacheLayout::of(parse("tensor<3x49x144x!blue.quantized<i16 group 72 scale f32>, "
                                    "#plan.keys<heads 2, block 32, dot i16>>"));
  auto values = CacheLayout::of(parse("tensor<3x49x144x!blue.quantized<i8 group 72 scale f32>, "
                                      "#plan.values<heads 2, block 32, dot i8>>"));
  ASSERT_TRUE(keys && values);
  EXPECT_EQ(keys->batch, 3);
  EXPECT_EQ(keys->positions, 49);
  EXPECT_EQ(keys->dims, 72);
  EXPECT_EQ(keys->word.elements(), 2);
  EXPECT_EQ(keys->word.steps(), 1);
  EXPECT_EQ(keys->blockBytes(), 128 + 36 * 32 * 4);
  EXPECT_EQ(keys->bytes(), 3 * 2 * 2 * keys->blockBytes());
  EXPECT_EQ(values->blockBytes(), 128 + 8 * 72 * 4);
  EXPECT_EQ(denseBytes(parse("tensor<3x49x144x!blue.quantized<i16 group 72 scale f32>, "
                             "#plan.keys<heads 2, block 32, dot i16>>")),
            keys->bytes());
}

TEST_F(LayoutsTest, OtherTypesHaveNone) {
  RankedTensorType plain = parse("tensor<4x8xf32>");
  EXPECT_FALSE(PanelLayout::of(plain) || RowLayout::of(plain) || CacheLayout::of(plain));
  EXPECT_EQ(denseBytes(plain), 4 * 8 * 4);
}

} // namespace
