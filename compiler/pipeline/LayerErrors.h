// Compares what a bundle's steps made with the reference, layer by layer.
#ifndef BLUEC_COMPILER_PIPELINE_LAYERERRORS_H
#define BLUEC_COMPILER_PIPELINE_LAYERERRORS_H

#include "compiler/reference/Tensor.h"
#include "runtime/abi/bluec_abi.h"

#include "llvm/ADT/StringMap.h"

#include <memory>
#include <string>
#include <vector>

namespace bluec {

/// Values of layers by name, as the plain evaluators computed them. First dims are rows.
using ReferenceValues = llvm::StringMap<std::shared_ptr<const reference::Tensor>>;

struct LayerError {
  std::string entry, layer;
  double largestDifference = 0; // max |found - expected|
  double largestExpected = 0;   // max |expected|
  bool notFinite = false;       // found an infinity or a NaN

  /// Infinite when something was not finite; the difference itself where all is expected to be 0.
  double relative() const;
};

class LayerErrors {
public:
  explicit LayerErrors(const ReferenceValues &reference) : reference(reference) {}

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
  std::vector<LayerError> errors;
  llvm::StringMap<size_t> byName;
};

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_LAYERERRORS_H
