// Bicubic antialiased resizing of 8-bit RGB, equal bit for bit to Pillow's
// `Image.resize(size, Image.Resampling.BICUBIC)`.
//
// Each output pixel is a weighted mean of the input pixels around its centre. The weights come from
// the cubic kernel with a = -0.5, stretched by the factor of reduction (and never narrowed), sum to
// one, and are rounded to 22 fractional bits. The first direction's result is rounded to 8 bits
// before the second; a direction whose size does not change is skipped. Columns go first where the
// height shrinks by more than twice as many pixels as the width, else rows.
//
// That order is the one of Pillow 13. Older releases always do rows first, and differ by a level or
// two in such pictures.
#ifndef BLUEC_RUNTIME_VISION_RESIZE_H
#define BLUEC_RUNTIME_VISION_RESIZE_H

#include "vision/Picture.h"

namespace bluec::runtime {

// `width` and `height` in pixels, both at least 1; `picture` holds at least one pixel.
Picture resizeBicubic(const Picture &picture, int width, int height);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_RESIZE_H
