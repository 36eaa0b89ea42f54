#include "compiler/machine/CostModel.h"

#include <algorithm>
#include <limits>

using namespace bluec;

namespace {

const Machine::Rate *rateOf(const StepCost &cost, const Machine::Device &device) {
  for (const Machine::Rate &rate : device.rates)
    if (rate.op == cost.op && rate.weights == cost.weights && rate.activations == cost.arithmetic)
      return &rate;
  return nullptr;
}

/// 0 per second is a figure that the description does not have, and that costs nothing.
double over(double amount, double perSecond) { return perSecond > 0 ? amount / perSecond : 0; }

} // namespace

bool bluec::canRun(const StepCost &cost, const Machine::Device &device) {
  return cost.arithmetic.empty() ? device.bytesPerSecond > 0 : rateOf(cost, device) != nullptr;
}

std::string bluec::describeNeed(const StepCost &cost) {
  return cost.arithmetic.empty() ? cost.op
                                 : cost.op + " of " + cost.weights + " and " + cost.arithmetic;
}

CallWork bluec::workOf(const StepCost &cost, int64_t count, int64_t position) {
  auto amount = [](int64_t number) { return static_cast<double>(number); };
  // Rows that see all before them, and others, which see a whole window.
  int64_t first = cost.window > 0 ? std::clamp<int64_t>(cost.window - position, 0, count) : count;
  int64_t positions = position + count;
  if (first < count)
    positions = std::min(positions, cost.window + count - 1);
  double rows = amount(count), growing = amount(first);
  double attended = growing * amount(position) + growing * (growing + 1) / 2 +
                    (rows - growing) * amount(cost.window);
  CallWork work;
  work.readBytes = amount(cost.weightBytes) + rows * amount(cost.rowBytes) +
                   amount(positions) * amount(cost.positionBytes);
  work.operations = amount(cost.operations) + rows * amount(cost.rowOperations) +
                    attended * amount(cost.positionOperations);
  work.productRows = amount(cost.productRows) + rows * amount(cost.rowProductRows);
  work.valueBytes = amount(cost.valueBytes) + rows * amount(cost.rowValueBytes);
  return work;
}

double bluec::secondsOf(const StepCost &cost, const CallShape &shape,
                        const Machine::Device &device) {
  if (!canRun(cost, device))
    return std::numeric_limits<double>::infinity();
  int64_t rows = device.staticRows ? std::max(shape.count, shape.capacity) : shape.count;
  CallWork work = workOf(cost, rows, shape.position);
  if (device.staticRows) { // all products of the rows; a mask takes away what is too much
    double all = static_cast<double>(rows);
    work.operations += all * (all - 1) / 2 * static_cast<double>(cost.positionOperations);
  }
  double seconds = over(work.readBytes, device.weightBytesPerSecond);
  // operations / (operationsPerSecond * productRows / (productRows + halfRows))
  if (const Machine::Rate *rate = rateOf(cost, device); rate && work.productRows > 0)
    seconds = std::max(seconds, work.operations / rate->operationsPerSecond *
                                    (work.productRows + rate->halfRows) / work.productRows);
  double spilled = std::max(work.valueBytes - static_cast<double>(device.onChipBytes), 0.0);
  double moving = over(spilled, device.bytesPerSecond);
  if (cost.arithmetic.empty())
    moving = std::max(moving, over(work.valueBytes, device.elementwiseBytesPerSecond));
  return seconds + moving + device.stepSeconds;
}
