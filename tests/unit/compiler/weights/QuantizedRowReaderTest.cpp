// Weights that are quantized in their file: floats and kept integers stand for the same values,
// which are those of a plain loop over the integers, however the weight is turned and cut.
#include "compiler/weights/QuantizedRowReader.h"

#include "compiler/weights/RowReader.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <random>

using namespace mlir;
using namespace bluec;

namespace {

constexpr int64_t kNumRows = 12, kNumColumns = 40, kScalesAt = 1024, kZerosAt = 4096;

struct QuantizedRowReaderTest : testing::Test {
  QuantizedRowReaderTest() : builder(&context), reader("/nonexistent"), file(8192) {
    context.loadDialect<blue::BlueDialect>();
    std::mt19937 random(3);
    for (char &byte : file)
      byte = static_cast<char>(random());
    for (int64_t i = 0; i < (kZerosAt - kScalesAt) / 4; ++i) {
      float scale = static_cast<float>(static_cast<int>(random() % 2000) - 1000) / 512.0f;
      std::memcpy(file.data() + kScalesAt + 4 * i, &scale, sizeof scale);
    }
    reader.modelFiles().provide("w", {file.data(), file.size()});
  }
  Type integerType(unsigned bits, bool isUnsigned) {
    return IntegerType::get(&context, bits,
                            isUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
  }
  blue::SourceAttr source(ArrayRef<int64_t> shape, Type element, int64_t offset = 0) {
    return blue::SourceAttr::get(&context, "w", offset, RankedTensorType::get(shape, element));
  }
  Attribute transpose() { return blue::TransposeAttr::get(&context, {1, 0}); }
  Attribute slice(int64_t axis, int64_t begin, int64_t end) {
    return blue::SliceAttr::get(&context, axis, begin, end);
  }
  Attribute reshape(ArrayRef<int64_t> shape) { return blue::ReshapeAttr::get(&context, shape); }
  Attribute dequantize(ArrayRef<int64_t> blocks, ArrayRef<int64_t> counts, Type zeros) {
    return blue::DequantizeAttr::get(&context, blocks,
                                     source(counts, builder.getF32Type(), kScalesAt),
                                     zeros ? source(counts, zeros, kZerosAt) : Attribute());
  }
  FailureOr<reference::Tensor> read(blue::SourceAttr from, ArrayRef<Attribute> transforms) {
    return reader.read(from, builder.getArrayAttr(transforms), emitError);
  }

  /// Element i of a row-major tensor at `offset`, without any help of the code under test.
  int64_t element(int64_t offset, unsigned bits, bool isUnsigned, int64_t i) const {
    auto byte = static_cast<uint8_t>(file[static_cast<size_t>(offset + i * bits / 8)]);
    if (bits == 8)
      return isUnsigned ? byte : static_cast<int8_t>(byte);
    int64_t nibble = (byte >> (i % 2 * 4)) % 16;
    return isUnsigned || nibble < 8 ? nibble : nibble - 16;
  }
  float scale(int64_t i) const {
    float value;
    std::memcpy(&value, file.data() + kScalesAt + 4 * i, sizeof value);
    return value;
  }

  MLIRContext context;
  Builder builder;
  WeightReader reader;
  std::vector<char> file;
  std::function<InFlightDiagnostic()> emitError = [this] {
    return mlir::emitError(builder.getUnknownLoc());
  };
};

TEST_F(QuantizedRowReaderTest, GivesWhatTheIntegersSay) {
  for (unsigned bits : {4u, 8u})
    for (bool isUnsigned : {false, true})
      for (bool hasZeros : {false, true})
        for (int64_t block : {8, 16, 32, 40}) {
          Type type = integerType(bits, isUnsigned);
          int64_t blocks = (kNumColumns + block - 1) / block;
          SmallVector<Attribute> transforms = {
              dequantize({1, block}, {kNumRows, blocks}, hasZeros ? type : Type())};
          blue::SourceAttr from = source({kNumRows, kNumColumns}, type);
          FailureOr<reference::Tensor> floats = read(from, transforms);
          ASSERT_TRUE(succeeded(floats));
          blue::QuantizedType kept = blue::keptType(from, transforms);
          ASSERT_TRUE(kept);
          EXPECT_EQ(kept.getGroup(), block == kNumColumns ? 0 : block);
          EXPECT_EQ(kept.getZeros(), hasZeros || isUnsigned);
          auto rows = QuantizedRowReader::create(reader, from, transforms, emitError);
          ASSERT_TRUE(succeeded(rows));
          quantize::Format format = quantize::Format::of(kept);
          quantize::Rows integers;
          rows->readIntegers(format, 0, kNumRows, integers);
          std::vector<float> back(kNumRows * kNumColumns);
          quantize::dequantizeRows(format, integers, kNumRows, kNumColumns, back.data());
          for (int64_t n = 0; n < kNumRows; ++n)
            for (int64_t k = 0; k < kNumColumns; ++k) {
              int64_t at = n * blocks + k / block, i = n * kNumColumns + k;
              int64_t zero = hasZeros ? element(kZerosAt, bits, isUnsigned, at) : 0;
              float expected =
                  scale(at) * static_cast<float>(element(0, bits, isUnsigned, i) - zero);
              ASSERT_EQ(floats->f32[static_cast<size_t>(i)], expected);
              ASSERT_EQ(back[static_cast<size_t>(i)], expected);
            }
        }
}

// What exporters store as [K, N] is turned; columns and rows are cut; rows are read in pieces.
TEST_F(QuantizedRowReaderTest, FollowsElementsAndTheirScales) {
  Type type = integerType(4, true);
  blue::SourceAttr from = source({kNumColumns, kNumRows}, type); // [K, N], blocks along K
  SmallVector<Attribute> transforms = {dequantize({8, 1}, {kNumColumns / 8, kNumRows}, type),
                                       transpose(), slice(0, 3, 11), slice(1, 16, 40)};
  blue::QuantizedType kept = blue::keptType(from, transforms);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept.getGroup(), 8);
  auto attributes = builder.getArrayAttr(transforms);
  auto reading = RowReader::create(reader, from, attributes, emitError);
  ASSERT_TRUE(succeeded(reading));
  ASSERT_EQ(reading->rows(), 8);
  ASSERT_EQ(reading->columns(), 24);
  ASSERT_NE(reading->integers(), nullptr);
  quantize::Format format = quantize::Format::of(kept);
  for (int64_t step : {1, 3, 8})
    for (int64_t begin = 0; begin < 8; begin += step) {
      int64_t end = std::min<int64_t>(8, begin + step), count = end - begin;
      std::vector<float> floats(static_cast<size_t>(count * 24)), back = floats;
      reading->read(begin, end, floats.data());
      quantize::Rows integers;
      reading->integers()->readIntegers(format, begin, end, integers);
      quantize::dequantizeRows(format, integers, count, 24, back.data());
      for (int64_t row = 0; row < count; ++row)
        for (int64_t column = 0; column < 24; ++column) {
          int64_t n = 3 + begin + row, k = 16 + column;
          int64_t at = k / 8 * kNumRows + n, i = k * kNumRows + n;
          float expected = scale(at) * static_cast<float>(element(0, 4, true, i) -
                                                          element(kZerosAt, 4, true, at));
          ASSERT_EQ(floats[static_cast<size_t>(row * 24 + column)], expected);
          ASSERT_EQ(back[static_cast<size_t>(row * 24 + column)], expected);
        }
    }
}

// A convolution's weight joins dims that share a scale; behind a change of values floats go on.
TEST_F(QuantizedRowReaderTest, JoinsDimsAndGoesOnWithFloats) {
  Type type = integerType(8, false);
  blue::SourceAttr from = source({4, 2, 3, 5}, type);
  Attribute perRow = dequantize({1, 2, 3, 5}, {4, 1, 1, 1}, Type());
  EXPECT_TRUE(blue::keptType(from, {perRow, reshape({4, 30})}));
  FailureOr<reference::Tensor> joined = read(from, {perRow, reshape({4, 30})});
  Attribute twice = blue::ScaleAttr::get(&context, builder.getF64FloatAttr(2));
  EXPECT_FALSE(blue::keptType(from, {perRow, twice, reshape({4, 30})}));
  FailureOr<reference::Tensor> scaled = read(from, {perRow, twice, reshape({4, 30}), transpose()});
  ASSERT_TRUE(succeeded(joined));
  ASSERT_TRUE(succeeded(scaled));
  EXPECT_EQ(scaled->shape, (std::vector<int64_t>{30, 4}));
  for (int64_t n = 0; n < 4; ++n)
    for (int64_t k = 0; k < 30; ++k) {
      float expected = scale(n) * static_cast<float>(element(0, 8, false, n * 30 + k));
      EXPECT_EQ(joined->f32[static_cast<size_t>(n * 30 + k)], expected);
      EXPECT_EQ(scaled->f32[static_cast<size_t>(k * 4 + n)], 2 * expected);
    }
}

// Experts' weights: rows of several matrices, of which every second one is taken.
TEST_F(QuantizedRowReaderTest, PartsDimsAndJoinsThemAgain) {
  Type type = integerType(4, true);
  blue::SourceAttr from = source({kNumRows, kNumColumns}, type);
  SmallVector<Attribute> transforms = {dequantize({1, 8}, {kNumRows, kNumColumns / 8}, type),
                                       reshape({2, 6, kNumColumns}), reshape({6, 2, kNumColumns}),
                                       slice(1, 1, 2), reshape({2, 3, kNumColumns})};
  blue::QuantizedType kept = blue::keptType(from, transforms);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept.getGroup(), 8);
  FailureOr<reference::Tensor> floats = read(from, transforms);
  ASSERT_TRUE(succeeded(floats));
  EXPECT_EQ(floats->shape, (std::vector<int64_t>{2, 3, kNumColumns}));
  transforms.push_back(reshape({6, kNumColumns}));
  EXPECT_EQ(blue::keptType(from, transforms), kept);
  auto reading = RowReader::create(reader, from, builder.getArrayAttr(transforms), emitError);
  ASSERT_TRUE(succeeded(reading));
  ASSERT_NE(reading->integers(), nullptr);
  quantize::Format format = quantize::Format::of(kept);
  quantize::Rows integers;
  reading->integers()->readIntegers(format, 0, 6, integers);
  std::vector<float> back(6 * kNumColumns);
  quantize::dequantizeRows(format, integers, 6, kNumColumns, back.data());
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t k = 0; k < kNumColumns; ++k) {
      int64_t n = 2 * row + 1, i = n * kNumColumns + k, at = i / 8;
      float expected =
          scale(at) * static_cast<float>(element(0, 4, true, i) - element(kZerosAt, 4, true, at));
      auto place = static_cast<size_t>(row * kNumColumns + k);
      ASSERT_EQ(floats->f32[place], expected);
      ASSERT_EQ(back[place], expected);
    }
  // A row's blocks may not be torn apart.
  EXPECT_FALSE(blue::keptType(from, {transforms[0], reshape({2 * kNumRows, kNumColumns / 2})}));
}

