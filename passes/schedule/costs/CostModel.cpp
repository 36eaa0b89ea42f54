#include "passes/schedule/costs/CostModel.h"

#include <algorithm>
#include <limits>

using namespace bluec;

namespace {

const Rate *rateOf(const StepCost &cost, const Device &device) {
  for (const Rate &rate : device.rates)
    if (rate.op == cost.op && rate.weights == cost.weights && rate.activations == cost.arithmetic)
      return &rate;
  return nullptr;
}

/// 0 per second is a figure that the description does not have, and that costs nothing.
double over(double amount, double perSecond) { return perSecond > 0 ? amount / perSecond : 0; }

} // namespace

bool bluec::canRun(const StepCost &cost, const Device &device) {
  return cost.arithmetic.empty() ? device.bytesPerSecond > 0 : rateOf(cost, device) != nullptr;
}

std::string bluec::describeNeed(const StepCost &cost) {
  return cost.arithmetic.empty() ? cost.op
                                 : cost.op + " of " + cost.weights + " and " + cost.arithmetic;
}

double bluec::secondsOf(const StepCost &cost, const CallShape &shape, const Device &device) {
  if (!canRun(cost, device))
    return std::numeric_limits<double>::infinity();
  auto amount = [](int64_t number) { return static_cast<double>(number); };
  double rows = amount(device.staticRows ? std::max(shape.count, shape.capacity) : shape.count);
  double position = amount(shape.position);

  double seconds = over(amount(cost.weightBytes) + rows * amount(cost.rowBytes) +
                            (position + rows) * amount(cost.positionBytes),
                        device.weightBytesPerSecond);
  if (const Rate *rate = rateOf(cost, device)) {
    // Row r sees the positions before the call and r + 1 of its own; where shapes are static all of
    // its own, and a mask takes away what is too much.
    double attended = rows * position + (device.staticRows ? rows * rows : rows * (rows + 1) / 2);
    double operations = amount(cost.operations) + rows * amount(cost.rowOperations) +
                        attended * amount(cost.positionOperations);
    double productRows = amount(cost.productRows) + rows * amount(cost.rowProductRows);
    // operations / (operationsPerSecond * productRows / (productRows + halfRows))
    if (productRows > 0)
      seconds = std::max(seconds, operations / rate->operationsPerSecond *
                                      (productRows + rate->halfRows) / productRows);
  }
  double values = amount(cost.valueBytes) + rows * amount(cost.rowValueBytes);
  double spilled = std::max(values - amount(device.onChipBytes), 0.0);
  return seconds + over(spilled, device.bytesPerSecond) + device.stepSeconds;
}
