#include "compiler/weights/WeightReader.h"

#include "compiler/dialect/blue/QuantizedWeight.h"
#include "compiler/dialect/onnx/Onnx.h"
#include "compiler/reference/Rounding.h"
#include "compiler/weights/MatrixProduct.h"
#include "compiler/weights/QuantizedRowReader.h"
#include "compiler/weights/quantize/Statistics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace bluec;
using reference::ElementType;
using reference::Tensor;

namespace {

template <typename Stored> Stored load(ArrayRef<char> bytes, int64_t i) {
  Stored value;
  std::memcpy(&value, bytes.data() + static_cast<size_t>(i) * sizeof(Stored), sizeof(Stored));
  return value;
}

template <typename Stored, typename Element, typename Convert>
void gather(const ElementView &view, ArrayRef<char> bytes, std::vector<Element> &out,
            Convert convert) {
  out.clear();
  out.reserve(static_cast<size_t>(view.numElements()));
  view.forEach([&](int64_t at) { out.push_back(convert(load<Stored>(bytes, at))); });
}

template <typename Stored>
void gatherIntegers(const ElementView &view, ArrayRef<char> bytes, Tensor &out) {
  gather<Stored>(view, bytes, out.i64, [](Stored value) { return static_cast<int64_t>(value); });
}

// Two in a byte, the first one in its low half.
uint8_t nibbleAt(ArrayRef<char> bytes, int64_t i) {
  auto byte = static_cast<uint8_t>(bytes[static_cast<size_t>(i / 2)]);
  return i % 2 == 0 ? byte & 15 : byte >> 4;
}

// The elements of a view on the bytes of a source; false for element types without a decoder.
bool decode(Type elementType, const ElementView &view, ArrayRef<char> bytes, Tensor &out) {
  std::optional<ElementType> type = reference::elementTypeFor(elementType);
  if (!type)
    return false;
  out.type = *type;
  out.shape.assign(view.shape.begin(), view.shape.end());
  if (elementType.isF32()) {
    gather<float>(view, bytes, out.f32, [](float value) { return value; });
  } else if (elementType.isF16()) {
    gather<uint16_t>(view, bytes, out.f32, reference::halfToFloat);
  } else if (elementType.isBF16()) {
    gather<uint16_t>(view, bytes, out.f32, reference::bfloat16ToFloat);
  } else if (elementType.isF64()) {
    gather<double>(view, bytes, out.f64, [](double value) { return value; });
  } else if (elementType.isInteger(1)) {
    gather<uint8_t>(view, bytes, out.i64, [](uint8_t value) { return int64_t{value != 0}; });
  } else {
    auto integer = dyn_cast<IntegerType>(elementType);
    if (!integer)
      return false;
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 4:
      view.forEach([&](int64_t at) {
        int64_t nibble = nibbleAt(bytes, at);
        out.i64.push_back(isUnsigned || nibble < 8 ? nibble : nibble - 16);
      });
      break;
    case 8:
      isUnsigned ? gatherIntegers<uint8_t>(view, bytes, out)
                 : gatherIntegers<int8_t>(view, bytes, out);
      break;
    case 16:
      isUnsigned ? gatherIntegers<uint16_t>(view, bytes, out)
                 : gatherIntegers<int16_t>(view, bytes, out);
      break;
    case 32:
      isUnsigned ? gatherIntegers<uint32_t>(view, bytes, out)
                 : gatherIntegers<int32_t>(view, bytes, out);
      break;
    case 64:
      gatherIntegers<int64_t>(view, bytes, out);
      break;
    default:
      return false;
    }
  }
  return true;
}

bool isNibble(Type type) { return type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 4; }

// Bytes of one element in a file; booleans take a whole one, 4-bit integers too here.
int64_t elementBytes(Type type) {
  return type.isIntOrFloat() ? (type.getIntOrFloatBitWidth() + 7) / 8 : 0;
}

// The bytes of a view, as a row-major buffer of their own.
std::vector<char> materialize(const ElementView &view, ArrayRef<char> bytes, Type type) {
  std::vector<char> out;
  if (isNibble(type)) {
    bool isLow = true;
    view.forEach([&](int64_t at) {
      auto nibble = static_cast<char>(nibbleAt(bytes, at));
      if (isLow)
        out.push_back(nibble);
      else
        out.back() = static_cast<char>(out.back() | nibble << 4);
      isLow = !isLow;
    });
    return out;
  }
  int64_t bytesEach = elementBytes(type);
  out.reserve(static_cast<size_t>(view.numElements() * bytesEach));
  view.forEach([&](int64_t at) {
    const char *element = bytes.data() + at * bytesEach;
    out.insert(out.end(), element, element + bytesEach);
  });
  return out;
}

