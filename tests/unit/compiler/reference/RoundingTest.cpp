#include "compiler/reference/Rounding.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace bluec::reference;

TEST(Rounding, HalvesThereAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value))));
    } else {
      EXPECT_EQ(floatToHalf(value), bits);
    }
  }
}

TEST(Rounding, HalvesRoundToNearestEven) {
  EXPECT_EQ(halfToFloat(floatToHalf(1.0f + 0x1p-11f)), 1.0f);           // a tie, to even
  EXPECT_EQ(halfToFloat(floatToHalf(1.0f + 0x3p-11f)), 1.0f + 0x1p-9f); // a tie, to even
  EXPECT_EQ(halfToFloat(floatToHalf(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(halfToFloat(floatToHalf(65520.0f))));
  EXPECT_EQ(floatToHalf(0x1p-25f), 0);   // a tie between 0 and the smallest, to even
  EXPECT_EQ(floatToHalf(0x1.8p-25f), 1); // above the tie
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
}

TEST(Rounding, BrainFloats) {
  EXPECT_EQ(bfloat16ToFloat(floatToBfloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(bfloat16ToFloat(floatToBfloat16(1.0f + 0x3p-8f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(
      std::isnan(bfloat16ToFloat(floatToBfloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(bfloat16ToFloat(floatToBfloat16(std::numeric_limits<float>::infinity()))));
}

TEST(Rounding, IntegersWrap) {
  mlir::MLIRContext context;
  Tensor tensor = Tensor::ints({3}, {255, -129, 128});
  roundTo(tensor, mlir::IntegerType::get(&context, 8));
  EXPECT_EQ(tensor.i64, (std::vector<int64_t>{-1, 127, -128}));
  tensor = Tensor::ints({2}, {-1, 256});
  roundTo(tensor, mlir::IntegerType::get(&context, 8, mlir::IntegerType::Unsigned));
  EXPECT_EQ(tensor.i64, (std::vector<int64_t>{255, 0}));
}
