#include "compiler/driver/measure/MachineFit.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

using namespace bluec;

namespace {

using Kind = std::tuple<std::string, std::string, std::string>; // op, weights, activations
using Group = std::vector<const MeasuredStep *>;

Kind kindOf(const StepCost &cost) { return {cost.op, cost.weights, cost.arithmetic}; }

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

CallWork workIn(const MeasuredStep &step) {
  return workOf(step.cost, step.shape.count, step.shape.position);
}

/// Where `function`, which falls and then rises, is least between `low` and `high`.
template <typename Function> double leastOf(double low, double high, Function function) {
  constexpr int kRounds = 60;
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double left = high - golden * (high - low), right = low + golden * (high - low);
  double atLeft = function(left), atRight = function(right);
  for (int i = 0; i < kRounds; ++i) {
    if (atLeft < atRight) {
      high = right;
      right = left;
      atRight = atLeft;
      atLeft = function(left = high - golden * (high - low));
    } else {
      low = left;
      left = right;
      atLeft = atRight;
      atRight = function(right = low + golden * (high - low));
    }
  }
  return (low + high) / 2;
}

/// Bytes over time; 0 for no steps, or no time.
double speedOf(const Group &steps, double stepSeconds, double CallWork::*bytes) {
  double sum = 0, seconds = 0;
  for (const MeasuredStep *step : steps) {
    sum += workIn(*step).*bytes;
    seconds += step->seconds - stepSeconds;
  }
  return seconds > 0 ? sum / seconds : 0;
}

FitError errorOf(const Group &steps, const Machine::Device &device) {
  std::vector<double> errors;
  for (const MeasuredStep *step : steps)
    errors.push_back(std::fabs(secondsOf(step->cost, step->shape, device) / step->seconds - 1));
  FitError error;
  error.steps = static_cast<int64_t>(errors.size());
  error.median = median(errors);
  for (double one : errors)
    error.largest = std::max(error.largest, one);
  return error;
}

/// The mean over numbers of rows of the squared logarithm of predicted over measured time. What
/// counts is the time of all steps with as many: a short one may be far off.
double squaredError(const std::map<double, Group> &byRows, const Machine::Device &device) {
  double sum = 0;
  for (const auto &[rows, steps] : byRows) {
    double predicted = 0, measured = 0;
    for (const MeasuredStep *step : steps) {
      predicted += secondsOf(step->cost, step->shape, device);
      measured += step->seconds;
    }
    double ratio = std::log(predicted / measured);
    sum += ratio * ratio;
  }
  return sum / static_cast<double>(byRows.size());
}

/// Appends the rate of `steps`, which are of one kind, to those of `device`.
void addRate(const Kind &kind, const Group &steps, Machine::Device &device) {
  std::map<double, Group> byRows;
  double fastest = 0;
  for (const MeasuredStep *step : steps) {
    CallWork work = workIn(*step);
    byRows[work.productRows].push_back(step);
    fastest = std::max(fastest, work.operations / step->seconds);
  }
  device.rates.push_back({std::get<0>(kind), std::get<1>(kind), std::get<2>(kind), fastest, 0});
  Machine::Rate &rate = device.rates.back();
  auto fitRate = [&] {
    constexpr double kRange = 16; // to either side of what was reached
    double middle = std::log(fastest);
    double best = leastOf(middle - std::log(kRange), middle + std::log(kRange), [&](double log) {
      rate.operationsPerSecond = std::exp(log);
      return squaredError(byRows, device);
    });
    rate.operationsPerSecond = std::exp(best);
    return squaredError(byRows, device);
  };
  if (byRows.size() > 1) {
    double most = byRows.rbegin()->first;
    double best = leastOf(0, std::log1p(most), [&](double log) {
      rate.halfRows = std::expm1(log);
      return fitRate();
    });
    constexpr double kLeastRows = 1e-2; // less is none
    rate.halfRows = std::expm1(best) < kLeastRows ? 0 : std::expm1(best);
  }
  fitRate();
}

} // namespace

DeviceFit bluec::fitDevice(const DeviceFacts &facts, llvm::ArrayRef<MeasuredStep> steps) {
  DeviceFit fit;
  Machine::Device &device = fit.device;
  device.name = facts.name;
  device.bytesPerSecond = facts.bytesPerSecond;
  device.onChipBytes = facts.onChipBytes;
  device.callSeconds = facts.callSeconds;

  Group others, ofOneRow; // steps without products
  std::map<Kind, Group> products, readers;
  for (const MeasuredStep &step : steps) {
    if (step.cost.arithmetic.empty()) {
      if (step.shape.count == 1 && step.shape.capacity == 1)
        ofOneRow.push_back(&step);
      else
        others.push_back(&step);
      continue;
    }
    products[kindOf(step.cost)].push_back(&step);
    if (workIn(step).productRows == 1)
      readers[kindOf(step.cost)].push_back(&step);
  }
  // The others take long enough to do without the figure that they help to find.
  double bytesPerSecond = speedOf(others, 0, &CallWork::valueBytes);
  std::vector<double> left;
  for (const MeasuredStep *step : ofOneRow)
    left.push_back(step->seconds -
                   (bytesPerSecond > 0 ? workIn(*step).valueBytes / bytesPerSecond : 0));
  device.stepSeconds = std::max(median(left), 0.0);
  device.elementwiseBytesPerSecond = speedOf(others, device.stepSeconds, &CallWork::valueBytes);
  for (const auto &[kind, group] : readers)
    device.weightBytesPerSecond = std::max(
        device.weightBytesPerSecond, speedOf(group, device.stepSeconds, &CallWork::readBytes));
  for (const auto &[kind, group] : products)
    addRate(kind, group, device);
  for (const auto &[kind, group] : products)
    fit.rates.push_back(errorOf(group, device));
  fit.others = errorOf(others, device);
  return fit;
}
