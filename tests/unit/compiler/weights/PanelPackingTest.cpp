// Every element, scale and zero of a packed weight stands where PanelLayout says.
#include "compiler/weights/PanelPacking.h"

#include "compiler/dialect/plan/Plan.h"
#include "compiler/weights/FloatConversion.h"

#include "mlir/IR/Builders.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace bluec;

namespace {

struct Case {
  int64_t n, k, group;
  int64_t bits;
  bool zeros, halfScales;
};

quantize::Rows randomRows(const Case &c, const plan::PanelLayout &layout) {
  std::mt19937 random(static_cast<uint32_t>(c.n * 1000 + c.k));
  quantize::Rows rows;
  rows.elements.resize(static_cast<size_t>(c.n * c.k));
  for (int8_t &element : rows.elements)
    element =
        static_cast<int8_t>(static_cast<int>(random() % (1u << c.bits)) - (1 << (c.bits - 1)));
  rows.scales.resize(static_cast<size_t>(c.n * layout.groups()));
  for (float &scale : rows.scales)
    scale = widenHalf(static_cast<uint16_t>(random() % 0x7c00));
  if (c.zeros) {
    rows.zeros.resize(rows.scales.size());
    for (int8_t &zero : rows.zeros)
      zero = static_cast<int8_t>(static_cast<int>(random() % (1u << c.bits)) - (1 << (c.bits - 1)));
  }
  return rows;
}

struct PanelPackingTest : testing::TestWithParam<Case> {
  PanelPackingTest() : builder(&context) {
    context.loadDialect<blue::BlueDialect, plan::PlanDialect>();
  }

  plan::PanelLayout layoutFor(const Case &c, int64_t rows, plan::DotAttr dot) {
    FloatType scale = c.halfScales ? FloatType(builder.getF16Type()) : builder.getF32Type();
    auto element = blue::QuantizedType::get(
        &context, builder.getIntegerType(static_cast<unsigned>(c.bits)), c.group, scale, c.zeros);
    return *plan::PanelLayout::of(
        RankedTensorType::get({c.n, c.k}, element, plan::PanelsAttr::get(&context, rows, dot, 64)));
  }
  /// The dots of the table below.
  std::vector<plan::DotAttr> dots() {
    auto integer = [&](unsigned bits, bool isSigned) -> Type {
      return IntegerType::get(&context, bits,
                              isSigned ? IntegerType::Signed : IntegerType::Unsigned);
    };
    std::vector<plan::DotAttr> list = {
        plan::DotAttr::get(&context, builder.getF32Type(), builder.getF32Type(), 1)};
    for (auto [bits, k] : {std::pair<unsigned, int64_t>{8, 1},
                           {8, 2},
                           {8, 4},
                           {8, 8},
                           {16, 1},
                           {16, 2},
                           {16, 4},
                           {32, 1},
                           {32, 2}})
      for (bool isSigned : {false, true})
        list.push_back(
            plan::DotAttr::get(&context, integer(bits, isSigned), integer(bits, true), k));
    return list;
  }

