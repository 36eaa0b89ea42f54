// A dense tensor in host memory: what the plain evaluators compute on.
#ifndef BLUEC_COMPILER_REFERENCE_TENSOR_H
#define BLUEC_COMPILER_REFERENCE_TENSOR_H

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace bluec::reference {

/// Element types as evaluators hold them. Half-precision floats are widened to F32 when a tensor is
/// read and rounded where an op's result type says so; integers of all widths are held as I64.
enum class ElementType { F32, F64, I64, Bool };

/// Row-major, dense. Exactly one of the element vectors is in use, as `type` says (F32: `f32`,
/// F64: `f64`, I64 and Bool: `i64`, Bool being 0 or 1). A rank-0 tensor has one element.
struct Tensor {
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::vector<float> f32;
  std::vector<double> f64;
  std::vector<int64_t> i64;

  static Tensor zeros(ElementType type, std::vector<int64_t> shape) {
    Tensor tensor;
    tensor.type = type;
    tensor.shape = std::move(shape);
    size_t count = static_cast<size_t>(tensor.numElements());
    if (type == ElementType::F32)
      tensor.f32.resize(count);
    else if (type == ElementType::F64)
      tensor.f64.resize(count);
    else
      tensor.i64.resize(count);
    return tensor;
  }
  static Tensor floats(std::vector<int64_t> shape, std::vector<float> values) {
    Tensor tensor;
    tensor.shape = std::move(shape);
    tensor.f32 = std::move(values);
    assert(tensor.numElements() == static_cast<int64_t>(tensor.f32.size()));
    return tensor;
  }
  static Tensor ints(std::vector<int64_t> shape, std::vector<int64_t> values) {
    Tensor tensor;
    tensor.type = ElementType::I64;
    tensor.shape = std::move(shape);
    tensor.i64 = std::move(values);
    assert(tensor.numElements() == static_cast<int64_t>(tensor.i64.size()));
    return tensor;
  }

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t numElements() const {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  }
  bool isFloat() const { return type == ElementType::F32 || type == ElementType::F64; }
  /// Element i in row-major order, whatever the type.
  double number(int64_t i) const {
    size_t at = static_cast<size_t>(i);
    if (type == ElementType::F32)
      return f32[at];
    if (type == ElementType::F64)
      return f64[at];
    return static_cast<double>(i64[at]);
  }
};

} // namespace bluec::reference

#endif // BLUEC_COMPILER_REFERENCE_TENSOR_H
