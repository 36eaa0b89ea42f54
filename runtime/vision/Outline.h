// The structure of a picture's file, walked through before a decoder sees it.
//
// stb neither checks a PNG's checksums nor misses its end; it reads zeros past the end of a JPEG's
// data, and trusts its tables. So the walk does, and notes on its way what the pixels need later.
#ifndef BLUEC_RUNTIME_VISION_OUTLINE_H
#define BLUEC_RUNTIME_VISION_OUTLINE_H

#include "base/Status.h"
#include "vision/JpegPixels.h"
#include "vision/Orientation.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace bluec::runtime {

struct Outline {
  std::uint32_t width = 0; // pixels, as stored
  std::uint32_t height = 0;
  bool deepGray = false;      // PNG: 16-bit gray without alpha
  std::uint64_t inflated = 0; // PNG: bytes that its data may inflate to; rows have a byte in front
  JpegColors colors = JpegColors::Ycc;
  Orientation orientation = Orientation::Upright;
};

enum class PictureFormat { Unknown, Png, Jpeg };

// By the first bytes.
PictureFormat formatOf(std::span<const std::uint8_t> file);
// What a file of PictureFormat::Unknown is, for messages: "a webp file", "something else".
std::string_view describeOther(std::span<const std::uint8_t> file);

// BadPicture when the file, of the format that formatOf() says, is damaged or cut short, or when a
// JPEG has more scans than bring anything: each costs a walk over the whole picture.
Status outlinePng(std::span<const std::uint8_t> file, Outline &outline);
Status outlineJpeg(std::span<const std::uint8_t> file, Outline &outline);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_OUTLINE_H
