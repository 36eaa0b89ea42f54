#include "compiler/dialect/blue/QuantizedWeight.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace bluec::blue;

bool bluec::blue::isQuantizedInFile(ArrayRef<Attribute> transforms) {
  return llvm::any_of(transforms, llvm::IsaPred<DequantizeAttr>);
}

static SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

static RankedTensorType typeOf(Attribute values) {
  if (auto source = dyn_cast<SourceAttr>(values))
    return source.getType();
  return cast<RankedTensorType>(cast<DenseElementsAttr>(values).getType());
}

/// Elements between neighbouring blocks of each dim; all 0 when the values are one value repeated.
static SmallVector<int64_t> blockSteps(Attribute values, size_t rank) {
  if (auto source = dyn_cast_or_null<SourceAttr>(values))
    return stridesOf(source.getType().getShape());
  auto elements = dyn_cast_or_null<DenseElementsAttr>(values);
  if (!elements || elements.isSplat())
    return SmallVector<int64_t>(rank, 0);
  return stridesOf(elements.getType().getShape());
}

void QuantizedPlaces::takeDequantize(DequantizeAttr attr) {
  dequantize = attr;
  elementType = typeOf(attr.getScales()).getElementType();
  SmallVector<int64_t> scales = blockSteps(attr.getScales(), dims.size());
  SmallVector<int64_t> zeros = blockSteps(attr.getZeros(), dims.size());
  for (auto [i, dim] : llvm::enumerate(dims)) {
    dim.begin = 0;
    dim.block = attr.getBlocks()[i];
    // One block for all of it.
    bool isOne = dim.extent <= dim.block;
    dim.scaleStep = isOne ? 0 : scales[i];
    dim.zeroStep = isOne ? 0 : zeros[i];
  }
}

/// Takes the first `extent` of every so many elements of `dim` apart: what is left of it counts
/// stretches of as many. Fails where scales change within them but by whole ones.
static std::optional<QuantizedPlaces::Dim> splitOff(QuantizedPlaces::Dim &dim, int64_t extent) {
  bool isByElement = dim.block == 1 && dim.begin == 0;
  if (extent < 1 || dim.extent % extent != 0 || (!dim.isConstant() && !isByElement))
    return std::nullopt;
  QuantizedPlaces::Dim inner = dim;
  inner.extent = extent;
  dim.extent /= extent;
  dim.step *= extent;
  dim.scaleStep *= extent;
  dim.zeroStep *= extent;
  return inner;
}

/// Whether elements of `outer` go on where those of `inner` end, and their scales likewise.
static bool joins(const QuantizedPlaces::Dim &outer, const QuantizedPlaces::Dim &inner,
                  bool isPlain) {
  if (outer.step != inner.extent * inner.step)
    return false;
  if (isPlain || (outer.isConstant() && inner.isConstant()))
    return true;
  return outer.block == 1 && inner.block == 1 && outer.begin == 0 && inner.begin == 0 &&
         outer.scaleStep == inner.extent * inner.scaleStep &&
         outer.zeroStep == inner.extent * inner.zeroStep;
}

/// Dims of 1 may come and go; others may join where they lie in one stretch, and so do their scales
/// or they share one. One may be several, but for blocks that have to stay.
bool QuantizedPlaces::takeReshape(ArrayRef<int64_t> shape) {
  SmallVector<Dim> before;
  for (const Dim &dim : dims) {
    if (dim.extent != 1) {
      before.push_back(dim);
    } else {
      scaleOffset += dim.begin / dim.block * dim.scaleStep;
      zeroOffset += dim.begin / dim.block * dim.zeroStep;
    }
  }
  SmallVector<Dim> after;
  for (int64_t extent : llvm::reverse(shape)) {
    if (extent == 1) {
      after.push_back({1, 0});
      continue;
    }
    if (before.empty())
      return false;
    Dim dim = before.pop_back_val();
    while (dim.extent < extent && !before.empty() && joins(before.back(), dim, !dequantize))
      dim.extent *= before.pop_back_val().extent;
    if (dim.extent > extent) {
      std::optional<Dim> inner = splitOff(dim, extent);
      if (!inner)
        return false;
      before.push_back(dim);
      dim = *inner;
    }
    if (dim.extent != extent)
      return false;
    after.push_back(dim);
  }
  if (!before.empty())
    return false;
  std::reverse(after.begin(), after.end());
  dims = std::move(after);
  return true;
}