// No type has a scale for each column, or groups that begin in the middle.
TEST_F(QuantizedRowReaderTest, KeepsNoTypeThatIsNotThere) {
  Type type = integerType(4, false);
  blue::SourceAttr from = source({kNumRows, kNumColumns}, type);
  Attribute byColumn = dequantize({kNumRows, 1}, {1, kNumColumns}, Type());
  Attribute byBlock = dequantize({1, 8}, {kNumRows, 5}, Type());
  Attribute narrow = dequantize({1, 4}, {kNumRows, 10}, Type());
  EXPECT_FALSE(blue::keptType(from, {byColumn}));
  EXPECT_TRUE(blue::keptType(from, {byColumn, transpose()}));
  EXPECT_TRUE(blue::keptType(from, {byBlock}));
  EXPECT_FALSE(blue::keptType(from, {byBlock, transpose()}));
  EXPECT_FALSE(blue::keptType(from, {byBlock, slice(1, 4, 40)}));
  EXPECT_FALSE(blue::keptType(from, {narrow}));
  EXPECT_FALSE(blue::keptType(source({4, 8}, builder.getF32Type()), {}));
}

TEST_F(QuantizedRowReaderTest, RefusesWhatIsNotThere) {
  std::vector<std::string> errors;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    errors.push_back(diagnostic.str());
    return success();
  });
  Type type = integerType(8, false);
  blue::SourceAttr from = source({kNumRows, kNumColumns}, type);
  auto beyond = blue::DequantizeAttr::get(
      &context, {1, 8}, source({kNumRows, 5}, builder.getF32Type(), 8192 - 8), Attribute());
  EXPECT_TRUE(failed(read(from, {beyond})));
  EXPECT_TRUE(failed(read(source({1000, 1000}, integerType(4, true)),
                          {dequantize({1000, 1000}, {1, 1}, Type())})));
  float infinite = std::numeric_limits<float>::infinity();
  std::memcpy(file.data() + kScalesAt, &infinite, sizeof infinite);
  EXPECT_TRUE(failed(read(from, {dequantize({1, 8}, {kNumRows, 5}, Type())})));
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_EQ(errors[0], "weights in \"w\": expected 240 bytes at 8184, found a file of 8192");
  EXPECT_EQ(errors[1], "weights in \"w\": expected 500000 bytes at 0, found a file of 8192");
  EXPECT_EQ(errors[2].substr(0, 29), "expected finite scales, found");
}

} // namespace
