// Quantized weights into panels and out of them again: PanelLayout carried out.
#ifndef BLUEC_COMPILER_WEIGHTS_PANELPACKING_H
#define BLUEC_COMPILER_WEIGHTS_PANELPACKING_H

#include "compiler/dialect/plan/Layouts.h"
#include "compiler/weights/quantize/Quantize.h"

#include "llvm/ADT/ArrayRef.h"

namespace bluec {

/// Writes the panels of `count` rows of a weight, the first of which begins a panel; all panels but
/// the weight's last one are full. `out` takes ceil(count / layout.rows) * layout.panelBytes()
/// bytes.
void packPanels(const plan::PanelLayout &layout, const quantize::Rows &rows, int64_t count,
                char *out);

/// Integers, scales and zeros of a packed weight: [n, k] elements out of layout.bytes() bytes.
quantize::Rows unpackPanels(const plan::PanelLayout &layout, llvm::ArrayRef<char> bytes);

/// [count, k] elements of 2 or 4 bytes in panels of `panelRows` rows side by side:
/// out[panel][k][r] = rows[panel * panelRows + r][k], zero for rows past `count`.
template <typename Element>
void packDensePanels(const Element *rows, int64_t count, int64_t k, int64_t panelRows,
                     Element *out) {
  for (int64_t first = 0; first < count; first += panelRows)
    for (int64_t column = 0; column < k; ++column)
      for (int64_t r = 0; r < panelRows; ++r)
        *out++ = first + r < count ? rows[(first + r) * k + column] : Element(0);
}

} // namespace bluec

#endif // BLUEC_COMPILER_WEIGHTS_PANELPACKING_H
