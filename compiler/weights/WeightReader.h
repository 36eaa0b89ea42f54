// Reads the elements behind a weight: a source (file, offset, type) and the transforms on it.
#ifndef BLUEC_COMPILER_WEIGHTS_WEIGHTREADER_H
#define BLUEC_COMPILER_WEIGHTS_WEIGHTREADER_H

#include "compiler/base/ModelFiles.h"
#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/weights/ElementView.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Support/LLVM.h"

#include <optional>
#include <string>

namespace bluec {
namespace quantize {
class Statistics;
} // namespace quantize

/// Where the elements of `view` are after a transform that moves elements (the same view for one
/// that changes their values). The transform fits the view's shape; a reshape asks for a row-major
/// view. nullopt for other attributes.
std::optional<ElementView> movedView(const ElementView &view, mlir::Attribute transform);

/// The number of the last transform that takes another weight (#blue.multiply, #blue.add), nullopt
/// when there is none.
std::optional<size_t> lastJoin(llvm::ArrayRef<mlir::Attribute> transforms);

/// Files are mapped at first use and stay mapped as long as the reader lives. May be used by
/// several threads.
class WeightReader : public reference::WeightValues {
public:
  using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

  /// `directory` is the one that sources' file names are relative to.
  explicit WeightReader(std::string directory) : files(std::move(directory)) {}

  /// The files that weights are read from.
  ModelFiles &modelFiles() { return files; }

  /// The raw bytes of a source, row-major as in the file. Valid as long as the reader lives.
  /// An error when the file cannot be mapped or is too short.
  mlir::FailureOr<llvm::ArrayRef<char>> bytes(blue::SourceAttr source, EmitError emitError);

  /// The whole weight after its transforms: F32 for floats of up to 32 bits, F64, I64, Bool.
  /// Scales and offsets are computed in double and rounded to the weight's element type.
  mlir::FailureOr<reference::Tensor> read(blue::SourceAttr source, mlir::ArrayAttr transforms,
                                          EmitError emitError);

  /// Rows [begin, end) of the first dim of the weight after its transforms. Transposes and slices
  /// read only what the rows need; a reshape of transposed data materialises the weight up to it.
  mlir::FailureOr<reference::Tensor> readRows(blue::SourceAttr source, mlir::ArrayAttr transforms,
                                              int64_t begin, int64_t end, EmitError emitError);

  /// The floats of a weight that is quantized are those that its integers stand for.
  mlir::FailureOr<reference::Tensor> valuesOf(mlir::Operation *weight) override;

  /// What a calibration run saw, for weights by GPTQ; null without one. Not owned.
  quantize::Statistics *statistics = nullptr;

private:
  mlir::FailureOr<reference::Tensor> readJoined(blue::SourceAttr source,
                                                llvm::ArrayRef<mlir::Attribute> transforms,
                                                size_t join, int64_t begin, int64_t end,
                                                EmitError emitError);
  mlir::FailureOr<reference::Tensor> readQuantized(blue::SourceAttr source,
                                                   llvm::ArrayRef<mlir::Attribute> transforms,
                                                   int64_t begin, int64_t end, EmitError emitError);

  ModelFiles files;
};

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_WEIGHTREADER_H