  MLIRContext context;
  Builder builder;
};

TEST_P(PanelPackingTest, IsWhereTheLayoutSays) {
  const Case c = GetParam();
  for (int64_t panelRows : {1, 8, 32})
    for (plan::DotAttr dot : dots()) {
      plan::PanelLayout layout = layoutFor(c, panelRows, dot);
      quantize::Rows rows = randomRows(c, layout);
      std::vector<char> bytes(static_cast<size_t>(layout.bytes()), 0x55);
      packPanels(layout, rows, c.n, bytes.data());

      const bool twosComplement =
          !dot.isLhsUnsigned() && (c.bits == dot.getBits() || dot.getBits() == 8);
      const int offset = twosComplement ? 0 : 1 << (c.bits - 1);
      const int64_t wordBytes = dot.getK() * dot.getBits() / 8;
      const int64_t each = layout.word.elements();
      for (int64_t row = 0; row < layout.panels() * panelRows; ++row)
        for (int64_t g = 0; g < layout.groups(); ++g) {
          const char *header =
              bytes.data() + row / panelRows * layout.panelBytes() + layout.groupOffset(g);
          const auto at = static_cast<size_t>(row * layout.groups() + g);
          float scale = 0;
          if (c.halfScales) {
            uint16_t half;
            std::memcpy(&half, header + row % panelRows * 2, 2);
            scale = widenHalf(half);
          } else {
            std::memcpy(&scale, header + row % panelRows * 4, 4);
          }
          EXPECT_EQ(scale, row < c.n ? rows.scales[at] : 0.0f);
          int zero = c.zeros && row < c.n ? rows.zeros[at] : 0;
          if (c.zeros)
            EXPECT_EQ(static_cast<uint8_t>(header[layout.zerosOffset() + row % panelRows]),
                      static_cast<uint8_t>(zero + offset));
          for (int64_t i = 0; i < layout.wordsIn(g) * each; ++i) {
            uint64_t word = 0; // little-endian
            std::memcpy(&word,
                        header + layout.headerBytes() + i / each * layout.wordBytes() +
                            row % panelRows * wordBytes,
                        static_cast<size_t>(wordBytes));
            const uint64_t mask = (1u << c.bits) - 1;
            const int64_t column = g * layout.group + i;
            const bool isThere = row < c.n && i < layout.group && column < c.k;
            const int expected =
                (isThere ? rows.elements[static_cast<size_t>(row * c.k + column)] : zero) + offset;
            ASSERT_EQ(word >> layout.word.bitOf(i % each) & mask,
                      static_cast<uint64_t>(expected) & mask)
                << "row " << row << " column " << column;
          }
        }

      quantize::Rows back = unpackPanels(layout, bytes);
      EXPECT_EQ(back.elements, rows.elements);
      EXPECT_EQ(back.scales, rows.scales);
      EXPECT_EQ(back.zeros, rows.zeros);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PanelPackingTest,
    testing::Values(Case{8, 64, 32, 4, false, true}, Case{33, 100, 32, 4, true, true},
                    Case{7, 37, 64, 4, false, false}, Case{32, 272, 64, 8, false, true},
                    Case{5, 3, 0, 8, true, false}, Case{40, 129, 0, 4, false, true},
                    Case{1, 1, 128, 8, false, true}));

/// Pieces that begin at panels make the same bytes as the whole.
TEST_F(PanelPackingTest, PacksPiecewise) {
  const Case c{50, 70, 32, 4, true, true};
  plan::PanelLayout layout = layoutFor(c, 16, dots().back());
  quantize::Rows rows = randomRows(c, layout);
  std::vector<char> whole(static_cast<size_t>(layout.bytes())), pieces(whole.size());
  packPanels(layout, rows, c.n, whole.data());
  for (int64_t begin = 0; begin < c.n; begin += 32) {
    int64_t count = std::min<int64_t>(32, c.n - begin);
    quantize::Rows part;
    auto cut = [&](auto &from, int64_t width) {
      return std::decay_t<decltype(from)>(from.begin() + begin * width,
                                          from.begin() + (begin + count) * width);
    };
    part.elements = cut(rows.elements, c.k);
    part.scales = cut(rows.scales, layout.groups());
    part.zeros = cut(rows.zeros, layout.groups());
    packPanels(layout, part, count, pieces.data() + begin / 16 * layout.panelBytes());
  }
  EXPECT_EQ(whole, pieces);
}

TEST(PackDensePanels, PutsRowsSideBySideAndPadsWithZeros) {
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6}; // [3, 2]
  std::vector<float> panels(8, -1.0f);
  packDensePanels(rows.data(), 3, 2, 2, panels.data());
  EXPECT_EQ(panels, (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
}

TEST(PackDensePanels, EveryElementIsWhereTheFormulaSays) {
  for (int64_t n : {1, 7, 8, 9, 31})
    for (int64_t k : {1, 5, 16})
      for (int64_t r : {1, 8, 16}) {
        std::vector<uint16_t> rows(static_cast<size_t>(n * k));
        std::vector<uint16_t> panels(static_cast<size_t>((n + r - 1) / r * k * r), 77);
        for (size_t i = 0; i < rows.size(); ++i)
          rows[i] = static_cast<uint16_t>(i + 1);
        packDensePanels(rows.data(), n, k, r, panels.data());
        for (int64_t row = 0; row < (n + r - 1) / r * r; ++row)
          for (int64_t column = 0; column < k; ++column)
            EXPECT_EQ(panels[static_cast<size_t>((row / r * k + column) * r + row % r)],
                      row < n ? rows[static_cast<size_t>(row * k + column)] : 0);
      }
}

} // namespace