bool QuantizedPlaces::take(Attribute transform) {
  if (auto attr = dyn_cast<DequantizeAttr>(transform)) {
    takeDequantize(attr);
  } else if (auto attr = dyn_cast<TransposeAttr>(transform)) {
    SmallVector<Dim> before = dims;
    for (auto [i, from] : llvm::enumerate(attr.getPermutation()))
      dims[i] = before[static_cast<size_t>(from)];
  } else if (auto attr = dyn_cast<SliceAttr>(transform)) {
    Dim &dim = dims[static_cast<size_t>(attr.getAxis())];
    offset += attr.getBegin() * dim.step;
    dim.begin += attr.getBegin();
    dim.extent = attr.getEnd() - attr.getBegin();
  } else if (auto attr = dyn_cast<ReshapeAttr>(transform)) {
    QuantizedPlaces moved = *this;
    if (!moved.takeReshape(attr.getShape()))
      return false;
    *this = std::move(moved);
  } else if (auto attr = dyn_cast<ConvertAttr>(transform)) {
    if (!dequantize || !attr.getElementType().isF32())
      return false;
    elementType = attr.getElementType();
  } else {
    return false;
  }
  return true;
}

std::optional<QuantizedPlaces> QuantizedPlaces::of(SourceAttr source,
                                                   ArrayRef<Attribute> transforms) {
  QuantizedPlaces places;
  places.elementType = source.getType().getElementType();
  SmallVector<int64_t> strides = stridesOf(source.getType().getShape());
  for (auto [extent, step] : llvm::zip_equal(source.getType().getShape(), strides))
    places.dims.push_back({extent, step});
  while (places.numTaken < transforms.size() && places.take(transforms[places.numTaken]))
    ++places.numTaken;
  if (!places.dequantize)
    return std::nullopt;
  return places;
}

/// Whether all zeros are the middle of the range of unsigned integers, or 0 of signed ones: what a
/// type without zeros says.
static bool areZerosPlain(DequantizeAttr dequantize, IntegerType integer) {
  if (!dequantize.getZeros())
    return !integer.isUnsigned();
  auto elements = dyn_cast<DenseElementsAttr>(dequantize.getZeros());
  if (!elements || !elements.isSplat())
    return false;
  uint64_t plain = integer.isUnsigned() ? uint64_t{1} << (integer.getWidth() - 1) : 0;
  return elements.getSplatValue<APInt>().getZExtValue() == plain;
}

QuantizedType bluec::blue::keptType(SourceAttr source, ArrayRef<Attribute> transforms) {
  std::optional<QuantizedPlaces> places = QuantizedPlaces::of(source, transforms);
  SmallVector<Attribute> flat(transforms);
  if (places && places->numTaken == transforms.size() && places->dims.size() > 2) {
    int64_t rows = 1; // of several matrices
    for (const QuantizedPlaces::Dim &dim : llvm::drop_end(places->dims))
      rows *= dim.extent;
    flat.push_back(ReshapeAttr::get(source.getContext(), {rows, places->dims.back().extent}));
    places = QuantizedPlaces::of(source, flat);
  }
  if (!places || places->numTaken < flat.size() || places->dims.size() != 2 ||
      !places->elementType.isF32())
    return {};
  const QuantizedPlaces::Dim &columns = places->dims[1];
  auto integer = cast<IntegerType>(source.getType().getElementType());
  int64_t group = columns.block;
  bool isAligned = columns.begin % group == 0;
  if (columns.isConstant() || (isAligned && columns.extent <= group))
    group = 0; // a whole row
  else if (!isAligned || group % (32 / static_cast<int64_t>(integer.getWidth())) != 0)
    return {};
  MLIRContext *context = source.getContext();
  bool isHalf = typeOf(places->dequantize.getScales()).getElementType().isF16();
  FloatType scale = isHalf ? FloatType(Float16Type::get(context)) : Float32Type::get(context);
  return QuantizedType::get(context, IntegerType::get(context, integer.getWidth()), group, scale,
                            !areZerosPlain(places->dequantize, integer));
}
