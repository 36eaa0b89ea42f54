// Random data and comparisons for the conformance tests.
#ifndef BLUEC_TESTS_CONFORMANCE_CHECKS_H
#define BLUEC_TESTS_CONFORMANCE_CHECKS_H

#include "tests/conformance/CompiledSteps.h"

#include <gtest/gtest.h>

namespace bluec::conformance {

/// Numbers in [-scale, scale), the same for the same seed on every machine.
Data randomData(int64_t count, uint32_t seed, float scale = 1.0f);

/// Sets rows [count, end) of a tensor whose rows have `cols` elements to not-a-number: what stands
/// past the valid rows must reach no result.
Data withGarbageFrom(Data data, int64_t row, int64_t cols);

/// |a - b| <= absolute + relative * |b| for the first `count` elements.
void expectNear(const Data &actual, const std::vector<double> &expected, int64_t count,
                double relative, double absolute);
/// The same bits in the first `count` elements.
void expectSameBits(const Data &a, const Data &b, int64_t count);

/// [N, K] in panels of `cols` rows: [ceil(N / cols), K, cols], zeros past N.
Data toPanels(const Data &weight, int64_t rows, int64_t depth, int64_t cols);
Shape panelShape(int64_t rows, int64_t depth, int64_t cols);

/// All tests run once for each target whose code runs here.
class OnTarget : public testing::TestWithParam<std::string> {
protected:
  std::string target() const { return GetParam(); }
  int64_t lanes() const { return lanesOf(GetParam()); }
  LayoutFacts facts() const { return layoutFacts(GetParam()); }
};
#define BLUEC_ON_TARGETS(suite, names)                                                             \
  INSTANTIATE_TEST_SUITE_P(Targets, suite, testing::ValuesIn(names), [](const auto &info) {        \
    std::string name = info.param;                                                                 \
    for (char &c : name)                                                                           \
      c = c == '-' || c == '@' ? '_' : c;                                                          \
    return name + (::bluec::conformance::runsHere(info.param) ? "" : "_compiled");                 \
  })
#define BLUEC_ON_ALL_TARGETS(suite) BLUEC_ON_TARGETS(suite, ::bluec::conformance::targetsHere())
/// And for targets that can only be compiled for here, and for other facts; see targetsAndFacts.
#define BLUEC_ON_ALL_FACTS(suite, narrow)                                                          \
  BLUEC_ON_TARGETS(suite, ::bluec::conformance::targetsAndFacts(narrow))

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_CHECKS_H
