#include "vision/Picture.h"

#include "platform/ThreadPool.h"
#include "support/TestBundle.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>

using namespace bluec::runtime;
using namespace bluec::test;

namespace {

const std::string golden = BLUEC_SOURCE_DIR "/tests/golden/runtime/";

Result<Picture> decode(const std::string &bytes, const PictureLimits &limits = {}) {
  return decodePicture({reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()},
                       limits);
}

std::string message(const std::string &bytes, const PictureLimits &limits = {}) {
  const Status status = decode(bytes, limits).status();
  EXPECT_TRUE(status.ok() || status.getCode() == Code::BadPicture);
  return status.message();
}

std::string picture(const std::string &name) { return readWhole(golden + "pictures/" + name); }

void putBigEndian(std::string &bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[at + std::size_t(i)] = char(value >> (24 - 8 * i));
}

std::uint32_t crcOf(std::string_view bytes) {
  std::uint32_t value = ~0u;
  for (char c : bytes) {
    value ^= std::uint8_t(c);
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
  }
  return ~value;
}

// A PNG with another size in its header, and a checksum that fits.
std::string pngOfSize(std::uint32_t width, std::uint32_t height) {
  std::string bytes = picture("rgb.png");
  putBigEndian(bytes, 16, width);
  putBigEndian(bytes, 20, height);
  putBigEndian(bytes, 29, crcOf(std::string_view(bytes).substr(12, 17)));
  return bytes;
}

// The very pixels that Pillow's convert("RGB") gives, for every kind of colour, turned upright as
// by its exif_transpose.
TEST(Picture, PixelsAreThoseOfPillow) {
  ThreadPool pool(3);
  std::ifstream list(golden + "pictures.txt");
  std::string name, pixels;
  int width = 0, height = 0, cases = 0;
  while (list >> name >> width >> height >> pixels) {
    const std::string bytes = picture(name);
    const Result<Picture> decoded =
        decodePicture({reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()}, {},
                      cases % 2 == 0 ? &pool : nullptr);
    ASSERT_TRUE(decoded.ok()) << name << ": " << decoded.status().message();
    EXPECT_EQ(decoded->width, width) << name;
    EXPECT_EQ(decoded->height, height) << name;
    ASSERT_EQ(decoded->pixels.size() * 2, pixels.size()) << name;
    for (std::size_t i = 0; i < decoded->pixels.size(); ++i)
      ASSERT_EQ(decoded->pixels[i], std::stoi(pixels.substr(2 * i, 2), nullptr, 16))
          << name << " value " << i;
    ++cases;
  }
  EXPECT_EQ(cases, 50);
}

TEST(Picture, NotAPicture) {
  EXPECT_EQ(message(""), "picture: expected a png or jpeg file, found an empty one");
  for (const char *text : {"x", "GIF89a....", "BM......", "\xff\xd8", "\x89PNG"})
    EXPECT_EQ(message(text), "picture: expected a png or jpeg file, found something else");
}

TEST(Picture, EveryTruncationIsRefused) {
  for (const char *name : {"rgb.png", "palette.png", "rgb.jpg", "progressive.jpg"}) {
    const std::string bytes = picture(name);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_NE(message(bytes.substr(0, size)), "") << name << " cut to " << size;
  }
}

// A JPEG may carry a small one in its metadata, with an end marker of its own.
TEST(Picture, EndMarkerOfAThumbnailIsNotTheEnd) {
  const std::string bytes = picture("rgb.jpg");
  std::string segment("\xff\xe1\x00\x06\xff\xd9\x00\x00", 8);
  const std::string whole = bytes.substr(0, 2) + segment + bytes.substr(2);
  EXPECT_EQ(message(whole), "");
  EXPECT_EQ(message(whole.substr(0, whole.size() - 2)),
            "picture: jpeg is cut short: the end marker is missing");
}

TEST(Picture, FlippedBitsInPng) {
  const std::string bytes = picture("rgb.png");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = char(flipped[i] ^ 4);
    EXPECT_NE(message(flipped), "") << "byte " << i;
  }
}

// Refused by the header, before any pixel is decoded.
TEST(Picture, Limits) {
  EXPECT_EQ(message(pngOfSize(30000, 5)),
            "picture: expected at most 16384 pixels a side, found 30000 x 5 pixels");
  EXPECT_EQ(message(pngOfSize(5, 0xffffffff)),
            "picture: expected at most 16384 pixels a side, found 5 x 4294967295 pixels");
  EXPECT_EQ(message(pngOfSize(16384, 16384)),
            "picture: expected at most 67108864 pixels, found 16384 x 16384 pixels");
  EXPECT_EQ(message(pngOfSize(0, 5)), "picture: expected at least one pixel, found 0 x 5 pixels");
  std::string jpeg = picture("rgb.jpg");
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, jpeg.npos);
  jpeg[frame + 7] = char(30000 >> 8);
  jpeg[frame + 8] = char(30000 & 255);
  EXPECT_EQ(message(jpeg),
            "picture: expected at most 16384 pixels a side, found 30000 x 16 pixels");
  PictureLimits limits;
  limits.maxFileBytes = 10;
  EXPECT_EQ(message(picture("rgb.png"), limits),
            "picture: expected a file of at most 10 bytes, found " +
                std::to_string(picture("rgb.png").size()));
}

// What the decoder would take on trust.
TEST(Picture, JpegTables) {
  const std::string bytes = picture("rgb.jpg");
  const auto without = [&](const char *marker) {
    std::string changed = bytes;
    const std::size_t at = changed.find(marker);
    const std::size_t length =
        std::size_t(std::uint8_t(changed[at + 2])) << 8 | std::uint8_t(changed[at + 3]);
    return changed.erase(at, length + 2);
  };
  EXPECT_EQ(message(without("\xff\xc4")),
            "picture: jpeg is damaged: a scan uses a table that is not there");
  EXPECT_EQ(message(without("\xff\xdb")),
            "picture: jpeg is damaged: a scan uses a table that is not there");
  EXPECT_EQ(message(without("\xff\xc0")),
            "picture: jpeg is damaged: expected a frame header and a scan of it");
  EXPECT_EQ(message(without("\xff\xda")).substr(0, 24), "picture: jpeg is damaged");
  std::string crowded = bytes;
  crowded[crowded.find("\xff\xc4") + 5] = '\xff'; // codes of one bit: there can be two
  EXPECT_EQ(message(crowded), "picture: jpeg is damaged: a huffman table does not fit its segment");
}

// Larger than its data: the decoder has to notice.
TEST(Picture, HeaderThatPromisesTooMuch) { EXPECT_NE(message(pngOfSize(600, 500)), ""); }

TEST(Picture, OnePixel) {
  const Result<Picture> decoded = decode(picture("one.png"));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->pixels.size(), 3u);
}

} // namespace
