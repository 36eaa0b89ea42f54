// From the bytes of a PNG or JPEG file to 8-bit RGB.
//
// The bytes are hostile: structure, sizes and checksums are looked at before the decoder sees them.
#ifndef BLUEC_RUNTIME_VISION_PICTURE_H
#define BLUEC_RUNTIME_VISION_PICTURE_H

#include "base/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bluec::runtime {

class ThreadPool;

// 8-bit RGB, row-major, top row first, no padding: pixels[(y * width + x) * 3 + channel].
struct Picture {
  int width = 0;  // pixels
  int height = 0; // pixels
  std::vector<std::uint8_t> pixels;
};

// What is refused before any pixel is decoded.
struct PictureLimits {
  int maxSide = 16384;                             // pixels
  std::int64_t maxPixels = std::int64_t(64) << 20; // of the whole picture
  std::size_t maxFileBytes = std::size_t(256) << 20;
};

// BadPicture when the bytes are empty, neither PNG nor JPEG, damaged, cut short, or beyond the
// limits.
//
// The colours are those of Pillow's `convert("RGB")`: palettes are looked up, gray is repeated,
// alpha is dropped and not blended, 16 bits a channel keep the upper eight, except 16-bit gray,
// which is clipped at 255; CMYK is taken as Adobe writes it. The picture is turned as its EXIF (or
// XMP) says, as by `ImageOps.exif_transpose`. `threads` may be null.
Result<Picture> decodePicture(std::span<const std::uint8_t> file, const PictureLimits &limits = {},
                              ThreadPool *threads = nullptr);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_PICTURE_H
