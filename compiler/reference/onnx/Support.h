// What the plain evaluators of the onnx dialect share.
#ifndef BLUEC_COMPILER_REFERENCE_ONNX_SUPPORT_H
#define BLUEC_COMPILER_REFERENCE_ONNX_SUPPORT_H

#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/reference/Evaluator.h"

#include "mlir/IR/Diagnostics.h"

#include <array>
#include <limits>

namespace bluec::reference {

using Results = mlir::FailureOr<mlir::SmallVector<Tensor>>;
using Operands = mlir::ArrayRef<const Tensor *>;
using Shape = std::vector<int64_t>;

// Each family of ops adds its evaluators.
void addElementwiseEvaluators(EvaluatorTable &table);
void addProductEvaluators(EvaluatorTable &table);
void addQuantizationEvaluators(EvaluatorTable &table);
void addExpertEvaluators(EvaluatorTable &table);
void addConvolutionEvaluators(EvaluatorTable &table);
void addResizeEvaluators(EvaluatorTable &table);
void addMovementEvaluators(EvaluatorTable &table);
void addIndexingEvaluators(EvaluatorTable &table);
void addReductionEvaluators(EvaluatorTable &table);
void addNormalizationEvaluators(EvaluatorTable &table);
void addAttentionEvaluators(EvaluatorTable &table);

inline Results one(Tensor tensor) {
  mlir::SmallVector<Tensor> results;
  results.push_back(std::move(tensor));
  return results;
}
/// What stands for a result of type none.
inline Tensor noTensor() { return Tensor::floats({0}, {}); }

/// An error at the node, to which the caller adds what was expected and found.
inline mlir::InFlightDiagnostic fault(mlir::Operation *op) {
  return op->emitError() << op->getName().stripDialect() << ": ";
}

/// True when operand i is there.
inline bool has(Operands operands, size_t i) { return i < operands.size() && operands[i]; }

/// The product of dims, or failure with an error at the node when it is beyond the limits.
mlir::FailureOr<int64_t> countElements(mlir::Operation *op, mlir::ArrayRef<int64_t> shape,
                                       const EvaluationLimits &limits);
/// Zeros of this shape, within the limits.
mlir::FailureOr<Tensor> make(mlir::Operation *op, ElementType type, Shape shape,
                             const EvaluationLimits &limits);

/// Takes the product of `factors` off the products that may still be made; failure with an error at
/// the node when there are fewer, or none may be made beyond `otherwise` where nobody counts.
mlir::LogicalResult spendProducts(mlir::Operation *op, mlir::ArrayRef<int64_t> factors,
                                  const EvaluationLimits &limits,
                                  int64_t otherwise = std::numeric_limits<int64_t>::max());

/// Row-major strides in elements.
Shape stridesOf(mlir::ArrayRef<int64_t> shape);

/// The shape that a and b broadcast to; failure with an error at the node.
mlir::FailureOr<Shape> broadcastShapes(mlir::Operation *op, mlir::ArrayRef<int64_t> a,
                                       mlir::ArrayRef<int64_t> b);
/// Strides by which a tensor of shape `from` is read in the order of `to`, to which it broadcasts.
Shape broadcastStrides(mlir::ArrayRef<int64_t> from, mlir::ArrayRef<int64_t> to);

/// Calls visit(i, offsets) for every element i of `shape` in row-major order; offsets[k] advances
/// by strides[k].
template <size_t N, typename Visit>
void forEachIndex(mlir::ArrayRef<int64_t> shape, const std::array<Shape, N> &strides, Visit visit) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  std::array<int64_t, N> offsets{};
  mlir::SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    visit(i, offsets);
    for (size_t dim = shape.size(); dim-- > 0;) {
      for (size_t k = 0; k < N; ++k)
        offsets[k] += strides[k][dim];
      if (++index[dim] < shape[dim])
        break;
      for (size_t k = 0; k < N; ++k)
        offsets[k] -= strides[k][dim] * shape[dim];
      index[dim] = 0;
    }
  }
}

/// Calls function(outElements, inElements) with the vectors that are in use; both tensors are of
/// one type.
template <typename Function> void withElements(Tensor &out, const Tensor &in, Function function) {
  if (out.type == ElementType::F32)
    function(out.f32, in.f32);
  else if (out.type == ElementType::F64)
    function(out.f64, in.f64);
  else
    function(out.i64, in.i64);
}

/// Sets element i of a float tensor.
inline void setFloat(Tensor &tensor, int64_t i, double value) {
  if (tensor.type == ElementType::F32)
    tensor.f32[static_cast<size_t>(i)] = static_cast<float>(value);
  else
    tensor.f64[static_cast<size_t>(i)] = value;
}

/// A tensor with elements of `in` at offset + index * strides.
mlir::FailureOr<Tensor> takeStrided(mlir::Operation *op, const Tensor &in, Shape shape,
                                    const Shape &strides, int64_t offset,
                                    const EvaluationLimits &limits);

/// `axis` in [0, rank), or failure with an error at the node.
mlir::FailureOr<int64_t> axisOf(mlir::Operation *op, int64_t axis, int64_t rank);
/// The integers of a tensor of rank 0 or 1.
mlir::FailureOr<mlir::ArrayRef<int64_t>> integersOf(mlir::Operation *op, const Tensor &tensor);

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_ONNX_SUPPORT_H
