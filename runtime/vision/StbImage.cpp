#include <cstddef>
#include <cstdlib>

namespace {

// The decoder asks for as much as the file's contents unfold to, which a small hostile file can
// make huge. Nothing that the limits of Picture.h admit needs more than this at once.
constexpr std::size_t largestBlock = std::size_t(1) << 30;

// Zeroed, so that a damaged picture that leaves pixels out is the same every time.
void *allocateBlock(std::size_t bytes) {
  return bytes > largestBlock ? nullptr : std::calloc(bytes, 1);
}

void *resizeBlock(void *block, std::size_t bytes) {
  return bytes > largestBlock ? nullptr : std::realloc(block, bytes);
}

} // namespace

#define STBI_MALLOC(bytes) allocateBlock(bytes)
#define STBI_REALLOC(block, bytes) resizeBlock(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_ASSERT(condition) static_cast<void>(0)
#define STB_IMAGE_IMPLEMENTATION
#include "vision/StbImage.h"
