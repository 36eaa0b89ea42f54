// Weights as integers: what every method promises, on ordinary and on extreme rows.
#include "compiler/weights/quantize/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace bluec;
using namespace bluec::quantize;
using blue::QuantizeMethod;

namespace {

constexpr float kMostFloat = std::numeric_limits<float>::max();

std::vector<float> normals(int64_t count, float deviation, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(static_cast<size_t>(count));
  for (float &value : values)
    value = normal(random);
  return values;
}

std::vector<float> roundTrip(const Format &format, QuantizeMethod method,
                             const std::vector<float> &rows, int64_t count, Rows &out) {
  int64_t k = static_cast<int64_t>(rows.size()) / count;
  EXPECT_TRUE(quantizeRows(format, method, rows.data(), count, k, out));
  std::vector<float> back(rows.size());
  dequantizeRows(format, out, count, k, back.data());
  return back;
}

/// What search makes small: errors weighed by the squares of what they are errors of.
double weighedError(const std::vector<float> &rows, const std::vector<float> &found, int64_t begin,
                    int64_t end) {
  double sum = 0;
  for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
    double error = double(rows[i]) * (double(rows[i]) - double(found[i]));
    sum += error * error;
  }
  return sum;
}

double squaredError(const std::vector<float> &a, const std::vector<float> &b, int64_t begin,
                    int64_t end) {
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    double error = double(a[static_cast<size_t>(i)]) - double(b[static_cast<size_t>(i)]);
    sum += error * error;
  }
  return sum;
}

struct FormatTest : testing::TestWithParam<Format> {};

/// Every group of `rows`: elements within their range, and search no worse than nearest.
void expectSearchNotWorse(const Format &format, const std::vector<float> &rows, int64_t count) {
  Rows nearest, search;
  std::vector<float> a = roundTrip(format, QuantizeMethod::Nearest, rows, count, nearest);
  std::vector<float> b = roundTrip(format, QuantizeMethod::Search, rows, count, search);
  int64_t k = static_cast<int64_t>(rows.size()) / count, step = format.groupIn(k);
  for (int64_t row = 0; row < count; ++row)
    for (int64_t begin = 0; begin < k; begin += step) {
      int64_t first = row * k + begin, end = row * k + std::min(k, begin + step);
      double before = weighedError(rows, a, first, end), after = weighedError(rows, b, first, end);
      // Errors are compared as sums of floats.
      EXPECT_LE(after, before * (1 + 1e-5)) << "row " << row << ", group at " << begin;
    }
  for (const Rows *result : {&nearest, &search})
    for (int8_t q : result->elements) {
      EXPECT_GE(q, format.least());
      EXPECT_LE(q, format.most());
    }
}

TEST_P(FormatTest, SearchIsNeverWorseThanNearest) {
  Format format = GetParam();
  for (int64_t k : {1, 8, 31, 64, 100, 257})
    for (float deviation : {1e-3f, 1.0f, 300.0f})
      expectSearchNotWorse(format, normals(5 * k, deviation, static_cast<unsigned>(k)), 5);
}

TEST_P(FormatTest, NearestIsWithinAStep) {
  Format format = GetParam();
  std::vector<float> rows = normals(4 * 200, 0.5f);
  Rows out;
  std::vector<float> back = roundTrip(format, QuantizeMethod::Nearest, rows, 4, out);
  int64_t groups = format.groupsIn(200), step = format.groupIn(200);
  for (int64_t i = 0; i < 800; ++i) {
    float scale = std::abs(out.scales[static_cast<size_t>(i / 200 * groups + i % 200 / step)]);
    // Half a step, and another half where the range has no positive end of its own.
    EXPECT_LE(std::abs(back[static_cast<size_t>(i)] - rows[static_cast<size_t>(i)]), scale * 1.01f)
        << i;
  }
}

TEST_P(FormatTest, ExtremeRowsStayFinite) {
  Format format = GetParam();
  const std::vector<std::vector<float>> extremes = {
      std::vector<float>(70, 0.0f),
      std::vector<float>(70, kMostFloat),
      std::vector<float>(70, -kMostFloat),
      std::vector<float>(70, std::numeric_limits<float>::denorm_min()),
      std::vector<float>(70, 1e-30f),
      std::vector<float>(70, -3.0f),
  };
  for (const std::vector<float> &row : extremes)
    for (QuantizeMethod method : {QuantizeMethod::Nearest, QuantizeMethod::Search}) {
      Rows out;
      std::vector<float> back = roundTrip(format, method, row, 1, out);
      for (float value : back)
        EXPECT_TRUE(std::isfinite(value)) << row[0];
      for (float scale : out.scales)
        EXPECT_EQ(scale, roundScale(format, scale));
    }
  std::vector<float> mixed(64, 1e-20f);
  mixed[3] = kMostFloat;
  mixed[5] = -kMostFloat;
  expectSearchNotWorse(format, mixed, 1);
}

