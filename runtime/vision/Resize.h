// Antialiased resizing of 8-bit RGB, equal bit for bit to Pillow's `Image.resize(size, filter)`.
//
// Each output pixel is a weighted mean of the input pixels around its centre. The weights come from
// the filter's kernel, stretched by the factor of reduction (and never narrowed), sum to one, and
// are rounded to 22 fractional bits. The first direction's result is rounded to 8 bits before the
// second; a direction whose size does not change is skipped. Columns go first where the height
// shrinks by more than twice as many pixels as the width, else rows.
//
// That order is the one of Pillow 13. Older releases always do rows first, and differ by a level or
// two in such pictures.
#ifndef BLUEC_RUNTIME_VISION_RESIZE_H
#define BLUEC_RUNTIME_VISION_RESIZE_H

#include "vision/Picture.h"

#include <optional>
#include <string_view>

namespace bluec::runtime {

class ThreadPool;

enum class Filter {
  Lanczos,  // a windowed sinc over three pixels to each side
  Bilinear, // a triangle over one
  Bicubic,  // the cubic with a = -0.5 over two
};

// "lanczos", "bilinear", "bicubic".
std::string_view filterName(Filter filter);
std::optional<Filter> filterByName(std::string_view name);

// `width` and `height` in pixels, both at least 1; `picture` holds at least one pixel. `threads`
// may be null; the result does not depend on it.
Picture resize(const Picture &picture, int width, int height, Filter filter = Filter::Bicubic,
               ThreadPool *threads = nullptr);

// Pixels of a picture: from (left, top) on, so many.
struct Window {
  int left = 0, top = 0, width = 0, height = 0;
};

// What resize() gives within `window`, which lies in width x height and is not empty. Only that is
// computed, so a thin picture's long side may be far longer than any picture.
Picture resizeWindow(const Picture &picture, int width, int height, const Window &window,
                     Filter filter, ThreadPool *threads = nullptr);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_RESIZE_H
