// A device's figures (compiler/machine/Machine.h) from steps that were timed on it.
#ifndef BLUEC_COMPILER_DRIVER_MEASURE_MACHINEFIT_H
#define BLUEC_COMPILER_DRIVER_MEASURE_MACHINEFIT_H

#include "compiler/machine/CostModel.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <vector>

namespace bluec {

struct MeasuredStep {
  StepCost cost;
  CallShape shape;
  double seconds = 0; // the median of several runs
};

/// How well the figures say what was measured.
struct FitError {
  int64_t steps = 0;
  double median = 0, largest = 0; // of |predicted / measured - 1|
};

struct DeviceFit {
  Machine::Device device;
  std::vector<FitError> rates; // one for each of the device's
  FitError others;             // steps without products
};

/// What of a device no step tells.
struct DeviceFacts {
  std::string name;
  double bytesPerSecond = 0; // reads from memory
  int64_t onChipBytes = 0;
  double callSeconds = 0;
};

/// The device for which CostModel.h predicts `steps` best:
/// - stepSeconds: the median of steps without products of one row, less what their values take;
/// - elementwiseBytesPerSecond: of all other steps without products, bytes over time;
/// - weightBytesPerSecond: of steps with products that have one row, which have to read all weights
///   for it: bytes over time of the op and types that read fastest;
/// - rates: for each op and types that were measured, operationsPerSecond and halfRows by least
///   squares of the logarithm of predicted over measured time of all steps with one number of rows.
///   Each number of rows counts the same; with a single one, halfRows is 0.
DeviceFit fitDevice(const DeviceFacts &facts, llvm::ArrayRef<MeasuredStep> steps);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_MEASURE_MACHINEFIT_H
