// Rows, read fast, are bit for bit those that WeightReader gives.
#include "compiler/weights/RowReader.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

using namespace mlir;
using namespace bluec;

namespace {

struct RowReaderTest : testing::Test {
  RowReaderTest() : builder(&context), reader("/nonexistent") {
    context.loadDialect<blue::BlueDialect>();
    std::mt19937 random(1);
    for (float &value : values)
      value = static_cast<float>(random()) / 1e9f - 2.0f;
    reader.modelFiles().provide("w",
                                {reinterpret_cast<const char *>(values.data()), sizeof values});
  }
  Attribute transpose(ArrayRef<int64_t> permutation) {
    return blue::TransposeAttr::get(&context, permutation);
  }
  Attribute reshape(ArrayRef<int64_t> shape) { return blue::ReshapeAttr::get(&context, shape); }
  Attribute slice(int64_t axis, int64_t begin, int64_t end) {
    return blue::SliceAttr::get(&context, axis, begin, end);
  }
  Attribute convert(Type type) { return blue::ConvertAttr::get(&context, type); }
  Attribute scale(double factor) {
    return blue::ScaleAttr::get(&context, builder.getF64FloatAttr(factor));
  }
  FailureOr<RowReader> open(Type element, ArrayRef<int64_t> shape, ArrayRef<Attribute> transforms,
                            int64_t offset = 0) {
    source = blue::SourceAttr::get(&context, "w", offset, RankedTensorType::get(shape, element));
    attributes = builder.getArrayAttr(transforms);
    return RowReader::create(reader, source, attributes,
                             [&] { return emitError(builder.getUnknownLoc()); });
  }
  /// Reads the weight in pieces of several sizes and compares them.
  void compare(Type element, ArrayRef<int64_t> shape, ArrayRef<Attribute> transforms) {
    FailureOr<RowReader> rows = open(element, shape, transforms, 4);
    ASSERT_TRUE(succeeded(rows));
    for (int64_t step : {int64_t{1}, int64_t{3}, rows->rows()})
      for (int64_t begin = 0; begin < rows->rows(); begin += step) {
        int64_t end = std::min(rows->rows(), begin + step);
        std::vector<float> found(static_cast<size_t>((end - begin) * rows->columns()), -7.0f);
        rows->read(begin, end, found.data());
        FailureOr<reference::Tensor> expected = reader.readRows(
            source, attributes, begin, end, [&] { return emitError(builder.getUnknownLoc()); });
        ASSERT_TRUE(succeeded(expected));
        ASSERT_EQ(found.size(), expected->f32.size());
        EXPECT_EQ(std::memcmp(found.data(), expected->f32.data(), found.size() * sizeof(float)), 0)
            << "rows " << begin << " to " << end;
      }
  }

  MLIRContext context;
  Builder builder;
  WeightReader reader;
  std::array<float, 40000> values;
  blue::SourceAttr source;
  ArrayAttr attributes;
};

TEST_F(RowReaderTest, ReadsRowsInOrder) {
  compare(builder.getF32Type(), {33, 70}, {});
  compare(builder.getF16Type(), {33, 70}, {convert(builder.getF32Type())});
  compare(builder.getBF16Type(), {33, 70}, {convert(builder.getF32Type())});
  compare(builder.getF32Type(), {50}, {});
}

TEST_F(RowReaderTest, ReadsTransposedMatrices) {
  for (Type type :
       {Type(builder.getF32Type()), Type(builder.getF16Type()), Type(builder.getBF16Type())})
    for (auto [k, n] : {std::pair(70, 33), {1, 5}, {5, 1}, {16, 64}, {17, 65}, {130, 131}})
      compare(type, {k, n}, {transpose({1, 0}), convert(builder.getF32Type())});
}

TEST_F(RowReaderTest, ReadsParts) {
  compare(builder.getF16Type(), {90, 40}, {slice(0, 10, 80), slice(1, 3, 20)});
  compare(builder.getF16Type(), {90, 40}, {slice(1, 3, 20), transpose({1, 0})});
  compare(builder.getF16Type(), {90, 40}, {transpose({1, 0}), slice(0, 3, 20), slice(1, 5, 77)});
}

TEST_F(RowReaderTest, ReadsOtherShapes) {
  compare(builder.getF32Type(), {6, 3, 5, 5}, {reshape({6, 75})});
  compare(builder.getF32Type(), {12, 20}, {transpose({1, 0}), reshape({12, 20})});
  compare(builder.getF32Type(), {6, 4, 5}, {transpose({1, 0, 2}), reshape({4, 30})});
  compare(builder.getF32Type(), {6, 4, 5}, {transpose({2, 1, 0})});
  compare(builder.getF32Type(), {6, 4, 5}, {transpose({1, 0, 2})});
}

TEST_F(RowReaderTest, ChangesValues) {
  compare(builder.getF32Type(), {12, 20}, {convert(builder.getF16Type())});
  compare(builder.getF16Type(), {12, 20}, {scale(0.3), convert(builder.getF32Type())});
  compare(builder.getF32Type(), {12, 20}, {transpose({1, 0}), scale(0.3)});
  compare(builder.getIntegerType(8), {12, 20}, {convert(builder.getF32Type()), scale(0.1)});
}

TEST_F(RowReaderTest, MultipliesWeights) {
  auto by = [&](ArrayRef<int64_t> shape, ArrayRef<Attribute> through = {}) -> Attribute {
    auto other =
        blue::SourceAttr::get(&context, "w", 8, RankedTensorType::get(shape, builder.getF32Type()));
    return blue::MultiplyAttr::get(&context, other, builder.getArrayAttr(through));
  };
  // Depths around the block that is read at a time, rows and columns around a tile.
  for (auto [n, m, k] :
       {std::tuple(9, 17, 70), {1, 1, 1}, {5, 64, 3}, {4, 65, 8}, {33, 200, 130}}) {
    compare(builder.getF32Type(), {m, k}, {by({n, m})});
    compare(builder.getF32Type(), {k, m}, {transpose({1, 0}), by({m, n}, {transpose({1, 0})})});
  }
  compare(builder.getF32Type(), {20, 30}, {by({10, 20}), by({5, 10})});
  compare(builder.getF32Type(), {20, 30}, {by({10, 20}), transpose({1, 0})});

  FailureOr<RowReader> rows = open(builder.getF32Type(), {70, 30}, {by({9, 70})});
  ASSERT_TRUE(succeeded(rows));
  std::vector<float> found(9 * 30);
  rows->read(0, 9, found.data());
  for (size_t n = 0; n < 9; ++n)
    for (size_t k = 0; k < 30; ++k) {
      double sum = 0;
      for (size_t m = 0; m < 70; ++m)
        sum += double(values[2 + n * 70 + m]) * double(values[m * 30 + k]);
      EXPECT_EQ(found[n * 30 + k], static_cast<float>(sum)) << n << ", " << k;
    }
}

TEST_F(RowReaderTest, RefusesWhatHasNoRowsOfFloats) {
  ScopedDiagnosticHandler handler(&context, [](Diagnostic &) { return success(); });
  EXPECT_TRUE(failed(open(builder.getIntegerType(8), {12, 20}, {})));
  EXPECT_TRUE(failed(open(builder.getF64Type(), {12, 20}, {})));
  EXPECT_TRUE(failed(open(builder.getF32Type(), {}, {})));
  EXPECT_TRUE(failed(open(builder.getF32Type(), {1000, 1000}, {})));
  EXPECT_TRUE(failed(open(builder.getF32Type(), {4, 4}, {reshape({3, 3})})));
}

} // namespace
