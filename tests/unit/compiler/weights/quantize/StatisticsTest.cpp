// What a calibration run gathers: sums of products that do not depend on how rows came.
#include "compiler/weights/quantize/Statistics.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <random>

using namespace bluec;
using namespace bluec::quantize;

namespace {

std::vector<float> rowsOf(int64_t count, int64_t k) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> rows(static_cast<size_t>(count * k));
  for (float &value : rows)
    value = normal(random);
  return rows;
}

std::unique_ptr<InputStatistics> made(int64_t k) {
  auto result = InputStatistics::create(k);
  EXPECT_TRUE(bool(result));
  return std::move(*result);
}

TEST(StatisticsTest, SumsProducts) {
  constexpr int64_t kK = 37, kCount = 150;
  std::vector<float> rows = rowsOf(kCount, kK);
  std::unique_ptr<InputStatistics> statistics = made(kK);
  statistics->add(rows.data(), kCount);
  EXPECT_EQ(statistics->rows(), kCount);
  std::vector<float> hessian = statistics->hessian();
  float largest = 0;
  for (float value : rows)
    largest = std::max(largest, std::abs(value));
  EXPECT_EQ(statistics->largest(), largest);
  for (int64_t i = 0; i < kK; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (int64_t row = 0; row < kCount; ++row)
        sum += double(rows[static_cast<size_t>(row * kK + i)]) *
               double(rows[static_cast<size_t>(row * kK + j)]);
      EXPECT_NEAR(hessian[static_cast<size_t>(i * kK + j)], sum, 1e-3);
    }
}

TEST(StatisticsTest, CallsDoNotMatter) {
  constexpr int64_t kK = 20, kCount = 200;
  std::vector<float> rows = rowsOf(kCount, kK);
  std::unique_ptr<InputStatistics> whole = made(kK), parts = made(kK);
  whole->add(rows.data(), kCount);
  for (int64_t row = 0; row < kCount;) {
    int64_t step = std::min<int64_t>(kCount - row, row % 3 + 1);
    parts->add(rows.data() + row * kK, step);
    row += step;
  }
  EXPECT_EQ(whole->hessian(), parts->hessian());
}

TEST(StatisticsTest, GptqAsksForThem) {
  mlir::MLIRContext context;
  context.loadDialect<blue::BlueDialect>();
  auto type = mlir::RankedTensorType::get({2, 32}, mlir::Float32Type::get(&context));
  auto source = blue::SourceAttr::get(&context, "m.onnx", 0, type);
  auto other = blue::SourceAttr::get(&context, "m.onnx", 256, type);
  std::vector<float> weights = rowsOf(2, 32), inputs = rowsOf(100, 32);
  Format format{4, 32, false, true};
  Rows out;
  auto run = [&](Statistics *statistics, blue::SourceAttr named) {
    return quantizeRows(format, blue::QuantizeMethod::Gptq, statistics, named, weights.data(), 2,
                        32, out);
  };
  Statistics statistics;
  EXPECT_FALSE(run(nullptr, source));
  EXPECT_FALSE(run(&statistics, source));
  std::shared_ptr<InputStatistics> seen = made(32);
  statistics.set(source, seen);
  EXPECT_FALSE(run(&statistics, source)); // no row yet
  seen->add(inputs.data(), 100);
  EXPECT_TRUE(run(&statistics, source));
  EXPECT_FALSE(run(&statistics, other));
  EXPECT_EQ(statistics.factorFor(source), statistics.factorFor(source));
  // Other methods need none.
  EXPECT_TRUE(quantizeRows(format, blue::QuantizeMethod::Search, nullptr, other, weights.data(), 2,
                           32, out));
}

} // namespace
