// How long a device takes for a step: a model of costs, from what the step reads and computes
// (StepCosts.h) and what the device can do (machine/Machine.h).
#ifndef BLUEC_COMPILER_MACHINE_COSTMODEL_H
#define BLUEC_COMPILER_MACHINE_COSTMODEL_H

#include "compiler/machine/Machine.h"
#include "compiler/machine/StepCosts.h"

namespace bluec {

/// The rows of one call of an entry point.
struct CallShape {
  int64_t count = 1;    // valid rows: tiles or tokens
  int64_t capacity = 1; // of the entry; what counts on a device with static rows
  int64_t position = 0; // tokens in the KV cache before the call
};

/// What a step amounts to in one call, by the formulas of StepCosts.h.
struct CallWork {
  double readBytes = 0; // of weights and KV cache
  double operations = 0;
  double productRows = 0;
  double valueBytes = 0;
};
CallWork workOf(const StepCost &cost, int64_t count, int64_t position);

/// Seconds, `stepSeconds` of the device included:
///   max(operations / rate(product rows), weight and cache bytes / weightBytesPerSecond)
///     + max(0, bytes of values - onChipBytes) / bytesPerSecond + stepSeconds.
/// A step without products takes at least bytes of all values / elementwiseBytesPerSecond.
/// A figure per second that is 0 costs nothing. Infinity when the device cannot compute the step.
double secondsOf(const StepCost &cost, const CallShape &shape, const Machine::Device &device);

/// True when the device has what the step needs.
bool canRun(const StepCost &cost, const Machine::Device &device);

/// What canRun asks for: "linear of i4 and i16", "rms_norm".
std::string describeNeed(const StepCost &cost);

} // namespace bluec

#endif // BLUEC_COMPILER_MACHINE_COSTMODEL_H
