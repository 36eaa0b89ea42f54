// How a picture has to be turned before it is looked at, as cameras note it in EXIF or XMP.
//
// Both are bytes of a file and hostile: what cannot be read says nothing, and is never an error.
#ifndef BLUEC_RUNTIME_VISION_ORIENTATION_H
#define BLUEC_RUNTIME_VISION_ORIENTATION_H

#include "vision/Picture.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bluec::runtime {

class ThreadPool;

// EXIF's numbers. What is done to the stored picture to see it upright.
enum class Orientation {
  Upright = 1,
  FlipColumns = 2, // left becomes right
  HalfTurn = 3,
  FlipRows = 4,   // top becomes bottom
  Transpose = 5,  // rows become columns
  TurnRight = 6,  // a quarter, clockwise
  Transverse = 7, // transposed over the other diagonal
  TurnLeft = 8,
};

// The value of the tag Orientation in the first directory of a TIFF block, with or without
// "Exif\0\0" before it; the first one if there are several. None when there is no such tag with a
// whole number.
std::optional<std::uint32_t> exifOrientation(std::span<const std::uint8_t> exif);

// The digit behind the first tiff:Orientation, as an attribute or an element.
std::optional<std::uint32_t> xmpOrientation(std::string_view xmp);

// As Pillow's ImageOps.exif_transpose decides: EXIF's value if it has one, else XMP's, and upright
// for anything but 1 to 8.
Orientation chooseOrientation(std::span<const std::uint8_t> exif, std::string_view xmp);

// `picture` as it is to be seen. `threads` may be null.
Picture orient(Picture picture, Orientation orientation, ThreadPool *threads = nullptr);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_ORIENTATION_H
