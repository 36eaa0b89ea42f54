// Compares what a bundle's steps made with the reference, layer by layer.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H
#define BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H

#include "compiler/reference/Tensor.h"
#include "runtime/abi/bluec_abi.h"

#include "llvm/ADT/StringMap.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bluec {

/// Values of layers by name, as the plain evaluators computed them. First dims are rows.
using ReferenceValues = llvm::StringMap<std::shared_ptr<const reference::Tensor>>;

/// How far found values are from expected ones.
struct Deviation {
  double largestDifference = 0; // max |found - expected|
  double largestExpected = 0;   // max |expected|
  double squaredDifference = 0, squaredExpected = 0, squaredFound = 0, product = 0; // sums
  bool notFinite = false; // met an infinity on one side only, or a NaN

  void add(double expected, double found);
  /// Of the largest difference to the largest value. Infinite when something was not finite; the
  /// difference itself where all is expected to be 0.
  double relative() const;
  /// Of root mean squares: of the difference to the expected values. As `relative` otherwise.
  double rootMeanSquare() const;
  /// Of the angle between the two; 1 where both are 0.
  double cosine() const;
};

struct LayerError {
  std::string entry, layer;
  Deviation deviation;                // from the reference
  std::optional<Deviation> fromFloat; // from the float reference, where there is one

  double relative() const { return deviation.relative(); }
};

class LayerErrors {
public:
  /// `floatReference`, if there, is what the model computes without a recipe; layers that it has
  /// are compared with it too.
  explicit LayerErrors(const ReferenceValues &reference,
                       const ReferenceValues *floatReference = nullptr)
      : reference(reference), floatReference(floatReference) {}

  /// Compares the output of a step of `entry` in a call of `count` rows, the first of which is row
  /// `firstRow` of the reference. Outputs that the reference does not have are passed over. Returns
  /// false, with a line in `error`, when shapes do not fit.
  bool add(const bluec_entry &entry, const bluec_step &step, const void *output, int64_t count,
           int64_t firstRow, std::string &error);

  /// In the order in which the layers ran first.
  const std::vector<LayerError> &all() const { return errors; }
  /// Null when there are none.
  const LayerError *worst() const;
  const LayerError *firstBeyond(double tolerance) const;

private:
  const ReferenceValues &reference;
  const ReferenceValues *floatReference;
  std::vector<LayerError> errors;
  llvm::StringMap<size_t> byName;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H
