#include "vision/Picture.h"

#include "platform/ThreadPool.h"
#include "support/TestBundle.h"
#include "vision/Outline.h"

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
  for (const char *text : {"x", "\xff\xd8", "\x89PNG", "<", "  ", "< no page"})
    EXPECT_EQ(message(text), "picture: expected a png or jpeg file, found something else");
  const std::pair<std::string, const char *> others[] = {
      {"RIFF....WEBPVP8 ", "a webp file"},
      {"GIF89a....", "a gif file"},
      {"BM......", "a bmp file"},
      {std::string("II*\0....", 8), "a tiff file"},
      {"....ftypheic....", "a heic file"},
      {"....ftypavif....", "an avif file"},
      {"%PDF-1.7", "a pdf file"},
      {"version https://git-lfs.github.com/spec/v1\n", "a git lfs pointer"},
      {"\n<!DOCTYPE HTML><HTML>", "a page (html)"},
      {"<?xml version=\"1.0\"?><svg xmlns=\"\"/>", "an svg file"}};
  for (const auto &[text, name] : others)
    EXPECT_EQ(message(text), std::string("picture: expected a png or jpeg file, found ") + name);
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

// Each scan costs a walk over the whole picture, however few bytes it has.
TEST(Picture, JpegScans) {
  const auto withScans = [&](const char *name, int count) {
    const std::string bytes = picture(name);
    // The last scan: its header and its data up to the end marker.
    const std::size_t at = bytes.rfind("\xff\xda"), end = bytes.rfind("\xff\xd9");
    std::string many = bytes.substr(0, end);
    for (int i = 0; i < count; ++i)
      many += bytes.substr(at, end - at);
    return many + bytes.substr(end);
  };
  EXPECT_EQ(message(withScans("progressive.jpg", 100)),
            "picture: expected a jpeg of at most 100 scans, found more");
  EXPECT_EQ(message(withScans("rgb.jpg", 3)),
            "picture: expected a jpeg of at most 3 scans, found more");
}

// Ten megabytes of zeros for one pixel: a block of deflate with fixed codes, in which a literal is
// followed by copies of 258 bytes from one byte before.
TEST(Picture, PngThatInflatesBeyondItsHeader) {
  std::string data("\x78\x01", 2);
  int bit = 8;
  const auto put = [&](std::string_view bits) {
    for (const char c : bits) {
      if (bit == 8) {
        data += '\0';
        bit = 0;
      }
      data.back() = char(data.back() | (c == '1') << bit++);
    }
  };
  put("110"        // the last block, with fixed codes
      "00110000"); // literal 0
  for (int i = 0; i < 40000; ++i)
    put("11000101"      // a copy of 258 bytes
        "00000");       // from 1 byte before
  put("0000000");       // the end
  data.append(4, '\0'); // the sum, which nobody asks for

  const auto chunk = [](const std::string &typed) {
    std::string size(4, '\0'), sum(4, '\0');
    putBigEndian(size, 0, std::uint32_t(typed.size() - 4));
    putBigEndian(sum, 0, crcOf(typed));
    return size + typed + sum;
  };
  const std::string start = pngOfSize(1, 1);
  EXPECT_EQ(message(start.substr(0, start.find("IDAT") - 4) + chunk("IDAT" + data) + chunk("IEND")),
            "picture: png is damaged: its data inflates to more than its header says");
}

// Rows have a byte in front; Adam7's passes have rows of their own.
TEST(Picture, WhatPngDataMayInflateTo) {
  const auto inflated = [](std::string bytes, int kind, int interlaced) {
    bytes[25] = char(kind);
    bytes[28] = char(interlaced);
    putBigEndian(bytes, 29, crcOf(std::string_view(bytes).substr(12, 17)));
    Outline outline;
    EXPECT_TRUE(
        outlinePng({reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()}, outline)
            .ok());
    return outline.inflated;
  };
  EXPECT_EQ(inflated(pngOfSize(5, 3), 2, 0), 3u * 16);
  EXPECT_EQ(inflated(pngOfSize(5, 3), 6, 0), 3u * 21);
  EXPECT_EQ(inflated(pngOfSize(1, 1), 2, 1), 4u);
  EXPECT_EQ(inflated(pngOfSize(8, 8), 0, 1), 64u + 1 + 1 + 1 + 2 + 2 + 4 + 4);
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