template <typename Function> void forEachNumber(Tensor &tensor, Function function) {
  for (float &value : tensor.f32)
    value = static_cast<float>(function(static_cast<double>(value)));
  for (double &value : tensor.f64)
    value = function(value);
}

// Converts to the kind of tensor that holds `type`. Floats become integers by truncation.
void convertTo(Tensor &tensor, Type type) {
  std::optional<ElementType> wanted = reference::elementTypeFor(type);
  if (!wanted)
    return;
  if (*wanted != tensor.type) {
    Tensor out = Tensor::zeros(*wanted, tensor.shape);
    int64_t count = tensor.numElements();
    for (int64_t i = 0; i < count; ++i) {
      auto at = static_cast<size_t>(i);
      double value = tensor.number(i);
      if (*wanted == ElementType::F32)
        out.f32[at] = static_cast<float>(value);
      else if (*wanted == ElementType::F64)
        out.f64[at] = value;
      else if (*wanted == ElementType::Bool)
        out.i64[at] = value != 0;
      else if (!tensor.isFloat())
        out.i64[at] = tensor.i64[at];
      else // clamped: the conversion of anything larger is undefined
        out.i64[at] = value != value ? 0 : static_cast<int64_t>(std::clamp(value, -9.2e18, 9.2e18));
    }
    tensor = std::move(out);
  }
  reference::roundTo(tensor, type);
}

} // namespace

std::optional<ElementView> bluec::movedView(const ElementView &view, Attribute transform) {
  ElementView moved = view;
  if (auto transpose = dyn_cast<blue::TransposeAttr>(transform)) {
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation())) {
      moved.shape[i] = view.shape[static_cast<size_t>(from)];
      moved.strides[i] = view.strides[static_cast<size_t>(from)];
    }
  } else if (auto slice = dyn_cast<blue::SliceAttr>(transform)) {
    auto axis = static_cast<size_t>(slice.getAxis());
    moved.offset += slice.getBegin() * view.strides[axis];
    moved.shape[axis] = slice.getEnd() - slice.getBegin();
  } else if (auto reshape = dyn_cast<blue::ReshapeAttr>(transform)) {
    assert(view.isRowMajor() && "other orders have no strides under another shape");
    moved = ElementView::rowMajor(reshape.getShape());
    moved.offset = view.offset;
  } else if (!isa<blue::ConvertAttr, blue::ScaleAttr, blue::OffsetAttr>(transform)) {
    return std::nullopt;
  }
  return moved;
}

FailureOr<ArrayRef<char>> WeightReader::bytes(blue::SourceAttr source, EmitError emitError) {
  RankedTensorType type = source.getType();
  int64_t size = elementBytes(type.getElementType());
  for (int64_t dim : type.getShape())
    if (dim < 0 || llvm::MulOverflow(size, dim, size))
      return emitError() << "expected a source of static shape, found " << type;
  if (isNibble(type.getElementType()))
    size = size / 2 + size % 2;
  llvm::Expected<ArrayRef<char>> all = files.bytes(source.getFile());
  if (!all)
    return emitError() << "weights in \"" << source.getFile()
                       << "\": " << llvm::toString(all.takeError());
  int64_t offset = source.getOffset();
  if (offset < 0 || offset > static_cast<int64_t>(all->size()) ||
      size > static_cast<int64_t>(all->size()) - offset)
    return emitError() << "weights in \"" << source.getFile() << "\": expected " << size
                       << " bytes at " << offset << ", found a file of " << all->size();
  return all->slice(static_cast<size_t>(offset), static_cast<size_t>(size));
}

FailureOr<Tensor> WeightReader::read(blue::SourceAttr source, ArrayAttr transforms,
                                     EmitError emitError) {
  return readRows(source, transforms, 0, -1, emitError);
}

