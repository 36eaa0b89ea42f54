// How far what a bundle's steps made is from the reference, layer by layer.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H
#define BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H

#include "compiler/driver/verify/LayerRecord.h"
#include "compiler/reference/Tensor.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>
#include <vector>

namespace bluec {

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

/// One layer of one entry point. The error of a layer is that of its worst row: max |found -
/// expected| over the largest |expected| of the row, or over that of the layer's middle row where
/// that is more (a row that happens to be small is as wrong as its neighbours). Infinite when
/// something is not finite.
struct LayerError {
  std::string entry, layer;
  std::string step; ///< of the bundle: the layer at its root
  /// From what the reference computes of the values that the bundle has in front of the layer.
  double own = 0;
  double limit = 0; ///< of `own`
  /// From what the reference computes of the first input on: errors of all layers before add up.
  double accumulated = 0;
  Deviation deviation;                ///< along with `accumulated`
  std::optional<Deviation> fromFloat; ///< from the float reference, where there is one

  bool isWrong() const { return !(own <= limit); }
};

/// Of the layers of a record, one for each of its sources.
class LayerErrors {
public:
  /// The record must outlive what follows, up to the next record.
  void begin(const LayerRecord &record);
  /// The reference's value of a layer of the record, computed from the record's own values, and
  /// what its error may be. `least`: what a row counts as at least. False, with a line in `error`,
  /// when its shape is another one; likewise the others.
  bool addOwn(const LayerRecord::Layer &found, const reference::Tensor &expected, double limit,
              double least, std::string &error);
  /// That of the whole chain. Where the layer is integers of a step, rows count as `least` at
  /// least.
  bool addAccumulated(const LayerRecord::Layer &found, const reference::Tensor &expected,
                      double least, std::string &error);
  /// The float model's. Another shape is no error: such layers are not compared.
  void addFloat(const LayerRecord::Layer &found, const reference::Tensor &expected);
  /// For a record with the values of the one before: what was said of that holds for its entries.
  void repeat(const LayerRecord &record);

  /// In the order in which the layers ran first.
  const std::vector<LayerError> &all() const { return errors; }
  /// The one whose own error is nearest to its limit, or furthest beyond it; null when there are
  /// none.
  const LayerError *worst() const;
  /// In the order of `all`.
  std::vector<const LayerError *> wrong() const;

private:
  bool fits(const LayerRecord::Layer &found, const reference::Tensor &expected,
            std::string &error) const;
  /// The errors of a layer of the record, by its entry.
  void forEach(const LayerRecord::Layer &found,
               llvm::function_ref<void(LayerError &error, int entry)> body);

  const LayerRecord *record = nullptr;
  size_t first = 0; // error of the record
  std::vector<LayerError> errors;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_LAYERERRORS_H
