#include "compiler/weights/WeightStream.h"

#include "compiler/dialect/blue/QuantizedWeight.h"
#include "compiler/weights/ConstantTransforms.h"
#include "compiler/weights/FloatConversion.h"
#include "compiler/weights/PanelPacking.h"
#include "compiler/weights/RowReader.h"
#include "compiler/weights/quantize/Statistics.h"

#include <algorithm>
#include <cstring>

using namespace mlir;
using namespace bluec;

blue::QuantizeAttr bluec::quantizationOf(plan::WeightOp weight) {
  ArrayAttr transforms = weight.getTransforms();
  return transforms.empty() ? blue::QuantizeAttr()
                            : dyn_cast<blue::QuantizeAttr>(transforms.getValue().back());
}

namespace {

/// Rows of a weight as floats, wherever its bytes are.
class RowSource {
public:
  static FailureOr<RowSource> create(plan::WeightOp weight, WeightReader &reader) {
    ArrayRef<Attribute> transforms = weight.getTransforms().getValue();
    if (quantizationOf(weight))
      transforms = transforms.drop_back();
    auto moving = ArrayAttr::get(weight.getContext(), transforms);
    RowSource rows;
    if (auto source = dyn_cast<blue::SourceAttr>(weight.getValue())) {
      FailureOr<RowReader> file = RowReader::create(reader, source, moving, [&] {
        return weight.emitError() << weight.getSymName() << ": ";
      });
      if (failed(file))
        return failure();
      rows.file = std::move(*file);
      rows.count = rows.file->rows();
      rows.width = rows.file->columns();
      return rows;
    }
    FailureOr<reference::Tensor> tensor =
        transformConstant(cast<ElementsAttr>(weight.getValue()), moving, weight.getLoc());
    if (failed(tensor))
      return failure();
    if (tensor->shape.empty())
      return weight.emitError("expected a weight of rank 1 or more"), failure();
    rows.count = tensor->shape[0];
    rows.width = tensor->numElements() / std::max<int64_t>(rows.count, 1);
    rows.constant = std::move(tensor->f32);
    return rows;
  }

  void read(int64_t begin, int64_t end, float *out) const {
    if (file)
      file->read(begin, end, out);
    else
      std::copy(constant.begin() + begin * width, constant.begin() + end * width, out);
  }
  /// What `keep` keeps; null for all but weights that are quantized in their file.
  const QuantizedRowReader *integers() const { return file ? file->integers() : nullptr; }
  void release(int64_t begin, int64_t end) const {
    if (file)
      file->release(begin, end);
  }

  int64_t count = 0, width = 0; // rows; elements of one

private:
  std::optional<RowReader> file;
  std::vector<float> constant;
};

/// Memory of one piece in the making.
struct Piece {
  std::vector<float> rows;
  quantize::Rows integers;
  std::vector<uint16_t> halves;
  std::vector<char> bytes;
};

/// Makes the packed bytes of a range of rows.
class Packer {
public:
  Packer(plan::WeightOp weight, const RowSource &source, quantize::Statistics *statistics)
      : source(source), statistics(statistics),
        named(dyn_cast<blue::SourceAttr>(weight.getValue())),
        type(cast<RankedTensorType>(weight.getPacked())), layout(plan::PanelLayout::of(type)),
        panelRows(weight.getPanelRows()), quantization(quantizationOf(weight)) {
    keeps = isKept() && named && source.integers() &&
            blue::keptType(named, weight.getTransforms().getValue().drop_back()) ==
                quantization.getType();
  }

  /// True when the type is one that can be made.
  bool accepts() const {
    Type element = type.getElementType();
    if (layout)
      return quantization && quantization.getType() == element && layout->n == source.count &&
             layout->k == source.width && layout->word.bits <= 8 && (!isKept() || keeps);
    return !quantization && (element.isF32() || element.isF16());
  }

  /// Rows that a piece begins at are multiples of this.
  int64_t unit() const { return std::max<int64_t>(panelRows, 1); }

