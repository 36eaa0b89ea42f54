#include "compiler/reference/onnx/Support.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace bluec::reference {

FailureOr<int64_t> countElements(Operation *op, ArrayRef<int64_t> shape,
                                 const EvaluationLimits &limits) {
  int64_t count = 1;
  for (int64_t dim : shape) {
    if (dim < 0)
      return fault(op) << "expected dims of at least 0, found " << dim;
    if (llvm::MulOverflow(count, dim, count))
      return fault(op) << "expected a shape whose elements can be counted";
  }
  if (count > limits.maxElements)
    return fault(op) << "expected at most " << limits.maxElements << " elements, found " << count;
  return count;
}

FailureOr<Tensor> make(Operation *op, ElementType type, Shape shape,
                       const EvaluationLimits &limits) {
  if (failed(countElements(op, shape, limits)))
    return failure();
  return Tensor::zeros(type, std::move(shape));
}

LogicalResult spendProducts(Operation *op, ArrayRef<int64_t> factors,
                            const EvaluationLimits &limits, int64_t otherwise) {
  int64_t count = 1;
  bool isHuge = false;
  for (int64_t factor : factors)
    isHuge |= llvm::MulOverflow(count, factor, count);
  const int64_t left = limits.products ? *limits.products : otherwise;
  if (isHuge || count > left)
    return fault(op) << "expected at most " << left << " products, found "
                     << (isHuge ? "more than can be counted" : std::to_string(count));
  if (limits.products)
    *limits.products -= count;
  return success();
}

Shape stridesOf(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

FailureOr<Shape> broadcastShapes(Operation *op, ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape shape(a);
  size_t shift = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t &dim = shape[i + shift];
    if (dim == 1)
      dim = b[i];
    else if (b[i] != 1 && b[i] != dim)
      return fault(op) << "expected shapes that broadcast, found dims " << dim << " and " << b[i];
  }
  return shape;
}

Shape broadcastStrides(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  Shape strides(to.size(), 0), own = stridesOf(from);
  size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i)
    strides[i + shift] = from[i] == 1 ? 0 : own[i];
  return strides;
}

FailureOr<Tensor> takeStrided(Operation *op, const Tensor &in, Shape shape, const Shape &strides,
                              int64_t offset, const EvaluationLimits &limits) {
  FailureOr<Tensor> out = make(op, in.type, shape, limits);
  if (failed(out))
    return failure();
  withElements(*out, in, [&](auto &to, const auto &from) {
    forEachIndex<1>(shape, {strides}, [&](int64_t i, const std::array<int64_t, 1> &at) {
      to[static_cast<size_t>(i)] = from[static_cast<size_t>(offset + at[0])];
    });
  });
  return out;
}

FailureOr<int64_t> axisOf(Operation *op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return fault(op) << "expected an axis in [" << -rank << ", " << rank << "), found " << axis;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<ArrayRef<int64_t>> integersOf(Operation *op, const Tensor &tensor) {
  if (tensor.isFloat() || tensor.rank() > 1)
    return fault(op) << "expected a vector of integers, found rank " << tensor.rank();
  return ArrayRef<int64_t>(tensor.i64);
}

} // namespace bluec::reference
