// Weights that are quantized in their file: where the scale of each element is, and in which type
// their integers can stay.
#ifndef BLUEC_COMPILER_DIALECT_BLUE_QUANTIZEDWEIGHT_H
#define BLUEC_COMPILER_DIALECT_BLUE_QUANTIZEDWEIGHT_H

#include "compiler/dialect/blue/Blue.h"

namespace bluec::blue {

/// True when one of `transforms` is a #blue.dequantize.
bool isQuantizedInFile(llvm::ArrayRef<mlir::Attribute> transforms);

/// Where the elements of a quantized weight are after transforms that move them, and their scales
/// and zeros with them. Of element [i, j, ...]
/// - the integer is at offset + i * dims[0].step + ...
/// - the scale is at scaleOffset + (dims[0].begin + i) / dims[0].block * dims[0].scaleStep + ...
/// - the zero likewise;
/// all are counted in elements of the respective source.
struct QuantizedPlaces {
  struct Dim {
    int64_t extent, step;
    int64_t begin = 0, block = 1;
    int64_t scaleStep = 0, zeroStep = 0;
    /// All elements along this dim share scale and zero.
    bool isConstant() const { return scaleStep == 0 && zeroStep == 0; }
  };
  llvm::SmallVector<Dim> dims;
  int64_t offset = 0, scaleOffset = 0, zeroOffset = 0;
  DequantizeAttr dequantize;
  mlir::Type elementType; ///< after the transforms that were taken
  size_t numTaken = 0;

  /// Takes transforms from the front as long as they only move elements, dequantize, and widen to
  /// f32. Nothing when no #blue.dequantize is among them. The transforms fit the source's type.
  static std::optional<QuantizedPlaces> of(SourceAttr source,
                                           llvm::ArrayRef<mlir::Attribute> transforms);

private:
  bool take(mlir::Attribute transform);
  void takeDequantize(DequantizeAttr attr);
  bool takeReshape(llvm::ArrayRef<int64_t> shape);
};

/// The type that rows of a weight have in its file: integers, scales and zeros as they are, so that
/// `#blue.quantize<type, keep>` changes no value. `transforms` end in f32 rows [..., K]. Null for a
/// weight that is not quantized in its file, and for an arrangement that has no such type: scales
/// that change from column to column, or values that change after the #blue.dequantize.
QuantizedType keptType(SourceAttr source, llvm::ArrayRef<mlir::Attribute> transforms);

} // namespace bluec::blue

#endif // BLUEC_COMPILER_DIALECT_BLUE_QUANTIZEDWEIGHT_H
