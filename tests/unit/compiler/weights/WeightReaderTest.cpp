#include "compiler/weights/WeightReader.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

class WeightReaderTest : public testing::Test {
protected:
  WeightReaderTest() : builder(&context), reader("/nonexistent") {
    context.loadDialect<blue::BlueDialect>();
    for (int i = 0; i < 24; ++i)
      values.push_back(static_cast<float>(i));
    reader.modelFiles().provide("w", {reinterpret_cast<const char *>(values.data()), 96});
  }
  blue::SourceAttr source(ArrayRef<int64_t> shape, int64_t offset = 0) {
    return blue::SourceAttr::get(&context, "w", offset,
                                 RankedTensorType::get(shape, builder.getF32Type()));
  }
  FailureOr<Tensor> rows(blue::SourceAttr from, ArrayRef<Attribute> transforms, int64_t begin,
                         int64_t end) {
    return reader.readRows(from, builder.getArrayAttr(transforms), begin, end,
                           [&] { return emitError(builder.getUnknownLoc()); });
  }
  Attribute transpose(ArrayRef<int64_t> permutation) {
    return blue::TransposeAttr::get(&context, permutation);
  }
  Attribute reshape(ArrayRef<int64_t> shape) { return blue::ReshapeAttr::get(&context, shape); }
  Attribute slice(int64_t axis, int64_t begin, int64_t end) {
    return blue::SliceAttr::get(&context, axis, begin, end);
  }
  Attribute scale(double factor) {
    return blue::ScaleAttr::get(&context, builder.getF64FloatAttr(factor));
  }

  Attribute multiply(blue::SourceAttr by, ArrayRef<Attribute> transforms = {}) {
    return blue::MultiplyAttr::get(&context, by, builder.getArrayAttr(transforms));
  }
  Attribute add(blue::SourceAttr addend) {
    return blue::AddAttr::get(&context, addend, builder.getArrayAttr({}));
  }

  MLIRContext context;
  Builder builder;
  WeightReader reader;
  std::vector<float> values;
};

TEST_F(WeightReaderTest, ReadsRowsOfATransposedWeight) {
  // [2, 3] transposed: [[0, 3], [1, 4], [2, 5]].
  FailureOr<Tensor> tensor = rows(source({2, 3}), {transpose({1, 0})}, 1, 3);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(tensor->f32, (std::vector<float>{1, 4, 2, 5}));
}

TEST_F(WeightReaderTest, SlicesThenTransposes) {
  FailureOr<Tensor> tensor = rows(source({4, 6}), {slice(1, 2, 4), transpose({1, 0})}, 0, 2);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->f32, (std::vector<float>{2, 8, 14, 20, 3, 9, 15, 21}));
}

TEST_F(WeightReaderTest, ReshapesTransposedData) {
  FailureOr<Tensor> tensor = rows(source({2, 3}), {transpose({1, 0}), reshape({2, 3})}, 1, 2);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->f32, (std::vector<float>{4, 2, 5}));
}

TEST_F(WeightReaderTest, ConvertsAndScales) {
  Attribute half = blue::ConvertAttr::get(&context, builder.getF16Type());
  FailureOr<Tensor> tensor = rows(source({3}), {half, scale(0.1)}, 0, 3);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->f32[1], 0.0999755859375f); // the half nearest to 0.1
}

TEST_F(WeightReaderTest, MultipliesFromTheLeft) {
  // [[0, 3], [1, 4], [2, 5]] * [[6, 7, 8, 9], [10, 11, 12, 13]]
  Attribute product = multiply(source({2, 3}), {transpose({1, 0})});
  FailureOr<Tensor> tensor = rows(source({2, 4}, 24), {product}, 1, 3);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(tensor->f32, (std::vector<float>{46, 51, 56, 61, 62, 69, 76, 83}));
  // What is behind it sees the product: all of it transposed, and a part of that.
  tensor = rows(source({2, 4}, 24), {product, transpose({1, 0}), scale(2)}, 3, 4);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->f32, (std::vector<float>{78, 122, 166}));
}

// The bias of two linear layers that are one: V b + c.
TEST_F(WeightReaderTest, MultipliesAndAddsVectors) {
  FailureOr<Tensor> tensor =
      rows(source({2}, 8),
           {reshape({2, 1}), multiply(source({3, 2})), reshape({3}), add(source({3}, 40))}, 0, 3);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{3}));
  EXPECT_EQ(tensor->f32, (std::vector<float>{13, 24, 35}));
}

TEST_F(WeightReaderTest, RefusesProductsOfOtherShapes) {
  int errors = 0;
  context.getDiagEngine().registerHandler([&](Diagnostic &) { return success(++errors > 0); });
  EXPECT_TRUE(failed(rows(source({2, 4}), {multiply(source({3, 3}))}, 0, 1)));
  EXPECT_TRUE(failed(rows(source({2, 4}), {multiply(source({3, 2}))}, 2, 4)));
  EXPECT_TRUE(failed(rows(source({2, 4}), {multiply(source({30, 2}))}, 0, 1)));
  EXPECT_TRUE(failed(rows(source({2}), {add(source({3}))}, 0, 1)));
  EXPECT_EQ(errors, 4);
}

TEST_F(WeightReaderTest, RefusesWhatIsNotThere) {
  int errors = 0;
  context.getDiagEngine().registerHandler([&](Diagnostic &) { return success(++errors > 0); });
  EXPECT_TRUE(failed(rows(source({25}), {}, 0, 1)));
  EXPECT_TRUE(failed(rows(source({24}, 4), {}, 0, 1)));
  EXPECT_TRUE(failed(rows(source({24}, -4), {}, 0, 1)));
  EXPECT_TRUE(failed(rows(source({4, 6}), {}, 3, 5)));
  EXPECT_TRUE(failed(rows(source({4, 6}), {transpose({0, 0})}, 0, 1)));
  EXPECT_EQ(errors, 5);
}

} // namespace
