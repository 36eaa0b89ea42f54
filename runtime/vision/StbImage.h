// stb_image, restricted to PNG and JPEG from memory. Included by Picture.cpp; the implementation is
// compiled in StbImage.cpp, which also gives out what a JPEG has before its colours are made.
#ifndef BLUEC_RUNTIME_VISION_STBIMAGE_H
#define BLUEC_RUNTIME_VISION_STBIMAGE_H

#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 16384
#include <stb/stb_image.h>

#include "vision/JpegPixels.h"

#include <cstddef>
#include <memory>
#include <span>

namespace bluec::runtime {

// While it lives, stb gets no block of more than `most` bytes on this thread.
class StbMemory {
public:
  explicit StbMemory(std::size_t most);
  ~StbMemory();
  StbMemory(const StbMemory &) = delete;
  StbMemory &operator=(const StbMemory &) = delete;
  // Whether it has asked for one.
  bool exceeded() const;
};

// A decoded JPEG's planes, which point into what the decoder allocated.
struct StbJpeg {
  JpegPlanes planes;
  std::shared_ptr<void> memory;
};

// Null planes when the file cannot be decoded; stbi_failure_reason() says why.
StbJpeg decodeStbJpeg(std::span<const std::uint8_t> file);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_STBIMAGE_H
