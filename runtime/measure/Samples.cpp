#include "measure/Samples.h"

namespace bluec::runtime {

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Samples Samples::dividedBy(double count) const {
  return with(*this, [&](double value, double) { return value / count; });
}

Samples Samples::rate(double work) const {
  return with(*this, [&](double seconds, double) { return seconds > 0 ? work / seconds : 0; });
}

Samples Samples::shareOf(const Samples &limit) const {
  return with(limit, [](double mine, double most) { return most > 0 ? mine / most : 0; });
}

} // namespace bluec::runtime
