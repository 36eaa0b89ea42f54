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
    for (int64_t operandBits : {8, 16, 32})
      for (int64_t products : {1, 2, 4, 8}) {
        WordLayout word{bits, products, operandBits};
        std::set<int64_t> used;
        for (int64_t i = 0; i < word.elements(); ++i)
          used.insert(word.bitOf(i));
        EXPECT_EQ(static_cast<int64_t>(used.size()), word.elements());
        EXPECT_LE(*used.rbegin() + bits, 8 * word.bytes());
        // Step s, product j takes element s * products + j from its own part of the word.
        for (int64_t s = 0; s < word.steps(); ++s)
          for (int64_t j = 0; j < products; ++j)
            EXPECT_EQ(word.bitOf(s * products + j), j * operandBits + s * bits);
      }
}

TEST_F(LayoutsTest, APanelsGroupsEndWhereTheRowEnds) {
  auto layout = PanelLayout::of(parse("tensor<40x4304x!blue.quantized<i4 group 64 scale f16>, "
                                      "#plan.panels<rows 32, dot <ui8 x si8, k 4>>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->panels(), 2);
  EXPECT_EQ(layout->groups(), 68);
  EXPECT_EQ(layout->headerBytes(), 64);
  EXPECT_EQ(layout->wordsIn(0), 8);
  EXPECT_EQ(layout->wordsIn(67), 2);
  EXPECT_EQ(layout->groupOffset(1), 64 + 8 * 128);
  EXPECT_EQ(layout->panelBytes(), 67 * (64 + 8 * 128) + 64 + 2 * 128);
  EXPECT_EQ(denseBytes(parse("tensor<40x4304x!blue.quantized<i4 group 64 scale f16>, "
                             "#plan.panels<rows 32, dot <ui8 x si8, k 4>>>")),
            2 * layout->panelBytes());
}

TEST_F(LayoutsTest, ZerosFollowTheScalesOfAGroup) {
  auto layout = PanelLayout::of(parse("tensor<16x48x!blue.quantized<i8 group 32 scale f32 zeros>, "
                                      "#plan.panels<rows 16, dot <si16 x si16, k 2>>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->zerosOffset(), 64);
  EXPECT_EQ(layout->headerBytes(), 128);
  EXPECT_EQ(layout->panelBytes(), 128 + 8 * 64 + 128 + 4 * 64);
}

TEST_F(LayoutsTest, PanelsAreForProductsInTilesOfTheirTypes) {
  auto target = [&](const char *facts) {
    std::string text = "#plan.target<name = \"t\", triple = \"\", cpu = \"\", features = \"\", "
                       "vectorBits = 128, vectorRegisters = 32, l1Bytes = 1, l2Bytes = 1, "
                       "dots = [#plan.dot<si8 x si8, k 4>, #plan.dot<si16 x si16, k 1>]" +
                       std::string(facts) + ">";
    return cast<TargetAttr>(parseAttribute(text, &context));
  };
  auto integer = [&](unsigned bits) { return IntegerType::get(&context, bits); };
  TargetAttr plain = target(""), tiles = target(", mmas = [#plan.mma<si8 x si8, m 2, n 2, k 8>]");
  DotAttr four = dotFor(plain, integer(8)), eight = panelDotFor(tiles, integer(8));
  EXPECT_EQ(panelDotFor(plain, integer(8)), four);
  EXPECT_FALSE(mmaFor(plain, four));
  EXPECT_FALSE(hasDot(plain, eight));
  EXPECT_EQ(eight.getK(), 8);
  EXPECT_TRUE(mmaFor(tiles, eight));
  EXPECT_TRUE(hasDot(tiles, eight));
  // Caches stay as they are, and so do words.
  EXPECT_EQ(dotFor(tiles, integer(8)), four);
  EXPECT_EQ(panelDotFor(tiles, integer(16)), dotFor(tiles, integer(16)));
  // Weights without a sign are others; tiles of four rows, or too wide ones, nobody takes.
  for (const char *other :
       {"si8 x ui8, m 2, n 2, k 8", "si8 x si8, m 4, n 2, k 8", "si8 x si8, m 2, n 8, k 8"})
    EXPECT_EQ(panelDotFor(target((", mmas = [#plan.mma<" + std::string(other) + ">]").c_str()),
                          integer(8)),
              four)
        << other;
}

TEST_F(LayoutsTest, OneGroupARow) {
  auto layout = PanelLayout::of(parse("tensor<32x50x!blue.quantized<i8 group row scale f16>, "
                                      "#plan.panels<rows 32, dot <ui8 x si8, k 4>>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->groups(), 1);
  EXPECT_EQ(layout->wordsIn(0), 13);
}

TEST_F(LayoutsTest, RowsCarryScalesAndSums) {
  auto layout = RowLayout::of(
      parse("tensor<2x3x100x!blue.quantized<i16 group 64 scale f32>, #plan.rows<sums 32>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->rows, 6);
  EXPECT_EQ(layout->scalesAt(0), 256);
  EXPECT_EQ(layout->groups(), 2);
  EXPECT_EQ(layout->sumCount(), 4);
  EXPECT_EQ(layout->rowBytes(), 256 + 64 + 64);
}

TEST_F(LayoutsTest, ACacheIsAByteAnElementAndAScaleAPosition) {
  auto keys = CacheLayout::of(parse("tensor<2048x2304x!blue.quantized<i8 group 64 scale f16>, "
                                    "#plan.keys<heads 36, block 32, dot <si16 x si16, k 2>>>"));
  auto values = CacheLayout::of(parse("tensor<2048x2304x!blue.quantized<i8 group 64 scale f16>, "
                                      "#plan.values<heads 36, block 32, dot <si16 x si16, k 2>>>"));
  ASSERT_TRUE(keys && values);
  EXPECT_EQ(keys->dims, 64);
  EXPECT_EQ(keys->blockBytes(), 64 + 64 * 32);
  EXPECT_EQ(values->blockBytes(), 64 + 64 * 32);
  EXPECT_EQ(keys->bytes(), 36 * 64 * (64 + 64 * 32));
  EXPECT_FALSE(values->keys);
}

TEST_F(LayoutsTest, AnEncodersKeysAndValuesHaveABatchAndScalesOfF32) {
  auto keys = CacheLayout::of(parse("tensor<3x49x144x!blue.quantized<i16 group 72 scale f32>, "
                                    "#plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>"));
  auto values = CacheLayout::of(parse("tensor<3x49x144x!blue.quantized<i8 group 72 scale f32>, "
                                      "#plan.values<heads 2, block 32, dot <ui8 x si8, k 4>>>"));
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
                             "#plan.keys<heads 2, block 32, dot <si16 x si16, k 2>>>")),
            keys->bytes());
}

//===------------------------------------------------------------------------------------------===//
// Layouts of targets that differ in every fact
//===------------------------------------------------------------------------------------------===//

struct Facts {
  int64_t vectorBits, alignment, pointerBits;
  const char *dots;
};

/// Signed and unsigned, one, two, four and eight products, and no dot at all.
constexpr Facts kFacts[] = {
    {128, 64, 64, "[#plan.dot<si8 x si8, k 4>, #plan.dot<si16 x si16, k 1>]"},
    {128, 64, 32, "[#plan.dot<si16 x si16, k 2>]"},
    {128, 128, 64, "[#plan.dot<si8 x si8, k 8>, #plan.dot<si16 x si16, k 2>]"},
    {256, 64, 64, "[#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]"},
    {256, 128, 32, "[#plan.dot<si8 x si8, k 1>, #plan.dot<ui16 x si16, k 1>]"},
    {256, 64, 64, "[]"},
    {512, 64, 64, "[#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]"},
    {512, 128, 64, "[#plan.dot<si8 x si8, k 2>, #plan.dot<si16 x si16, k 2>]"},
    {1024, 128, 32, "[#plan.dot<ui8 x si8, k 4>, #plan.dot<si16 x si16, k 2>]"},
};

class FactsTest : public LayoutsTest, public ::testing::WithParamInterface<Facts> {
protected:
  void SetUp() override {
    const Facts &facts = GetParam();
    auto dots = cast<ArrayAttr>(parseAttribute(facts.dots, &context));
    target = TargetAttr::get(&context, "t", "", "", "", facts.vectorBits, 32, 32768, 524288, false,
                             facts.alignment, 64, facts.pointerBits, dots, {}, {}, {});
  }
  IntegerType integer(int64_t bits) {
    return IntegerType::get(&context, static_cast<unsigned>(bits));
  }
  bluec::blue::QuantizedType quantized(int64_t bits, int64_t group, FloatType scale,
                                       bool zeros = false) {
    return bluec::blue::QuantizedType::get(&context, integer(bits), group, scale, zeros);
  }

  TargetAttr target;
};

/// Bits that are taken, each once.
class Taken {
public:
  void take(int64_t firstBit, int64_t bits) {
    for (int64_t bit = firstBit; bit < firstBit + bits; ++bit)
      EXPECT_TRUE(all.insert(bit).second) << "bit " << bit << " is taken twice";
  }
  void expectWithin(int64_t bytes) const {
    EXPECT_GE(*all.begin(), 0);
    EXPECT_LT(*all.rbegin(), 8 * bytes);
  }

private:
  std::set<int64_t> all;
};

TEST_P(FactsTest, DotsAreTheNarrowestThatTakeTheActivations) {
  for (int64_t bits : {8, 16}) {
    DotAttr dot = dotFor(target, integer(bits));
    EXPECT_GE(dot.getBits(), bits);
    EXPECT_TRUE(hasDot(target, dot));
    EXPECT_FALSE(dot.isRhsUnsigned());
    for (auto other : target.getDots().getAsRange<DotAttr>())
      EXPECT_TRUE(other.getBits() < bits || other.getBits() >= dot.getBits());
  }
  EXPECT_TRUE(dotFor(target, Float32Type::get(&context)).isFloat());
}

TEST_P(FactsTest, PanelsHoldEveryElementOnce) {
  for (int64_t bits : {4, 8})
    for (int64_t activations : {8, 16}) {
      constexpr int64_t kN = 70, kK = 100, kGroup = 32;
      auto type =
          RankedTensorType::get({kN, kK}, quantized(bits, kGroup, Float16Type::get(&context), true),
                                panelsFor(target, integer(activations)));
      PanelLayout layout = *PanelLayout::of(type);
      EXPECT_EQ(layout.rows, 2 * target.getVectorBits() / 32);
      EXPECT_EQ(layout.panelBytes() % target.getAlignment(), 0);
      EXPECT_EQ(layout.headerBytes() % target.getAlignment(), 0);
      Taken taken;
      for (int64_t row = 0; row < kN; ++row)
        for (int64_t g = 0; g < layout.groups(); ++g) {
          int64_t header = row / layout.rows * layout.panelBytes() + layout.groupOffset(g);
          int64_t lane = row % layout.rows;
          taken.take(8 * (header + lane * layout.scaleBytes), 8 * layout.scaleBytes);
          taken.take(8 * (header + layout.zerosOffset() + lane), 8);
          for (int64_t i = 0; i < kGroup && g * kGroup + i < kK; ++i) {
            int64_t word = i / layout.word.elements();
            EXPECT_LT(word, layout.wordsIn(g));
            int64_t at = header + layout.headerBytes() + word * layout.wordBytes() +
                         lane * layout.word.bytes();
            taken.take(8 * at + layout.word.bitOf(i % layout.word.elements()), bits);
          }
        }
      taken.expectWithin(layout.bytes());
    }
}

TEST_P(FactsTest, RowsArePaddedToTheAlignment) {
  for (int64_t bits : {8, 16}) {
    auto plain = RankedTensorType::get({5, 100}, quantized(bits, 32, Float32Type::get(&context)));
    auto type =
        RankedTensorType::get(plain.getShape(), plain.getElementType(), rowsFor(target, plain, 32));
    RowLayout layout = *RowLayout::of(type);
    EXPECT_EQ(layout.scalesAt(0) % target.getAlignment(), 0);
    EXPECT_EQ(layout.sumsAt(0) % target.getAlignment(), 0);
    EXPECT_EQ(layout.rowBytes() % target.getAlignment(), 0);
    EXPECT_GE(layout.scalesAt(0), 100 * bits / 8);
    EXPECT_GE(layout.sumsAt(0), layout.scalesAt(0) + 4 * 4);
    EXPECT_GE(layout.rowBytes(), layout.sumsAt(0) + 4 * 4);
    // The last word of a dot product does not reach past them.
    EXPECT_LE(100 * bits / 8 + dotFor(target, integer(bits)).getK() * bits / 8,
              layout.scalesAt(0) + target.getAlignment());
  }
}

TEST_F(LayoutsTest, RowsSideBySideHoldEveryElementOnce) {
  auto layout = RowLayout::of(
      parse("tensor<5x100x!blue.quantized<i8 group 64 scale f32>, #plan.rows<sums 32 pairs 8>>"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->elementsAt(1), 8);
  EXPECT_EQ(layout->elementOffset(9), 17);
  EXPECT_EQ(layout->scalesAt(1), layout->scalesAt(0) + 4);
  EXPECT_EQ(layout->sumsAt(1), layout->sumsAt(0) + 4);
  Taken taken;
  for (int64_t row = 0; row < layout->rows; ++row) {
    for (int64_t i = 0; i < layout->elementsBytes(); ++i)
      taken.take(8 * (layout->elementsAt(row) + layout->elementOffset(i)), 8);
    for (int64_t g = 0; g < layout->groups(); ++g)
      taken.take(8 * (layout->scalesAt(row) + layout->numberOffset(g)), 32);
    for (int64_t i = 0; i < layout->sumCount(); ++i)
      taken.take(8 * (layout->sumsAt(row) + layout->numberOffset(i)), 32);
  }
  taken.expectWithin(layout->bytes());
  EXPECT_EQ(layout->bytes(), 6 * layout->rowBytes());
}

TEST_P(FactsTest, CachesHoldEveryElementOnce) {
  for (int64_t dot : {8, 16})
    for (bool keys : {true, false}) {
      constexpr int64_t kHeads = 2, kDims = 20, kPositions = 70, kBlock = 32;
      Attribute encoding = keys ? Attribute(keysFor(target, kHeads, kBlock, integer(dot)))
                                : Attribute(valuesFor(target, kHeads, kBlock, integer(dot)));
      auto type = RankedTensorType::get({kPositions, kHeads * kDims},
                                        quantized(8, kDims, Float16Type::get(&context)), encoding);
      CacheLayout layout = *CacheLayout::of(type);
      EXPECT_EQ(layout.headerBytes() % target.getAlignment(), 0);
      EXPECT_EQ(layout.blockBytes() % target.getAlignment(), 0);
      int64_t each = layout.word.elements();
      Taken taken;
      for (int64_t head = 0; head < kHeads; ++head)
        for (int64_t p = 0; p < kPositions; ++p) {
          int64_t start = head * layout.headBytes() + p / kBlock * layout.blockBytes();
          int64_t inBlock = p % kBlock;
          taken.take(8 * (start + inBlock * layout.scaleBytes), 8 * layout.scaleBytes);
          for (int64_t d = 0; d < kDims; ++d) {
            int64_t row = (keys ? d : inBlock) / each, inWord = (keys ? d : inBlock) % each;
            EXPECT_LT(row, layout.words());
            int64_t at = start + layout.headerBytes() + row * layout.wordBytes() +
                         (keys ? inBlock : d) * layout.word.bytes();
            taken.take(8 * at + layout.word.bitOf(inWord), 8);
          }
        }
      taken.expectWithin(layout.bytes());
    }
}

// What stands on a dot's left is in two's complement where it is as wide as a signed operand, or
// this one has 8 bits.
TEST_P(FactsTest, OffsetsFollowFromTheDotsLeftSide) {
  for (int64_t activations : {8, 16}) {
    DotAttr dot = dotFor(target, integer(activations));
    bool isSigned = dot.getLhs().isSignedInteger();
    EXPECT_EQ(offsetFor(dot, 4), isSigned && dot.getBits() == 8 ? 0 : 8);
    EXPECT_EQ(offsetFor(dot, 8), isSigned && dot.getBits() == 8 ? 0 : 128);
    if (activations == 16)
      EXPECT_EQ(offsetFor(dot, 16), isSigned && dot.getBits() == 16 ? 0 : 32768);
    auto values = RankedTensorType::get({64, 32}, quantized(8, 16, Float16Type::get(&context)),
                                        valuesFor(target, 2, 32, integer(activations)));
    EXPECT_EQ(CacheLayout::of(values)->offset, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, FactsTest, ::testing::ValuesIn(kFacts));

TEST_F(LayoutsTest, OtherTypesHaveNone) {
  RankedTensorType plain = parse("tensor<4x8xf32>");
  EXPECT_FALSE(PanelLayout::of(plain) || RowLayout::of(plain) || CacheLayout::of(plain));
  EXPECT_EQ(denseBytes(plain), 4 * 8 * 4);
}

} // namespace
