// GPTQ: it has to lower the error of a layer's output, which is what it is for.
#include "compiler/weights/quantize/Gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace bluec;
using namespace bluec::quantize;
using blue::QuantizeMethod;

namespace {

/// Inputs whose columns hang together, as those of a layer do, and their H.
struct Inputs {
  Inputs(int64_t count, int64_t k) : k(k), x(static_cast<size_t>(count * k)) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    constexpr int64_t kFactors = 6;
    std::vector<float> mixing(static_cast<size_t>(kFactors * k));
    for (float &value : mixing)
      value = normal(random);
    for (int64_t row = 0; row < count; ++row) {
      float hidden[kFactors];
      for (float &value : hidden)
        value = normal(random);
      for (int64_t i = 0; i < k; ++i) {
        float value = 0.3f * normal(random);
        for (int64_t f = 0; f < kFactors; ++f)
          value += hidden[f] * mixing[static_cast<size_t>(f * k + i)];
        x[static_cast<size_t>(row * k + i)] = value;
      }
    }
    hessian.resize(static_cast<size_t>(k * k));
    for (int64_t row = 0; row < count; ++row)
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < k; ++j)
          hessian[static_cast<size_t>(i * k + j)] +=
              x[static_cast<size_t>(row * k + i)] * x[static_cast<size_t>(row * k + j)];
  }

  /// Sum of (x * (w - v))^2 over inputs and rows of w.
  double outputError(const std::vector<float> &w, const std::vector<float> &v) const {
    double sum = 0;
    for (size_t n = 0; n < w.size(); n += static_cast<size_t>(k))
      for (size_t row = 0; row < x.size(); row += static_cast<size_t>(k)) {
        double y = 0;
        for (size_t i = 0; i < static_cast<size_t>(k); ++i)
          y += double(x[row + i]) * (double(w[n + i]) - double(v[n + i]));
        sum += y * y;
      }
    return sum;
  }

  int64_t k;
  std::vector<float> x, hessian;
};

std::vector<float> weightsOf(int64_t count) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float &value : values)
    value = normal(random);
  return values;
}

struct GptqTest : testing::TestWithParam<Format> {};

TEST_P(GptqTest, LowersTheOutputsError) {
  Format format = GetParam();
  constexpr int64_t kK = 200, kRows = 21; // neither fills its last group or tile
  Inputs inputs(500, kK);
  std::vector<float> weights = weightsOf(kRows * kK), searched(weights.size()),
                     found(weights.size());
  std::optional<GptqFactor> factor = GptqFactor::of(inputs.hessian, kK);
  ASSERT_TRUE(factor.has_value());
  Rows out;
  ASSERT_TRUE(quantizeRows(format, QuantizeMethod::Search, weights.data(), kRows, kK, out));
  dequantizeRows(format, out, kRows, kK, searched.data());
  ASSERT_TRUE(quantizeRowsGptq(format, *factor, weights.data(), kRows, kK, out));
  dequantizeRows(format, out, kRows, kK, found.data());
  EXPECT_LT(inputs.outputError(weights, found), 0.4 * inputs.outputError(weights, searched));

  // A row alone has the same integers.
  Rows alone;
  ASSERT_TRUE(quantizeRowsGptq(format, *factor, weights.data() + 17 * kK, 1, kK, alone));
  EXPECT_EQ(alone.elements,
            std::vector<int8_t>(out.elements.begin() + 17 * kK, out.elements.begin() + 18 * kK));
}

INSTANTIATE_TEST_SUITE_P(Formats, GptqTest,
                         testing::Values(Format{4, 32, false, true}, Format{4, 64, false, true},
                                         Format{4, 64, true, true}, Format{4, 128, false, true},
                                         Format{4, 0, false, false}, Format{8, 128, false, true}));

TEST(GptqFactorTest, ReproducesTheHessian) {
  Inputs inputs(300, 40);
  std::optional<GptqFactor> factor = GptqFactor::of(inputs.hessian, 40, 0.0f);
  ASSERT_TRUE(factor.has_value());
  auto element = [&](int64_t row, int64_t column) { // of R
    double corner = std::sqrt(double(factor->importance()[static_cast<size_t>(column)]));
    return row == column ? corner : row > column ? 0 : factor->column(column)[row] * corner;
  };
  for (int64_t i = 0; i < 40; ++i)
    for (int64_t j = 0; j < 40; ++j) {
      double sum = 0;
      for (int64_t m = 0; m < 40; ++m)
        sum += element(i, m) * element(j, m);
      double scale = std::sqrt(double(inputs.hessian[static_cast<size_t>(i * 41)]) *
                               double(inputs.hessian[static_cast<size_t>(j * 41)]));
      EXPECT_NEAR(sum, inputs.hessian[static_cast<size_t>(i * 40 + j)], 1e-3 * scale);
    }
}

TEST(GptqFactorTest, TakesColumnsThatNoInputTouched) {
  std::vector<float> zero(16 * 16, 0.0f);
  std::optional<GptqFactor> factor = GptqFactor::of(zero, 16);
  ASSERT_TRUE(factor.has_value());
  std::vector<float> weights = weightsOf(16);
  Rows gptq, search;
  Format format{4, 32, false, true};
  ASSERT_TRUE(quantizeRowsGptq(format, *factor, weights.data(), 1, 16, gptq));
  ASSERT_TRUE(quantizeRows(format, QuantizeMethod::Search, weights.data(), 1, 16, search));
  EXPECT_EQ(gptq.elements, search.elements);
}

TEST(GptqFactorTest, RefusesWhatIsNoHessian) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(GptqFactor::of({kNan}, 1).has_value());
  EXPECT_FALSE(GptqFactor::of({-1.0f}, 1).has_value());
  EXPECT_FALSE(GptqFactor::of({1.0f, 0, 0}, 2).has_value());
  EXPECT_FALSE(GptqFactor::of({1, 0, 1000, 1}, 2).has_value());
}

TEST(GptqRowsTest, RefusesWhatIsNoNumber) {
  std::optional<GptqFactor> factor = GptqFactor::of({1.0f}, 1);
  ASSERT_TRUE(factor.has_value());
  float bad = std::numeric_limits<float>::infinity();
  Rows out;
  EXPECT_FALSE(quantizeRowsGptq({4, 32, false, true}, *factor, &bad, 1, 1, out));
}

} // namespace
