#include "compiler/weights/ConstantTransforms.h"

#include "compiler/dialect/blue/Blue.h"
#include "compiler/reference/Rounding.h"
#include "compiler/reference/blue/BlueEvaluators.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec;
using reference::Tensor;

namespace {

/// Elements between neighbours in each dim.
std::vector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i)
    strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

/// Elements of a box of `shape`, whose element [i...] is at origin + sum of i * stride.
Tensor gather(const Tensor &from, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides,
              int64_t origin) {
  Tensor to = Tensor::zeros(reference::ElementType::F32, {shape.begin(), shape.end()});
  std::vector<int64_t> index(shape.size(), 0);
  for (float &element : to.f32) {
    int64_t at = origin;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      at += index[dim] * strides[dim];
    element = from.f32[static_cast<size_t>(at)];
    for (size_t dim = shape.size(); dim-- > 0 && ++index[dim] == shape[dim];)
      index[dim] = 0;
  }
  return to;
}

Tensor transpose(const Tensor &from, ArrayRef<int64_t> permutation) {
  std::vector<int64_t> strides = stridesOf(from.shape);
  SmallVector<int64_t> shape, toStrides;
  for (int64_t source : permutation) {
    shape.push_back(from.shape[static_cast<size_t>(source)]);
    toStrides.push_back(strides[static_cast<size_t>(source)]);
  }
  return gather(from, shape, toStrides, 0);
}

Tensor slice(const Tensor &from, blue::SliceAttr slice) {
  std::vector<int64_t> strides = stridesOf(from.shape);
  std::vector<int64_t> shape = from.shape;
  size_t axis = static_cast<size_t>(slice.getAxis());
  shape[axis] = slice.getEnd() - slice.getBegin();
  return gather(from, shape, strides, slice.getBegin() * strides[axis]);
}

bool isNarrowFloat(RankedTensorType type) {
  auto element = dyn_cast<FloatType>(type.getElementType());
  return element && element.getWidth() <= 32;
}

/// `transform` has been checked to accept the tensor's type. A reshape or a conversion leaves the
/// elements as they are; the caller sets the new shape and rounds.
void apply(Tensor &tensor, Attribute transform) {
  TypeSwitch<Attribute>(transform)
      .Case([&](blue::TransposeAttr attr) { tensor = transpose(tensor, attr.getPermutation()); })
      .Case([&](blue::SliceAttr attr) { tensor = slice(tensor, attr); })
      .Case([&](blue::ScaleAttr attr) {
        float factor = static_cast<float>(attr.getFactor().getValueAsDouble());
        for (float &element : tensor.f32)
          element *= factor;
      })
      .Case([&](blue::OffsetAttr attr) {
        float addend = static_cast<float>(attr.getAddend().getValueAsDouble());
        for (float &element : tensor.f32)
          element += addend;
      });
}

} // namespace

FailureOr<Tensor> bluec::transformConstant(ElementsAttr value, ArrayAttr transforms,
                                           Location location) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isNarrowFloat(type))
    return emitError(location) << "expected a constant of floats of up to 32 bits, found "
                               << value.getType(),
           failure();
  FailureOr<Tensor> tensor = reference::tensorFromElements(location, value);
  if (failed(tensor))
    return failure();
  for (Attribute transform : transforms) {
    FailureOr<RankedTensorType> next =
        blue::inferTransformedType(type, transform, [&] { return emitError(location); });
    if (failed(next))
      return failure();
    if (isa<blue::MultiplyAttr, blue::AddAttr>(transform))
      return emitError(location) << "expected a constant that needs no other weight, found "
                                 << transform,
             failure();
    if (!isNarrowFloat(*next))
      return emitError(location) << "expected a constant that stays of floats, found " << *next,
             failure();
    type = *next;
    apply(*tensor, transform);
    reference::roundTo(*tensor, type.getElementType());
    tensor->shape.assign(type.getShape().begin(), type.getShape().end());
  }
  return tensor;
}
