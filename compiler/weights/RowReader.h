// The rows of one weight as floats, fast: what streams read. A weight may be transposed, sliced,
// reshaped and scaled on the way; see WeightReader.
#ifndef BLUEC_COMPILER_WEIGHTS_ROWREADER_H
#define BLUEC_COMPILER_WEIGHTS_ROWREADER_H

#include "compiler/weights/ElementView.h"
#include "compiler/weights/QuantizedRowReader.h"
#include "compiler/weights/WeightReader.h"

#include <memory>
#include <vector>

namespace bluec {

class RowReader {
public:
  /// For the weight that `source` is after `transforms`, which is of floats of up to 32 bits and of
  /// rank 1 or more. Valid as long as `reader` lives. Whatever can be wrong is said here.
  static mlir::FailureOr<RowReader> create(WeightReader &reader, blue::SourceAttr source,
                                           mlir::ArrayAttr transforms,
                                           WeightReader::EmitError emitError);

  int64_t rows() const { return type.getDimSize(0); }
  int64_t columns() const { return width; } // elements of a row

  /// Rows [begin, end), one behind the other, into `out`: bit for bit what WeightReader::readRows
  /// gives. Several threads may read at the same time.
  void read(int64_t begin, int64_t end, float *out) const;

  /// The same of a weight that is quantized in its file, as the integers that they are; see
  /// QuantizedRowReader. Null when the weight is none, or changes behind its dequantization.
  const QuantizedRowReader *integers() const { return quantized ? &*quantized : nullptr; }

  /// Lets the pages of the file that hold rows [begin, end) leave memory; all of them for a weight
  /// whose rows do not lie one behind the other, when `end` is the last row.
  void release(int64_t begin, int64_t end) const;

private:
  /// How rows lie in the file.
  enum class Order {
    Rows,      // one after the other
    Columns,   // element (i, j) at j * stride + i: a transposed matrix
    Quantized, // through QuantizedRowReader
    Product,   // of two others, a block of rows at a time
    Other      // through WeightReader
  };
  mlir::LogicalResult openProduct(WeightReader::EmitError emitError);
  void multiply(int64_t begin, int64_t end, float *out) const;
  template <typename Stored, typename Widen>
  void copyRows(int64_t begin, int64_t end, float *out, Widen widen) const;
  template <typename Stored, typename Widen>
  void copyColumns(int64_t begin, int64_t end, float *out, Widen widen) const;
  template <typename Stored, typename Widen>
  void copy(int64_t begin, int64_t end, float *out, Widen widen) const;

  WeightReader *reader = nullptr;
  blue::SourceAttr source;
  mlir::ArrayAttr transforms;
  mlir::RankedTensorType type; // after the transforms
  int64_t width = 0;
  Order order = Order::Other;
  llvm::ArrayRef<char> bytes; // of the source
  ElementView view;
  std::optional<QuantizedRowReader> quantized;
  std::shared_ptr<const RowReader> left, right; // of a product
};

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_ROWREADER_H