TEST_P(FormatTest, WhatTheFormatHoldsStays) {
  Format format = GetParam();
  // Integers of the range, its lowest one among them in every group, times a power of two.
  std::vector<float> rows;
  for (int64_t i = 0; i < 256; ++i)
    rows.push_back(0.25f * static_cast<float>(i % 8 == 0   ? format.least()
                                              : i % 8 == 1 ? format.most()
                                                           : i % 5 - 2));
  for (QuantizeMethod method : {QuantizeMethod::Nearest, QuantizeMethod::Search}) {
    Rows out;
    EXPECT_EQ(roundTrip(format, method, rows, 2, out), rows);
  }
}

TEST_P(FormatTest, RowsDoNotDependOnEachOther) {
  Format format = GetParam();
  std::vector<float> rows = normals(6 * 90, 1);
  Rows all, one;
  roundTrip(format, QuantizeMethod::Search, rows, 6, all);
  std::vector<float> fourth(rows.begin() + 3 * 90, rows.begin() + 4 * 90);
  roundTrip(format, QuantizeMethod::Search, fourth, 1, one);
  EXPECT_EQ(std::vector<int8_t>(all.elements.begin() + 3 * 90, all.elements.begin() + 4 * 90),
            one.elements);
}

TEST_P(FormatTest, RefusesWhatIsNoNumber) {
  for (float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> row(40, 1.0f);
    row[33] = bad;
    Rows out;
    EXPECT_FALSE(quantizeRows(GetParam(), QuantizeMethod::Search, row.data(), 1, 40, out));
  }
  std::vector<float> row(40, 1.0f);
  Rows out;
  EXPECT_FALSE(quantizeRows(GetParam(), QuantizeMethod::Gptq, row.data(), 1, 40, out));
  EXPECT_FALSE(quantizeRows(GetParam(), QuantizeMethod::Keep, row.data(), 1, 40, out));
}

INSTANTIATE_TEST_SUITE_P(Formats, FormatTest,
                         testing::Values(Format{4, 32, false, true}, Format{4, 64, false, true},
                                         Format{4, 64, true, true}, Format{4, 0, false, false},
                                         Format{8, 128, false, true}, Format{8, 32, true, true},
                                         Format{8, 0, false, false}, Format{8, 0, true, true}));

TEST(QuantizeTest, SearchGainsOnNormalWeights) {
  Format format{4, 64, false, true};
  std::vector<float> rows = normals(64 * 500, 0.02f);
  Rows out;
  std::vector<float> nearest = roundTrip(format, QuantizeMethod::Nearest, rows, 10, out);
  std::vector<float> search = roundTrip(format, QuantizeMethod::Search, rows, 10, out);
  int64_t all = static_cast<int64_t>(rows.size());
  EXPECT_LT(weighedError(rows, search, 0, all), 0.92 * weighedError(rows, nearest, 0, all));
}

TEST(QuantizeTest, ZerosFitOneSidedWeights) {
  std::vector<float> rows = normals(64 * 50, 1);
  for (float &value : rows)
    value = std::abs(value);
  Rows out;
  int64_t all = static_cast<int64_t>(rows.size());
  std::vector<float> without =
      roundTrip({4, 64, false, true}, QuantizeMethod::Search, rows, 1, out);
  std::vector<float> with = roundTrip({4, 64, true, true}, QuantizeMethod::Search, rows, 1, out);
  EXPECT_LT(squaredError(rows, with, 0, all), 0.5 * squaredError(rows, without, 0, all));
}

TEST(QuantizeTest, ImportantColumnsErrLess) {
  Format format{4, 64, false, true};
  std::vector<float> rows = normals(64 * 200, 1), importance(64, 0.01f);
  for (size_t i = 0; i < 8; ++i)
    importance[i] = 100;
  Rows plain, weighed;
  std::vector<float> a = roundTrip(format, QuantizeMethod::Search, rows, 200, plain),
                     b(rows.size());
  ASSERT_TRUE(quantizeRows(format, QuantizeMethod::Search, rows.data(), 200, 64, weighed,
                           importance.data()));
  dequantizeRows(format, weighed, 200, 64, b.data());
  double before = 0, after = 0;
  for (int64_t row = 0; row < 200; ++row) {
    before += squaredError(rows, a, row * 64, row * 64 + 8);
    after += squaredError(rows, b, row * 64, row * 64 + 8);
  }
  EXPECT_LT(after, 0.8 * before);
}

} // namespace
