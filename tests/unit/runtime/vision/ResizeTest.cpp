#include "vision/Resize.h"

#include "platform/ThreadPool.h"
#include "support/TestBundle.h"

#include <fstream>
#include <gtest/gtest.h>
#include <tuple>

using namespace bluec::runtime;
using bluec::test::sha256Hex;

namespace {

// The same pixels as `noise` of scripts/make_runtime_goldens.
Picture noise(int width, int height) {
  Picture picture{width, height, {}};
  std::uint32_t state = std::uint32_t(width) * 65537u + std::uint32_t(height);
  for (int i = 0; i < width * height * 3; ++i) {
    state = state * 1664525u + 1013904223u;
    picture.pixels.push_back(std::uint8_t(state >> 24));
  }
  return picture;
}

// Bit for bit what Pillow gives, for sizes that grow, shrink, and do both; on any threads.
TEST(Resize, EqualsPillow) {
  ThreadPool pool(3);
  std::ifstream golden(BLUEC_SOURCE_DIR "/tests/golden/runtime/resize.txt");
  int fromWidth = 0, fromHeight = 0, width = 0, height = 0, cases = 0;
  std::string name, hash;
  while (golden >> name >> fromWidth >> fromHeight >> width >> height >> hash) {
    const std::optional<Filter> filter = filterByName(name);
    ASSERT_TRUE(filter) << name;
    ThreadPool *threads = cases % 2 == 0 ? &pool : nullptr;
    const Picture resized = resize(noise(fromWidth, fromHeight), width, height, *filter, threads);
    EXPECT_EQ(resized.width, width);
    EXPECT_EQ(resized.height, height);
    EXPECT_EQ(sha256Hex(resized.pixels.data(), resized.pixels.size()), hash)
        << name << ' ' << fromWidth << " x " << fromHeight << " to " << width << " x " << height;
    ++cases;
  }
  EXPECT_EQ(cases, 3 * 88);
}

// A window has the pixels that the whole has there, whichever direction goes first or not at all.
TEST(Resize, Windows) {
  for (const auto &[fromWidth, fromHeight, width, height] :
       {std::tuple(40, 30, 17, 19), std::tuple(20, 300, 21, 9), std::tuple(33, 9, 33, 20),
        std::tuple(9, 33, 20, 33), std::tuple(12, 12, 12, 12)}) {
    const Picture from = noise(fromWidth, fromHeight);
    const Window window = {width / 4, height / 3, width / 2, height / 3};
    const Picture whole = resize(from, width, height, Filter::Lanczos);
    const Picture part = resizeWindow(from, width, height, window, Filter::Lanczos);
    ASSERT_EQ(part.width, window.width);
    ASSERT_EQ(part.height, window.height);
    for (int y = 0; y < part.height; ++y)
      for (int i = 0; i < part.width * 3; ++i)
        ASSERT_EQ(part.pixels[std::size_t(y * part.width * 3 + i)],
                  whole.pixels[std::size_t((window.top + y) * width * 3 + window.left * 3 + i)])
            << width << " x " << height << ": " << i << ", " << y;
  }
}

TEST(Resize, OnePixelFillsAll) {
  const Picture resized = resize({1, 1, {10, 20, 30}}, 5, 4);
  for (std::size_t i = 0; i < resized.pixels.size(); ++i)
    EXPECT_EQ(resized.pixels[i], 10 * (i % 3 + 1));
}

} // namespace
