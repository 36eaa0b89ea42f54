#include "platform/WideVectors.h"

#include <gtest/gtest.h>
#include <vector>

using namespace bluec::runtime;

namespace {

struct Scale {
  BLUEC_WIDE_LOOP void operator()(std::int32_t *to, int count, float factor) const {
    for (int i = 0; i < count; ++i)
      to[i] = std::int32_t(float(to[i]) * factor + 0.25f);
  }
};

TEST(WideVectors, BothVersionsAgree) {
  std::vector<std::int32_t> plain(1003), wide;
  for (std::size_t i = 0; i < plain.size(); ++i)
    plain[i] = std::int32_t(i * 7919);
  wide = plain;
  plainVersion<Scale>(plain.data(), int(plain.size()), 0.3f);
  pickVersion<Scale, std::int32_t *, int, float>()(wide.data(), int(wide.size()), 0.3f);
  EXPECT_EQ(wide, plain);
}

TEST(WideVectors, RunsTheRangeThatIsAskedFor) {
  std::vector<int> seen(100);
  const auto loop = [&](std::int64_t begin, std::int64_t end) BLUEC_WIDE_LOOP {
    for (std::int64_t i = begin; i < end; ++i)
      ++seen[std::size_t(i)];
  };
  withWideVectors(loop, 10, 90);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(seen[std::size_t(i)], i >= 10 && i < 90 ? 1 : 0);
}

} // namespace
