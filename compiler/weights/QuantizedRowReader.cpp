#include "compiler/weights/QuantizedRowReader.h"

#include "compiler/reference/blue/BlueEvaluators.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using reference::Tensor;

/// The values of scales or zeros; a single one when all are the same.
static FailureOr<Tensor> readValues(WeightReader &reader, Attribute values,
                                    WeightReader::EmitError emitError) {
  if (auto source = dyn_cast<blue::SourceAttr>(values))
    return reader.read(source, ArrayAttr::get(source.getContext(), {}), emitError);
  auto elements = cast<DenseElementsAttr>(values);
  if (elements.isSplat())
    elements = elements.resizeSplat(RankedTensorType::get({1}, elements.getElementType()));
  return reference::tensorFromElements(UnknownLoc::get(values.getContext()), elements);
}

FailureOr<QuantizedRowReader> QuantizedRowReader::create(WeightReader &reader,
                                                         blue::SourceAttr source,
                                                         ArrayRef<Attribute> transforms,
                                                         WeightReader::EmitError emitError) {
  QuantizedRowReader rows;
  std::optional<blue::QuantizedPlaces> places = blue::QuantizedPlaces::of(source, transforms);
  if (!places || places->dims.empty())
    return emitError() << "expected a quantized weight of rank 1 or more, found " << source;
  rows.places = std::move(*places);
  auto integer = cast<IntegerType>(source.getType().getElementType());
  rows.bits = integer.getWidth();
  rows.isUnsigned = integer.isUnsigned();
  FailureOr<ArrayRef<char>> bytes = reader.bytes(source, emitError);
  if (failed(bytes))
    return failure();
  rows.bytes = *bytes;

  blue::DequantizeAttr dequantize = rows.places.dequantize;
  FailureOr<Tensor> scales = readValues(reader, dequantize.getScales(), emitError);
  if (failed(scales))
    return failure();
  rows.scales = std::move(scales->f32);
  for (float scale : rows.scales)
    if (!std::isfinite(scale))
      return emitError() << "expected finite scales, found " << scale;
  int middle = rows.isUnsigned ? 1 << (rows.bits - 1) : 0;
  rows.zero = static_cast<int8_t>(-middle);
  if (!dequantize.getZeros())
    return rows;
  FailureOr<Tensor> zeros = readValues(reader, dequantize.getZeros(), emitError);
  if (failed(zeros))
    return failure();
  for (int64_t value : zeros->i64)
    rows.zeros.push_back(static_cast<int8_t>(value - middle));
  return rows;
}

SmallVector<int64_t> QuantizedRowReader::shape() const {
  return llvm::map_to_vector(places.dims,
                             [](const blue::QuantizedPlaces::Dim &dim) { return dim.extent; });
}

int QuantizedRowReader::integerAt(int64_t position) const {
  constexpr int kNibble = 4;
  auto at = static_cast<size_t>(bits == kNibble ? position / 2 : position);
  unsigned value = static_cast<uint8_t>(bytes[at]);
  if (bits == kNibble)
    value = position % 2 == 0 ? value & 15u : value >> kNibble;
  // Unsigned: the offset goes. Signed: two's complement of so many bits.
  int half = 1 << (bits - 1), integer = static_cast<int>(value);
  return isUnsigned || integer < half ? integer - (isUnsigned ? half : 0) : integer - 2 * half;
}

template <typename Visit>
void QuantizedRowReader::forEachStretch(int64_t begin, int64_t end, Visit visit) const {
  SmallVector<blue::QuantizedPlaces::Dim> dims = places.dims;
  int64_t offset = places.offset + begin * dims.front().step;
  dims.front().begin += begin;
  dims.front().extent = end - begin;
  for (const auto &dim : dims)
    if (dim.extent <= 0)
      return;
  const blue::QuantizedPlaces::Dim inner = dims.pop_back_val();
  SmallVector<int64_t> index(dims.size(), 0);
  while (true) {
    int64_t at = offset, scaleAt = places.scaleOffset, zeroAt = places.zeroOffset;
    for (auto [dim, i] : llvm::zip_equal(dims, index)) {
      int64_t block = (dim.begin + i) / dim.block;
      at += i * dim.step;
      scaleAt += block * dim.scaleStep;
      zeroAt += block * dim.zeroStep;
    }
    for (int64_t i = 0; i < inner.extent;) {
      int64_t block = (inner.begin + i) / inner.block;
      int64_t stop = inner.isConstant()
                         ? inner.extent
                         : std::min(inner.extent, (block + 1) * inner.block - inner.begin);
      float scale = scales[static_cast<size_t>(scaleAt + block * inner.scaleStep)];
      int zeroHere =
          zeros.empty() ? zero : zeros[static_cast<size_t>(zeroAt + block * inner.zeroStep)];
      visit(at + i * inner.step, scale, zeroHere, stop - i, inner.step);
      i = stop;
    }
    size_t dim = dims.size();
    while (dim-- > 0) {
      if (++index[dim] < dims[dim].extent)
        break;
      index[dim] = 0;
    }
    if (dim == static_cast<size_t>(-1))
      return;
  }
}

void QuantizedRowReader::readFloats(int64_t begin, int64_t end, float *out) const {
  forEachStretch(begin, end,
                 [&](int64_t position, float scale, int zeroHere, int64_t count, int64_t step) {
                   for (int64_t i = 0; i < count; ++i)
                     *out++ = scale * static_cast<float>(integerAt(position + i * step) - zeroHere);
                 });
}

void QuantizedRowReader::readIntegers(const quantize::Format &format, int64_t begin, int64_t end,
                                      quantize::Rows &out) const {
  int64_t columns = places.dims[1].extent, group = format.groupIn(columns);
  out.resize(format, end - begin, columns);
  int8_t *elements = out.elements.data();
  size_t groups = 0;
  forEachStretch(begin, end,
                 [&](int64_t position, float scale, int zeroHere, int64_t count, int64_t step) {
                   for (int64_t i = 0; i < count; ++i)
                     *elements++ = static_cast<int8_t>(integerAt(position + i * step));
                   // A stretch begins a group, and may be several.
                   for (int64_t i = 0; i < count; i += group, ++groups) {
                     out.scales[groups] = scale;
                     if (format.zeros)
                       out.zeros[groups] = static_cast<int8_t>(zeroHere);
                   }
                 });
}
