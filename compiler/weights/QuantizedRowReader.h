// The rows of one weight that is quantized in its file: as floats, or as the integers, scales and
// zeros that they are.
#ifndef BLUEC_COMPILER_WEIGHTS_QUANTIZEDROWREADER_H
#define BLUEC_COMPILER_WEIGHTS_QUANTIZEDROWREADER_H

#include "compiler/dialect/blue/QuantizedWeight.h"
#include "compiler/weights/WeightReader.h"
#include "compiler/weights/quantize/Quantize.h"

#include <vector>

namespace bluec {

class QuantizedRowReader {
public:
  /// For the weight that `source` is after those of `transforms` that QuantizedPlaces takes; one of
  /// them is a #blue.dequantize, and they fit the source's type. Scales and zeros are read here;
  /// scales that are not finite are an error. Valid as long as `reader` lives.
  static mlir::FailureOr<QuantizedRowReader> create(WeightReader &reader, blue::SourceAttr source,
                                                    llvm::ArrayRef<mlir::Attribute> transforms,
                                                    WeightReader::EmitError emitError);

  /// How many of the transforms were taken, and the shape after them.
  size_t numTaken() const { return places.numTaken; }
  llvm::SmallVector<int64_t> shape() const;

  /// Rows [begin, end) of the first dim as floats, one behind the other.
  void readFloats(int64_t begin, int64_t end, float *out) const;

  /// Rows [begin, end) of a matrix whose kept type (blue::keptType) has this format: integers and
  /// zeros without their offset (-2^(bits - 1) .. 2^(bits - 1) - 1), one scale a group.
  void readIntegers(const quantize::Format &format, int64_t begin, int64_t end,
                    quantize::Rows &out) const;

private:
  int integerAt(int64_t position) const;
  /// Calls visit(position, scale, zero, count, step) for stretches of elements, in order, that
  /// share scale and zero.
  template <typename Visit> void forEachStretch(int64_t begin, int64_t end, Visit visit) const;

  blue::QuantizedPlaces places;
  int64_t bits = 8;
  bool isUnsigned = false;
  llvm::ArrayRef<char> bytes; // of the elements
  std::vector<float> scales;
  std::vector<int8_t> zeros; // empty: all are `zero`
  int8_t zero = 0;
};

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_QUANTIZEDROWREADER_H