// Rows [begin, end) of what `transforms` make of row-major elements of `type`; all when `end` is
// negative.
static FailureOr<Tensor> transformRows(RankedTensorType type, ArrayRef<char> data,
                                       ArrayRef<Attribute> transforms, int64_t begin, int64_t end,
                                       WeightReader::EmitError emitError) {
  std::vector<char> own; // what a reshape made
  RankedTensorType typeBefore = type;
  Type stored = type.getElementType();
  ElementView view = ElementView::rowMajor(type.getShape());
  // Those that move elements first: what changes their values does not depend on where they are.
  for (Attribute transform : transforms) {
    FailureOr<RankedTensorType> next = blue::inferTransformedType(type, transform, emitError);
    if (failed(next))
      return failure();
    if (isa<blue::ReshapeAttr>(transform) && !view.isRowMajor()) {
      own = materialize(view, data, stored);
      data = own;
      view = ElementView::rowMajor(view.shape);
    }
    std::optional<ElementView> moved = movedView(view, transform);
    if (!moved)
      return emitError() << "expected a transform of elements, found " << transform;
    view = *moved;
    type = *next;
  }
  if (end >= 0) {
    if (view.shape.empty() || begin < 0 || begin > end || end > view.shape.front())
      return emitError() << "expected rows within the weight's, found " << begin << " to " << end;
    view.offset += begin * view.strides.front();
    view.shape.front() = end - begin;
  }
  Tensor tensor;
  if (!decode(stored, view, data, tensor))
    return emitError() << "expected a weight of numbers, found " << typeBefore;
  Type current = stored;
  for (Attribute transform : transforms) {
    if (auto convert = dyn_cast<blue::ConvertAttr>(transform)) {
      current = convert.getElementType();
      convertTo(tensor, current);
    } else if (auto scale = dyn_cast<blue::ScaleAttr>(transform)) {
      double factor = scale.getFactor().getValueAsDouble();
      forEachNumber(tensor, [&](double value) { return value * factor; });
      reference::roundTo(tensor, current);
    } else if (auto offset = dyn_cast<blue::OffsetAttr>(transform)) {
      double addend = offset.getAddend().getValueAsDouble();
      forEachNumber(tensor, [&](double value) { return value + addend; });
      reference::roundTo(tensor, current);
    }
  }
  return tensor;
}

FailureOr<Tensor> WeightReader::readRows(blue::SourceAttr source, ArrayAttr transforms,
                                         int64_t begin, int64_t end, EmitError emitError) {
  if (std::optional<size_t> join = lastJoin(transforms.getValue()))
    return readJoined(source, transforms.getValue(), *join, begin, end, emitError);
  if (blue::isQuantizedInFile(transforms.getValue()))
    return readQuantized(source, transforms.getValue(), begin, end, emitError);
  FailureOr<ArrayRef<char>> raw = bytes(source, emitError);
  if (failed(raw))
    return failure();
  return transformRows(source.getType(), *raw, transforms.getValue(), begin, end, emitError);
}

std::optional<size_t> bluec::lastJoin(ArrayRef<Attribute> transforms) {
  for (size_t i = transforms.size(); i-- > 0;)
    if (isa<blue::MultiplyAttr, blue::AddAttr>(transforms[i]))
      return i;
  return std::nullopt;
}

FailureOr<Tensor> WeightReader::readJoined(blue::SourceAttr source, ArrayRef<Attribute> transforms,
                                           size_t join, int64_t begin, int64_t end,
                                           EmitError emitError) {
  RankedTensorType type = source.getType(), joined;
  for (auto [i, transform] : llvm::enumerate(transforms)) {
    FailureOr<RankedTensorType> next = blue::inferTransformedType(type, transform, emitError);
    if (failed(next))
      return failure();
    type = *next;
    if (i == join)
      joined = type;
  }
  auto before = ArrayAttr::get(source.getContext(), transforms.take_front(join));
  ArrayRef<Attribute> behind = transforms.drop_front(join + 1);
  // Only the rows that are asked for, when no later transform moves them.
  int64_t first = behind.empty() ? begin : 0, last = behind.empty() ? end : -1;
  Tensor result;
  if (auto multiply = dyn_cast<blue::MultiplyAttr>(transforms[join])) {
    FailureOr<Tensor> left =
        readRows(multiply.getSource(), multiply.getTransforms(), first, last, emitError);
    FailureOr<Tensor> right = failed(left) ? left : read(source, before, emitError);
    if (failed(right))
      return failure();
    int64_t width = right->shape[1];
    result = Tensor::zeros(ElementType::F32, {left->shape[0], width});
    multiplyMatrices(
        left->f32.data(), left->shape[0], left->shape[1], width,
        [&](int64_t from, int64_t to, float *out) {
          std::copy(right->f32.begin() + from * width, right->f32.begin() + to * width, out);
        },
        result.f32.data());
  } else {
    auto add = cast<blue::AddAttr>(transforms[join]);
    FailureOr<Tensor> other =
        readRows(add.getSource(), add.getTransforms(), first, last, emitError);
    FailureOr<Tensor> own =
        failed(other) ? other : readRows(source, before, first, last, emitError);
    if (failed(own))
      return failure();
    result = std::move(*own);
    for (auto [value, addend] : llvm::zip_equal(result.f32, other->f32))
      value += addend;
  }
  if (behind.empty())
    return result;
  ArrayRef<char> own(reinterpret_cast<const char *>(result.f32.data()),
                     result.f32.size() * sizeof(float));
  return transformRows(joined, own, behind, begin, end, emitError);
}

