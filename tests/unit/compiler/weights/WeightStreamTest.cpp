// Weights as kernels read them: panels, dense tables, transforms of the compiler's own constants.
#include "compiler/weights/WeightStream.h"

#include "compiler/weights/FloatConversion.h"
#include "compiler/weights/PanelPacking.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

using namespace mlir;
using namespace bluec;

namespace {

struct WeightStreamTest : testing::Test {
  WeightStreamTest() : reader(".") { context.loadDialect<blue::BlueDialect, plan::PlanDialect>(); }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }

  std::string streamBytes(plan::WeightOp weight, int64_t pieceBytes = kPieceBytes) {
    std::string bytes;
    auto append = [&](ArrayRef<char> piece) {
      bytes.append(piece.data(), piece.size());
      return true;
    };
    EXPECT_TRUE(succeeded(streamWeight(weight, reader, append, pieceBytes)));
    return bytes;
  }
  std::vector<float> stream(plan::WeightOp weight) {
    std::string bytes = streamBytes(weight);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

  MLIRContext context;
  WeightReader reader;
};

TEST_F(WeightStreamTest, TransformsConstants) {
  auto module = parse(R"(
    plan.weight @w dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
      [#blue.transpose<[1, 0]>, #blue.slice<0 : 1 to 3>, #blue.scale<2.0 : f32>]
      packed tensor<2x2xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  auto weight = *module->getOps<plan::WeightOp>().begin();
  EXPECT_EQ(stream(weight), (std::vector<float>{4, 10, 6, 12}));
}

TEST_F(WeightStreamTest, PacksConstants) {
  auto module = parse(R"(
    plan.weight @w dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      packed tensor<2x2x2xf32> segment "s"
  )");
  ASSERT_TRUE(module);
  auto weight = *module->getOps<plan::WeightOp>().begin();
  EXPECT_EQ(stream(weight), (std::vector<float>{1, 3, 2, 4, 5, 0, 6, 0}));
}

TEST_F(WeightStreamTest, ConvertsToHalves) {
  auto module = parse(R"(
    plan.weight @w dense<[[1.0, 2.0], [3.0, 65519.0], [0.1, 1.0e9]]> : tensor<3x2xf32>
      [#blue.convert<f16>] packed tensor<2x2x2xf16> segment "s"
  )");
  ASSERT_TRUE(module);
  std::string bytes = streamBytes(*module->getOps<plan::WeightOp>().begin());
  std::vector<uint16_t> halves(bytes.size() / 2);
  std::memcpy(halves.data(), bytes.data(), bytes.size());
  EXPECT_EQ(halves, (std::vector<uint16_t>{0x3c00, 0x4200, 0x4000, 0x7bff, 0x2e66, 0, 0x7c00, 0}));
}

/// A [77, 300] weight of halves that lies transposed in its file, quantized and packed.
struct QuantizedStreamTest : WeightStreamTest {
  QuantizedStreamTest() {
    std::mt19937 random(3);
    for (uint16_t &half : file)
      half = static_cast<uint16_t>(0x2000 + random() % 0x1c00 + (random() % 2) * 0x8000);
    reader.modelFiles().provide("w", {reinterpret_cast<const char *>(file.data()), sizeof file});
  }
  OwningOpRef<ModuleOp> weight(const std::string &type, const std::string &method) {
    return parse("plan.weight @w #blue.source<\"w\" at 0 : tensor<300x77xf16>> "
                 "[#blue.transpose<[1, 0]>, #blue.convert<f32>, #blue.quantize<" +
                 type + ", " + method + ">] packed tensor<77x300x!blue.quantized" + type +
                 ", #plan.panels<rows 16, dot <si16 x si16, k 2>>> segment \"s\"");
  }
  std::array<uint16_t, 77 * 300> file;
};

TEST_F(QuantizedStreamTest, PacksWhatTheLibraryQuantizes) {
  for (const char *type :
       {"<i4 group 64 scale f16>", "<i8 group row scale f32>", "<i4 group 32 scale f16 zeros>"})
    for (auto method : {blue::QuantizeMethod::Nearest, blue::QuantizeMethod::Search}) {
      auto module = weight(type, blue::stringifyQuantizeMethod(method).str());
      ASSERT_TRUE(module);
      auto op = *module->getOps<plan::WeightOp>().begin();
      std::string bytes = streamBytes(op);
      auto packed = cast<RankedTensorType>(op.getPacked());
      plan::PanelLayout layout = *plan::PanelLayout::of(packed);
      ASSERT_EQ(static_cast<int64_t>(bytes.size()), layout.bytes());
      quantize::Rows found = unpackPanels(layout, {bytes.data(), bytes.size()});

      std::vector<float> rows;
      for (size_t n = 0; n < 77; ++n)
        for (size_t k = 0; k < 300; ++k)
          rows.push_back(widenHalf(file[k * 77 + n]));
      quantize::Rows expected;
      auto format = quantize::Format::of(cast<blue::QuantizedType>(packed.getElementType()));
      ASSERT_TRUE(quantize::quantizeRows(format, method, rows.data(), 77, 300, expected));
      EXPECT_EQ(found.elements, expected.elements) << type;
      EXPECT_EQ(found.scales, expected.scales) << type;
      EXPECT_EQ(found.zeros, expected.zeros) << type;
    }
}

// Integers, scales and zeros of a quantized file reach the panels as they are: what lies at 0 are
// 4-bit integers here, and zeros behind them.
TEST_F(QuantizedStreamTest, KeepsTheIntegersOfTheFile) {
  std::string text = "plan.weight @w #blue.source<\"w\" at 0 : tensor<77x304xui4>> "
                     "[#blue.slice<1 : 0 to 300>, #blue.dequantize<[1, 16], dense<0.25> : "
                     "tensor<77x19xf32>, #blue.source<\"w\" at 20000 : tensor<77x20xui4>>>, "
                     "#blue.quantize<<i4 group 16 scale f32 zeros>, keep>] packed "
                     "tensor<77x300x!blue.quantized<i4 group 16 scale f32 zeros>, "
                     "#plan.panels<rows 16, dot <si16 x si16, k 2>>> segment \"s\"";
  auto module = parse(text);
  ASSERT_TRUE(module);
  auto op = *module->getOps<plan::WeightOp>().begin();
  auto layout = *plan::PanelLayout::of(cast<RankedTensorType>(op.getPacked()));
  auto nibble = [&](size_t at) {
    auto byte = reinterpret_cast<const uint8_t *>(file.data())[at / 2];
    return (at % 2 == 0 ? byte & 15 : byte >> 4) - 8;
  };
  for (int64_t pieceBytes : {0, 1 << 20}) {
    std::string bytes = streamBytes(op, pieceBytes);
    quantize::Rows found = unpackPanels(layout, {bytes.data(), bytes.size()});
    for (size_t n = 0; n < 77; ++n)
      for (size_t k = 0; k < 300; ++k) {
        ASSERT_EQ(found.elements[n * 300 + k], nibble(n * 304 + k));
        ASSERT_EQ(found.scales[n * 19 + k / 16], 0.25f);
        ASSERT_EQ(found.zeros[n * 19 + k / 16], nibble(40000 + n * 20 + k / 16));
      }
  }
}

// A type that the file does not have cannot be kept.
TEST_F(QuantizedStreamTest, KeepsNothingElse) {
  std::string message;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  auto module = weight("<i4 group 64 scale f16>", "keep");
  ASSERT_TRUE(module);
  EXPECT_TRUE(failed(streamWeight(
      *module->getOps<plan::WeightOp>().begin(), reader, [](ArrayRef<char>) { return true; },
      /*pieceBytes=*/0)));
  EXPECT_NE(message.find("expected a packed type of"), std::string::npos) << message;
}

TEST_F(QuantizedStreamTest, IsTheSameInPieces) {
  auto module = weight("<i4 group 64 scale f16>", "search");
  ASSERT_TRUE(module);
  auto op = *module->getOps<plan::WeightOp>().begin();
  std::string whole = streamBytes(op);
  for (int64_t pieceBytes : {0, 20000, 40000, 1 << 20})
    EXPECT_EQ(streamBytes(op, pieceBytes), whole) << pieceBytes;
}

// A product of two weights is quantized as any other, and does not depend on the pieces either.
TEST_F(QuantizedStreamTest, QuantizesProducts) {
  auto module =
      parse("plan.weight @w #blue.source<\"w\" at 0 : tensor<300x60xf16>> "
            "[#blue.transpose<[1, 0]>, #blue.multiply<#blue.source<\"w\" at 2 : "
            "tensor<60x40xf16>>, [#blue.transpose<[1, 0]>]>, #blue.quantize<<i8 group 32 "
            "scale f16>, nearest>] packed tensor<40x300x!blue.quantized<i8 group 32 scale "
            "f16>, #plan.panels<rows 16, dot <si16 x si16, k 2>>> segment \"s\"");
  ASSERT_TRUE(module);
  auto op = *module->getOps<plan::WeightOp>().begin();
  auto packed = cast<RankedTensorType>(op.getPacked());
  plan::PanelLayout layout = *plan::PanelLayout::of(packed);
  std::string bytes = streamBytes(op);
  ASSERT_EQ(static_cast<int64_t>(bytes.size()), layout.bytes());
  EXPECT_EQ(streamBytes(op, 1), bytes);
  std::vector<float> rows;
  for (size_t n = 0; n < 40; ++n)
    for (size_t k = 0; k < 300; ++k) {
      double sum = 0;
      for (size_t m = 0; m < 60; ++m)
        sum += double(widenHalf(file[1 + m * 40 + n])) * double(widenHalf(file[k * 60 + m]));
      rows.push_back(static_cast<float>(sum));
    }
  quantize::Rows found = unpackPanels(layout, {bytes.data(), bytes.size()}), expected;
  auto format = quantize::Format::of(cast<blue::QuantizedType>(packed.getElementType()));
  ASSERT_TRUE(quantize::quantizeRows(format, blue::QuantizeMethod::Nearest, rows.data(), 40, 300,
                                     expected));
  EXPECT_EQ(found.elements, expected.elements);
  EXPECT_EQ(found.scales, expected.scales);
}

// Only what lies in the model's files can be multiplied or added.
TEST_F(WeightStreamTest, RefusesProductsOfConstants) {
  auto module = parse(R"(
    plan.weight @w dense<1.0> : tensor<3x2xf32>
      [#blue.multiply<#blue.source<"m" at 0 : tensor<4x3xf32>>, []>] packed tensor<4x2xf32>
      segment "s"
  )");
  ASSERT_TRUE(module);
  std::string message;
  ScopedDiagnosticHandler handler(&context,
                                  [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_TRUE(failed(streamWeight(*module->getOps<plan::WeightOp>().begin(), reader,
                                  [](ArrayRef<char>) { return true; })));
  EXPECT_EQ(message.find("expected a constant that needs no other weight, found #blue.multiply"),
            0U)
      << message;
}

TEST_F(QuantizedStreamTest, StopsWhenTheSinkHasEnough) {
  auto module = weight("<i4 group 64 scale f16>", "nearest");
  ASSERT_TRUE(module);
  int calls = 0;
  EXPECT_TRUE(succeeded(streamWeight(
      *module->getOps<plan::WeightOp>().begin(), reader,
      [&](ArrayRef<char>) { return ++calls < 2; }, /*pieceBytes=*/0)));
  EXPECT_EQ(calls, 2);
}

TEST_F(QuantizedStreamTest, RefusesWhatIsNotFinite) {
  file[150 * 77 + 40] = 0x7c00;
  auto module = weight("<i4 group 64 scale f16>", "nearest");
  ASSERT_TRUE(module);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  EXPECT_TRUE(failed(streamWeight(*module->getOps<plan::WeightOp>().begin(), reader,
                                  [](ArrayRef<char>) { return true; })));
  EXPECT_EQ(message, "w: expected finite numbers to quantize, found an infinity or NaN in rows 0 "
                     "to 76");
}

} // namespace
