#include "tests/conformance/Checks.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace bluec::conformance;

Data bluec::conformance::randomData(int64_t count, uint32_t seed, float scale) {
  Data data(static_cast<size_t>(count));
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (float &value : data) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    value = scale * (static_cast<float>(state >> 40) / 8388608.0f - 1.0f);
  }
  return data;
}

Data bluec::conformance::withGarbageFrom(Data data, int64_t row, int64_t cols) {
  for (auto i = static_cast<size_t>(row * cols); i < data.size(); ++i)
    data[i] = std::numeric_limits<float>::quiet_NaN();
  return data;
}

void bluec::conformance::expectNear(const Data &actual, const std::vector<double> &expected,
                                    int64_t count, double relative, double absolute) {
  ASSERT_GE(static_cast<int64_t>(actual.size()), count);
  ASSERT_GE(static_cast<int64_t>(expected.size()), count);
  double worst = 0;
  int64_t worstAt = -1;
  for (int64_t i = 0; i < count; ++i) {
    double a = actual[static_cast<size_t>(i)], e = expected[static_cast<size_t>(i)];
    if (std::isnan(e) && std::isnan(a))
      continue;
    if (a == e)
      continue;
    double error = std::fabs(a - e) / (absolute + relative * std::fabs(e));
    if (!(error <= worst)) {
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
      worstAt = i;
    }
  }
  EXPECT_LE(worst, 1.0) << "element " << worstAt << ": expected "
                        << expected[static_cast<size_t>(worstAt)] << ", found "
                        << actual[static_cast<size_t>(worstAt)];
}

void bluec::conformance::expectSameBits(const Data &a, const Data &b, int64_t count) {
  ASSERT_GE(static_cast<int64_t>(a.size()), count);
  ASSERT_GE(static_cast<int64_t>(b.size()), count);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i)
    if (std::memcmp(&a[i], &b[i], 4) != 0) {
      ADD_FAILURE() << "element " << i << ": " << a[i] << " and " << b[i];
      return;
    }
}

Shape bluec::conformance::panelShape(int64_t rows, int64_t depth, int64_t cols) {
  return {(rows + cols - 1) / cols, depth, cols};
}

Data bluec::conformance::toPanels(const Data &weight, int64_t rows, int64_t depth, int64_t cols) {
  Data panels(static_cast<size_t>(elements(panelShape(rows, depth, cols))));
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t k = 0; k < depth; ++k)
      panels[static_cast<size_t>((n / cols * depth + k) * cols + n % cols)] =
          weight[static_cast<size_t>(n * depth + k)];
  return panels;
}
