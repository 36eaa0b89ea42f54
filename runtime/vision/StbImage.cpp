#include <cstddef>
#include <cstdlib>

namespace {

// The decoder asks for as much as the file's contents unfold to, which a small hostile file can
// make huge. Nothing that the limits of Picture.h admit needs more than this at once.
constexpr std::size_t kLargestBlock = std::size_t(1) << 30;

thread_local std::size_t largestBlock = kLargestBlock;
thread_local bool blockRefused = false;

bool isRefused(std::size_t bytes) {
  blockRefused |= bytes > largestBlock;
  return bytes > largestBlock;
}

// Zeroed, so that a damaged picture that leaves pixels out is the same every time.
void *allocateBlock(std::size_t bytes) {
  return isRefused(bytes) ? nullptr : std::calloc(bytes, 1);
}

void *resizeBlock(void *block, std::size_t bytes) {
  return isRefused(bytes) ? nullptr : std::realloc(block, bytes);
}

} // namespace

#define STBI_MALLOC(bytes) allocateBlock(bytes)
#define STBI_REALLOC(block, bytes) resizeBlock(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_ASSERT(condition) static_cast<void>(0)
#define STB_IMAGE_IMPLEMENTATION
#include "vision/StbImage.h"

#include <algorithm>
#include <new>

namespace bluec::runtime {
namespace {

struct State {
  stbi__context context{};
  stbi__jpeg jpeg{};
  State() { jpeg.s = &context; }
  State(const State &) = delete;
  State &operator=(const State &) = delete;
  ~State() { stbi__cleanup_jpeg(&jpeg); }
};

} // namespace

StbMemory::StbMemory(std::size_t most) {
  largestBlock = std::min(most, kLargestBlock);
  blockRefused = false;
}

StbMemory::~StbMemory() { largestBlock = kLargestBlock; }

bool StbMemory::exceeded() const { return blockRefused; }

StbJpeg decodeStbJpeg(std::span<const std::uint8_t> file) {
  const auto state = std::make_shared<State>();
  stbi__start_mem(&state->context, file.data(), int(file.size()));
  stbi__jpeg &jpeg = state->jpeg;
  stbi__setup_jpeg(&jpeg);
  jpeg.idct_block_kernel = inverseDct();
  StbJpeg result;
  if (!stbi__decode_jpeg_image(&jpeg))
    return result;
  result.planes.width = int(state->context.img_x);
  result.planes.height = int(state->context.img_y);
  for (int i = 0; i < state->context.img_n; ++i) {
    const auto &component = jpeg.img_comp[i];
    result.planes.planes.push_back({component.data, std::size_t(component.w2), component.x,
                                    component.y, jpeg.img_h_max / component.h,
                                    jpeg.img_v_max / component.v});
  }
  result.memory = state;
  return result;
}

} // namespace bluec::runtime