  /// False when a float is not finite and would have to be quantized, or a calibration run has
  /// nothing about the weight.
  bool make(int64_t begin, int64_t end, Piece &piece) const {
    const int64_t count = end - begin;
    if (isKept()) {
      source.integers()->readIntegers(quantize::Format::of(quantization.getType()), begin, end,
                                      piece.integers);
      packIntegers(count, piece);
      return true;
    }
    piece.rows.resize(static_cast<size_t>(count * source.width));
    source.read(begin, end, piece.rows.data());
    if (layout) {
      if (!quantize::quantizeRows(quantize::Format::of(quantization.getType()),
                                  quantization.getMethod(), statistics, named, piece.rows.data(),
                                  count, source.width, piece.integers))
        return false;
      packIntegers(count, piece);
    } else if (type.getElementType().isF16()) {
      piece.halves.resize(piece.rows.size());
      std::transform(piece.rows.begin(), piece.rows.end(), piece.halves.begin(), narrowToHalf);
      packFloats(piece.halves, count, piece.bytes);
    } else {
      packFloats(piece.rows, count, piece.bytes);
    }
    return true;
  }

private:
  bool isKept() const {
    return quantization && quantization.getMethod() == blue::QuantizeMethod::Keep;
  }
  void packIntegers(int64_t count, Piece &piece) const {
    piece.bytes.resize(static_cast<size_t>((count + unit() - 1) / unit() * layout->panelBytes()));
    packPanels(*layout, piece.integers, count, piece.bytes.data());
  }
  template <typename Element>
  void packFloats(const std::vector<Element> &rows, int64_t count, std::vector<char> &out) const {
    if (panelRows == 0) {
      out.resize(rows.size() * sizeof(Element));
      std::memcpy(out.data(), rows.data(), out.size());
      return;
    }
    const int64_t padded = (count + panelRows - 1) / panelRows * panelRows;
    out.resize(static_cast<size_t>(padded * source.width) * sizeof(Element));
    packDensePanels(rows.data(), count, source.width, panelRows,
                    reinterpret_cast<Element *>(out.data()));
  }

  const RowSource &source;
  quantize::Statistics *statistics;
  blue::SourceAttr named; // null for constants
  RankedTensorType type;
  std::optional<plan::PanelLayout> layout;
  int64_t panelRows;
  blue::QuantizeAttr quantization;
  bool keeps = false; ///< the file has the integers that the type says
};

/// Calls use(begin, end) for ranges of rows, each a multiple of `unit` but the last; false ends the
/// stream. Pages leave memory behind it.
void forEachPiece(const RowSource &source, int64_t unit, int64_t pieceBytes,
                  llvm::function_ref<bool(int64_t, int64_t)> use) {
  const int64_t rowBytes = std::max<int64_t>(1, source.width * int64_t{sizeof(float)});
  const int64_t step = std::max<int64_t>(unit, pieceBytes / rowBytes / unit * unit);
  int64_t end = 0;
  for (int64_t begin = 0; begin < source.count; begin = end) {
    end = std::min(source.count, begin + step);
    bool goesOn = use(begin, end);
    source.release(begin, end);
    if (!goesOn)
      return source.release(0, source.count);
  }
}

} // namespace

LogicalResult bluec::streamWeight(plan::WeightOp weight, WeightReader &reader, WeightSink sink,
                                  int64_t pieceBytes) {
  FailureOr<RowSource> source = RowSource::create(weight, reader);
  if (failed(source))
    return failure();
  Packer packer(weight, *source, reader.statistics);
  if (!packer.accepts())
    return weight.emitError() << "expected a packed type of f32, f16 or quantized panels, found "
                              << weight.getPacked();
  Piece piece;
  LogicalResult result = success();
  forEachPiece(*source, packer.unit(), pieceBytes, [&](int64_t begin, int64_t end) {
    if (packer.make(begin, end, piece))
      return sink(piece.bytes);
    if (quantizationOf(weight).getMethod() == blue::QuantizeMethod::Gptq)
      result = weight.emitError() << weight.getSymName()
                                  << ": expected finite numbers and what a calibration run saw of "
                                     "the layer's input, found none";
    else
      result = weight.emitError() << weight.getSymName()
                                  << ": expected finite numbers to quantize, found an infinity or "
                                     "NaN in rows "
                                  << begin << " to " << end - 1;
    return false;
  });
  return result;
}

LogicalResult bluec::streamRows(plan::WeightOp weight, WeightReader &reader, RowSink sink,
                                int64_t pieceBytes) {
  FailureOr<RowSource> source = RowSource::create(weight, reader);
  if (failed(source))
    return failure();
  std::vector<float> rows;
  forEachPiece(*source, 1, pieceBytes, [&](int64_t begin, int64_t end) {
    rows.resize(static_cast<size_t>((end - begin) * source->width));
    source->read(begin, end, rows.data());
    return sink(rows);
  });
  return success();
}
