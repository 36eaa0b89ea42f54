#include "compiler/weights/RowReader.h"

#include "compiler/weights/FloatConversion.h"
#include "compiler/weights/MatrixProduct.h"

#include <algorithm>
#include <array>
#include <cstring>

using namespace mlir;
using namespace bluec;

FailureOr<RowReader> RowReader::create(WeightReader &reader, blue::SourceAttr source,
                                       ArrayAttr transforms, WeightReader::EmitError emitError) {
  RowReader rows;
  rows.reader = &reader;
  rows.source = source;
  rows.transforms = transforms;
  rows.type = source.getType();
  FailureOr<ArrayRef<char>> bytes = reader.bytes(source, emitError);
  if (failed(bytes))
    return failure();
  rows.bytes = *bytes;
  rows.view = ElementView::rowMajor(rows.type.getShape());
  // Whether elements keep their values, and their place is a stride for each dim.
  bool plain = true;
  for (Attribute transform : transforms) {
    FailureOr<RankedTensorType> next = blue::inferTransformedType(rows.type, transform, emitError);
    if (failed(next))
      return failure();
    if (auto convert = dyn_cast<blue::ConvertAttr>(transform))
      plain &= convert.getElementType().isF32();
    else if (isa<blue::ReshapeAttr>(transform))
      plain &= rows.view.isRowMajor();
    else if (!isa<blue::TransposeAttr, blue::SliceAttr>(transform))
      plain = false;
    if (plain)
      rows.view = *movedView(rows.view, transform);
    rows.type = *next;
  }
  auto element = dyn_cast<FloatType>(rows.type.getElementType());
  if (!element || element.getWidth() > 32 || rows.type.getRank() == 0)
    return emitError() << "expected rows of floats, found " << rows.type;
  rows.width = 1;
  for (int64_t side : rows.type.getShape().drop_front())
    rows.width *= side;

  Type stored = source.getType().getElementType();
  if (plain && (stored.isF32() || stored.isF16() || stored.isBF16())) {
    ElementView row = rows.view;
    row.shape.erase(row.shape.begin());
    row.strides.erase(row.strides.begin());
    if (row.isRowMajor())
      rows.order = Order::Rows;
    else if (rows.view.shape.size() == 2 && rows.view.strides[0] == 1)
      rows.order = Order::Columns;
  }
  std::optional<size_t> join = lastJoin(transforms.getValue());
  if (join && *join + 1 == transforms.size() &&
      isa<blue::MultiplyAttr>(transforms.getValue().back())) {
    if (failed(rows.openProduct(emitError)))
      return failure();
  } else if (!join && blue::isQuantizedInFile(transforms.getValue())) {
    FailureOr<QuantizedRowReader> quantized =
        QuantizedRowReader::create(reader, source, transforms.getValue(), emitError);
    if (failed(quantized))
      return failure();
    if (quantized->numTaken() == transforms.size()) {
      rows.quantized = std::move(*quantized);
      rows.order = Order::Quantized;
    }
  }
  // The first row goes through all that can fail.
  if (rows.order == Order::Other &&
      failed(reader.readRows(source, transforms, 0, std::min<int64_t>(1, rows.rows()), emitError)))
    return failure();
  return rows;
}

LogicalResult RowReader::openProduct(WeightReader::EmitError emitError) {
  auto multiply = cast<blue::MultiplyAttr>(transforms.getValue().back());
  auto before = ArrayAttr::get(source.getContext(), transforms.getValue().drop_back());
  auto open = [&](blue::SourceAttr from, ArrayAttr through,
                  std::shared_ptr<const RowReader> &to) -> LogicalResult {
    FailureOr<RowReader> opened = create(*reader, from, through, emitError);
    if (succeeded(opened))
      to = std::make_shared<const RowReader>(std::move(*opened));
    return opened;
  };
  order = Order::Product;
  return success(succeeded(open(source, before, right)) &&
                 succeeded(open(multiply.getSource(), multiply.getTransforms(), left)));
}