FailureOr<Tensor> WeightReader::readQuantized(blue::SourceAttr source,
                                              ArrayRef<Attribute> transforms, int64_t begin,
                                              int64_t end, EmitError emitError) {
  RankedTensorType type = source.getType();
  for (Attribute transform : transforms) {
    FailureOr<RankedTensorType> next = blue::inferTransformedType(type, transform, emitError);
    if (failed(next))
      return failure();
    type = *next;
  }
  FailureOr<QuantizedRowReader> rows =
      QuantizedRowReader::create(*this, source, transforms, emitError);
  if (failed(rows))
    return failure();
  SmallVector<int64_t> shape = rows->shape();
  bool isAll = rows->numTaken() == transforms.size();
  int64_t first = isAll && end >= 0 ? begin : 0, last = isAll && end >= 0 ? end : shape.front();
  if (first < 0 || first > last || last > shape.front())
    return emitError() << "expected rows within the weight's, found " << first << " to " << last;
  shape.front() = last - first;
  Tensor floats = Tensor::zeros(ElementType::F32, {shape.begin(), shape.end()});
  rows->readFloats(first, last, floats.f32.data());
  if (isAll)
    return floats;
  // What else is done to the weight is done to its floats.
  ArrayRef<char> own(reinterpret_cast<const char *>(floats.f32.data()),
                     floats.f32.size() * sizeof(float));
  return transformRows(RankedTensorType::get(shape, Float32Type::get(source.getContext())), own,
                       transforms.drop_front(rows->numTaken()), begin, end, emitError);
}

/// Replaces a weight by the numbers that its integers stand for.
static LogicalResult quantizeAndBack(Operation *op, blue::SourceAttr source,
                                     blue::QuantizeAttr quantization,
                                     quantize::Statistics *statistics, Tensor &tensor) {
  if (tensor.type != ElementType::F32 || tensor.rank() < 2)
    return op->emitError() << "expected rows of f32 to quantize, found rank " << tensor.rank();
  quantize::Format format = quantize::Format::of(quantization.getType());
  quantize::Rows rows;
  int64_t width = tensor.shape.back(), count = tensor.numElements() / std::max<int64_t>(width, 1);
  if (!quantize::quantizeRows(format, quantization.getMethod(), statistics, source,
                              tensor.f32.data(), count, width, rows))
    return op->emitError() << "expected finite weights, and for gptq a calibration run, found "
                           << quantization;
  quantize::dequantizeRows(format, rows, count, width, tensor.f32.data());
  return success();
}

FailureOr<Tensor> WeightReader::valuesOf(Operation *op) {
  auto sourceOf = [](auto weight) { return std::pair(weight.getSource(), weight.getTransforms()); };
  auto onnxWeight = dyn_cast<onnx::WeightOp>(op);
  auto [source, all] = onnxWeight ? sourceOf(onnxWeight) : sourceOf(cast<blue::WeightOp>(op));
  ArrayRef<Attribute> transforms = all.getValue();
  blue::QuantizeAttr quantization;
  if (!transforms.empty())
    quantization = dyn_cast<blue::QuantizeAttr>(transforms.back());
  if (quantization)
    transforms = transforms.drop_back();
  FailureOr<Tensor> tensor =
      read(source, ArrayAttr::get(op->getContext(), transforms), [&] { return op->emitError(); });
  if (failed(tensor) || !quantization)
    return tensor;
  if (quantization.getMethod() == blue::QuantizeMethod::Keep) {
    // What was read is what the integers in the file stand for.
    if (blue::keptType(source, transforms) != quantization.getType())
      return op->emitError() << "expected a weight that is quantized in its file, found "
                             << quantization;
    return tensor;
  }
  if (failed(quantizeAndBack(op, source, quantization, statistics, *tensor)))
    return failure();
  return tensor;
}
