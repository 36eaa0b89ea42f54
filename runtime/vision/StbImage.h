// stb_image, restricted to PNG and JPEG from memory. Included by Picture.cpp; the implementation is
// compiled in StbImage.cpp.
#ifndef BLUEC_RUNTIME_VISION_STBIMAGE_H
#define BLUEC_RUNTIME_VISION_STBIMAGE_H

#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 16384
#include <stb/stb_image.h>

#endif // BLUEC_RUNTIME_VISION_STBIMAGE_H
