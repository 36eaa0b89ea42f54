// Figures that are measured several times.
#ifndef BLUEC_RUNTIME_MEASURE_SAMPLES_H
#define BLUEC_RUNTIME_MEASURE_SAMPLES_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bluec::runtime {

// Of an even number of values the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);

// One figure, once a repeat.
class Samples {
public:
  void add(double value) { values.push_back(value); }
  bool empty() const { return values.empty(); }
  double median() const { return runtime::median(values); }
  // There must be values.
  double least() const { return *std::min_element(values.begin(), values.end()); }
  double most() const { return *std::max_element(values.begin(), values.end()); }

  // One value a repeat, of this figure and another one's.
  template <typename Function> Samples with(const Samples &other, Function function) const {
    Samples result;
    for (std::size_t i = 0; i < std::min(values.size(), other.values.size()); ++i)
      result.add(function(values[i], other.values[i]));
    return result;
  }
  Samples dividedBy(double count) const;
  // `work` over each.
  Samples rate(double work) const;
  Samples shareOf(const Samples &limit) const;

private:
  std::vector<double> values;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_MEASURE_SAMPLES_H
