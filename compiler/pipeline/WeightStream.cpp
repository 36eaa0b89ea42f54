#include "compiler/pipeline/WeightStream.h"

#include "compiler/pipeline/ConstantTransforms.h"

#include "llvm/ADT/ScopeExit.h"

#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace bluec;

void bluec::packPanels(ArrayRef<float> rows, int64_t count, int64_t k, int64_t panelRows,
                       std::vector<float> &out) {
  for (int64_t first = 0; first < count; first += panelRows) {
    size_t base = out.size();
    out.resize(base + static_cast<size_t>(k * panelRows), 0.0f);
    int64_t rowsHere = std::min(panelRows, count - first);
    for (int64_t r = 0; r < rowsHere; ++r) {
      const float *row = rows.data() + (first + r) * k;
      float *column = out.data() + base + r;
      for (int64_t i = 0; i < k; ++i)
        column[i * panelRows] = row[i];
    }
  }
}

namespace {

/// Rows of a weight, wherever its bytes are.
class RowSource {
public:
  RowSource(plan::WeightOp weight, WeightReader &reader) : weight(weight), reader(reader) {}

  FailureOr<reference::Tensor> rows(int64_t begin, int64_t end) {
    auto emitError = [&] { return weight.emitError() << weight.getSymName() << ": "; };
    if (auto source = dyn_cast<blue::SourceAttr>(weight.getValue()))
      return reader.readRows(source, weight.getTransforms(), begin, end, emitError);
    if (!constant) {
      FailureOr<reference::Tensor> tensor = transformConstant(
          cast<ElementsAttr>(weight.getValue()), weight.getTransforms(), weight.getLoc());
      if (failed(tensor))
        return failure();
      constant = std::move(*tensor);
    }
    std::vector<int64_t> shape = constant->shape;
    int64_t rowElements = constant->numElements() / std::max<int64_t>(shape[0], 1);
    shape[0] = end - begin;
    auto first = constant->f32.begin() + begin * rowElements;
    return reference::Tensor::floats(
        shape, std::vector<float>(first, first + (end - begin) * rowElements));
  }

  /// Lets the pages that were read so far leave memory; a later read brings them back.
  void releasePages() {
    auto source = dyn_cast<blue::SourceAttr>(weight.getValue());
    if (!source)
      return;
    FailureOr<ArrayRef<char>> bytes = reader.bytes(source, [&] { return weight.emitError(); });
    if (failed(bytes))
      return;
    uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    uintptr_t begin = reinterpret_cast<uintptr_t>(bytes->data());
    uintptr_t end = (begin + bytes->size()) / page * page;
    begin = (begin + page - 1) / page * page;
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }

private:
  plan::WeightOp weight;
  WeightReader &reader;
  std::optional<reference::Tensor> constant;
};

} // namespace

LogicalResult bluec::streamWeight(plan::WeightOp weight, WeightReader &reader, WeightSink sink,
                                  int64_t pieceBytes) {
  auto packed = cast<RankedTensorType>(weight.getPacked());
  if (!packed.getElementType().isF32() || packed.getRank() == 0)
    return weight.emitError() << "expected a packed type of f32 and rank 1 or more, found "
                              << packed;
  int64_t panelRows = weight.getPanelRows();
  int64_t rowCount = weight.getTransformedType().getDimSize(0);
  int64_t rowElements =
      weight.getTransformedType().getNumElements() / std::max<int64_t>(rowCount, 1);
  int64_t step = std::max<int64_t>(1, pieceBytes / std::max<int64_t>(1, rowElements * 4));
  if (panelRows > 0)
    step = std::max(panelRows, step / panelRows * panelRows);

  RowSource source(weight, reader);
  // A transposed weight needs all of its pages for every piece; others are done with what they
  // read.
  bool inOrder = llvm::none_of(weight.getTransforms(), llvm::IsaPred<blue::TransposeAttr>);
  constexpr int64_t releaseBytes = int64_t{64} << 20;
  int64_t unreleased = 0;
  auto releaseAtEnd = llvm::make_scope_exit([&] { source.releasePages(); });
  std::vector<float> panels;
  for (int64_t begin = 0; begin < rowCount; begin += step) {
    int64_t end = std::min(rowCount, begin + step);
    FailureOr<reference::Tensor> tensor = source.rows(begin, end);
    if (failed(tensor))
      return failure();
    if (tensor->type != reference::ElementType::F32 ||
        tensor->numElements() != (end - begin) * rowElements)
      return weight.emitError() << "expected " << (end - begin) * rowElements
                                << " elements of f32, found " << tensor->numElements();
    ArrayRef<float> values(tensor->f32);
    if (panelRows > 0) {
      panels.clear();
      packPanels(values, end - begin, rowElements, panelRows, panels);
      values = panels;
    }
    if (!sink({reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)}))
      return success();
    unreleased += static_cast<int64_t>(values.size() * sizeof(float));
    if (inOrder && unreleased >= releaseBytes) {
      source.releasePages();
      unreleased = 0;
    }
  }
  return success();
}