void RowReader::multiply(int64_t begin, int64_t end, float *out) const {
  std::vector<float> factors(static_cast<size_t>((end - begin) * left->columns()));
  left->read(begin, end, factors.data());
  left->release(begin, end);
  multiplyMatrices(
      factors.data(), end - begin, left->columns(), width,
      [&](int64_t from, int64_t to, float *block) {
        right->read(from, to, block);
        right->release(from, to);
      },
      out);
}

template <typename Stored> static Stored load(const char *from) {
  Stored value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename Stored, typename Widen>
void RowReader::copyRows(int64_t begin, int64_t end, float *out, Widen widen) const {
  for (int64_t row = begin; row < end; ++row, out += width) {
    const char *from =
        bytes.data() + (view.offset + row * view.strides[0]) * static_cast<int64_t>(sizeof(Stored));
    for (int64_t i = 0; i < width; ++i)
      out[i] = widen(load<Stored>(from + i * static_cast<int64_t>(sizeof(Stored))));
  }
}

/// In tiles: a stretch of several columns of the file is read while a line of each row of the
/// result is written.
template <typename Stored, typename Widen>
void RowReader::copyColumns(int64_t begin, int64_t end, float *out, Widen widen) const {
  constexpr int64_t kDepth = 16, kBreadth = 64;
  std::array<std::array<float, kBreadth>, kDepth> tile;
  for (int64_t column = 0; column < width; column += kDepth) {
    int64_t columnsHere = std::min(kDepth, width - column);
    for (int64_t row = begin; row < end; row += kBreadth) {
      int64_t rowsHere = std::min(kBreadth, end - row);
      for (int64_t j = 0; j < columnsHere; ++j) {
        const char *from = bytes.data() + (view.offset + row + (column + j) * view.strides[1]) *
                                              static_cast<int64_t>(sizeof(Stored));
        float *line = tile[static_cast<size_t>(j)].data();
        for (int64_t i = 0; i < rowsHere; ++i)
          line[i] = widen(load<Stored>(from + i * static_cast<int64_t>(sizeof(Stored))));
      }
      for (int64_t i = 0; i < rowsHere; ++i) {
        float *to = out + (row - begin + i) * width + column;
        for (int64_t j = 0; j < columnsHere; ++j)
          to[j] = tile[static_cast<size_t>(j)][static_cast<size_t>(i)];
      }
    }
  }
}

template <typename Stored, typename Widen>
void RowReader::copy(int64_t begin, int64_t end, float *out, Widen widen) const {
  order == Order::Rows ? copyRows<Stored>(begin, end, out, widen)
                       : copyColumns<Stored>(begin, end, out, widen);
}

void RowReader::read(int64_t begin, int64_t end, float *out) const {
  if (order == Order::Quantized)
    return quantized->readFloats(begin, end, out);
  if (order == Order::Product)
    return multiply(begin, end, out);
  if (order == Order::Other) {
    // What can fail has been tried; a file that shrinks under the map is a fault of another kind.
    FailureOr<reference::Tensor> tensor =
        reader->readRows(source, transforms, begin, end, [&]() -> InFlightDiagnostic {
          return emitError(UnknownLoc::get(source.getContext()));
        });
    if (succeeded(tensor))
      std::copy(tensor->f32.begin(), tensor->f32.end(), out);
    return;
  }
  Type stored = source.getType().getElementType();
  if (stored.isF16())
    copy<uint16_t>(begin, end, out, widenHalf);
  else if (stored.isBF16())
    copy<uint16_t>(begin, end, out, widenBfloat);
  else
    copy<float>(begin, end, out, [](float value) { return value; });
}

void RowReader::release(int64_t begin, int64_t end) const {
  if (begin >= end || order == Order::Product)
    return; // a product's parts have been let go where they were read
  int64_t first = 0, last = static_cast<int64_t>(bytes.size());
  if (order == Order::Rows) {
    int64_t size = source.getType().getElementTypeBitWidth() / 8;
    first = (view.offset + begin * view.strides[0]) * size;
    last = (view.offset + (end - 1) * view.strides[0] + width) * size;
  } else if (end < rows()) {
    return;
  }
  reader->modelFiles().release(
      source.getFile(), bytes.slice(static_cast<size_t>(first), static_cast<size_t>(last - first)));
}
