// Elements of a row-major buffer under another order.
#ifndef BLUEC_COMPILER_WEIGHTS_ELEMENTVIEW_H
#define BLUEC_COMPILER_WEIGHTS_ELEMENTVIEW_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace bluec {

/// Element (i, j, ...) stands at offset + i * strides[0] + j * strides[1] + ...; all in elements.
struct ElementView {
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides;
  int64_t offset = 0;

  static ElementView rowMajor(llvm::ArrayRef<int64_t> shape) {
    ElementView view;
    view.shape.assign(shape.begin(), shape.end());
    view.strides.assign(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;)
      view.strides[i - 1] = view.strides[i] * shape[i];
    return view;
  }
  bool isRowMajor() const { return strides == rowMajor(shape).strides; }
  int64_t numElements() const {
    int64_t count = 1;
    for (int64_t dim : shape)
      count *= dim;
    return count;
  }

  /// Calls `visit(position)` for every element in row-major order.
  template <typename Visit> void forEach(Visit visit) const {
    if (numElements() == 0)
      return;
    size_t rank = shape.size();
    int64_t inner = rank ? shape.back() : 1, step = rank ? strides.back() : 0;
    llvm::SmallVector<int64_t> index(rank, 0);
    int64_t at = offset;
    while (true) {
      for (int64_t i = 0, position = at; i < inner; ++i, position += step)
        visit(position);
      size_t dim = rank ? rank - 1 : 0;
      while (dim-- > 0) {
        at += strides[dim];
        if (++index[dim] < shape[dim])
          break;
        at -= strides[dim] * shape[dim];
        index[dim] = 0;
      }
      if (dim == static_cast<size_t>(-1))
        return;
    }
  }
};

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_ELEMENTVIEW_H
