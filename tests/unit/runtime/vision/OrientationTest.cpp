#include "vision/Orientation.h"

#include <gtest/gtest.h>

using namespace bluec::runtime;

namespace {

std::span<const std::uint8_t> bytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

std::string number(std::uint32_t value, int bytes, bool bigEndian) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += char(value >> 8 * (bigEndian ? bytes - 1 - i : i));
  return text;
}

std::string entry(std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                  const std::string &value, bool bigEndian) {
  return number(tag, 2, bigEndian) + number(type, 2, bigEndian) + number(count, 4, bigEndian) +
         value;
}

// A TIFF block whose directory, at byte 8, has these entries.
std::string block(const std::vector<std::string> &entries, bool bigEndian = false) {
  std::string text = bigEndian ? std::string("MM\0*", 4) : std::string("II*\0", 4);
  text += number(8, 4, bigEndian) + number(std::uint32_t(entries.size()), 2, bigEndian);
  for (const std::string &one : entries)
    text += one;
  return text;
}

std::string orientationEntry(std::uint32_t value, bool bigEndian = false) {
  return entry(0x0112, 3, 1, number(value, 2, bigEndian) + std::string(2, '\0'), bigEndian);
}

TEST(Orientation, ReadsExif) {
  const std::string other = entry(0x010f, 2, 4, std::string("cam\0", 4), false);
  const auto read = [](const std::string &text) { return exifOrientation(bytesOf(text)); };
  EXPECT_EQ(read(block({other, orientationEntry(6)})), 6u);
  EXPECT_EQ(read(block({orientationEntry(6, true)}, true)), 6u);
  EXPECT_EQ(read(std::string("Exif\0\0", 6) + block({orientationEntry(3)})), 3u);
  EXPECT_EQ(read(block({entry(0x0112, 4, 1, number(5, 4, false), false)})), 5u);
  EXPECT_EQ(read(block({orientationEntry(6), orientationEntry(8)})), 6u);
  EXPECT_EQ(read(block({orientationEntry(9)})), 9u);
  // Three shorts stand elsewhere: here at byte 22, behind the entry.
  const std::string apart = entry(0x0112, 3, 3, number(22, 4, false), false);
  EXPECT_EQ(read(block({apart}) + number(7, 2, false) + number(1, 4, false)), 7u);
}

TEST(Orientation, WhatCannotBeReadSaysNothing) {
  const auto read = [](const std::string &text) { return exifOrientation(bytesOf(text)); };
  const std::string whole = block({orientationEntry(6)});
  for (std::size_t size = 0; size < whole.size() - 2; ++size)
    EXPECT_EQ(read(whole.substr(0, size)), std::nullopt) << size;
  EXPECT_EQ(read("II+" + whole.substr(3)), std::nullopt);
  // A directory beyond the end, or at the end of the numbers.
  for (std::uint32_t at : {100u, 0xffffffffu})
    EXPECT_EQ(read(whole.substr(0, 4) + number(at, 4, false) + whole.substr(8)), std::nullopt);
  EXPECT_EQ(read(block({entry(0x0112, 2, 1, std::string("6\0\0\0", 4), false)})), std::nullopt);
  EXPECT_EQ(read(block({entry(0x0112, 3, 0, number(6, 4, false), false)})), std::nullopt);
  // Four thousand million values, or some that end beyond the block.
  EXPECT_EQ(read(block({entry(0x0112, 4, 0xffffffff, number(0, 4, false), false)})), std::nullopt);
  EXPECT_EQ(read(block({entry(0x0112, 3, 3, number(22, 4, false), false)}) + "1234"), std::nullopt);
}

TEST(Orientation, ReadsXmp) {
  EXPECT_EQ(xmpOrientation(R"(<a tiff:Orientation="6" b="">)"), 6u);
  EXPECT_EQ(xmpOrientation("<tiff:Orientation>8</tiff:Orientation>"), 8u);
  EXPECT_EQ(xmpOrientation(R"(tiff:Orientation tiff:Orientation="x" tiff:Orientation="3")"), 3u);
  for (const char *text : {"", "tiff:Orientation", "tiff:Orientation=\"", "tiff:Orientation>x"})
    EXPECT_EQ(xmpOrientation(text), std::nullopt) << text;
}

TEST(Orientation, ExifCountsMoreThanXmp) {
  const char *xmp = R"(tiff:Orientation="3")";
  EXPECT_EQ(chooseOrientation(bytesOf(block({orientationEntry(6)})), xmp), Orientation::TurnRight);
  EXPECT_EQ(chooseOrientation(bytesOf(block({orientationEntry(0)})), xmp), Orientation::Upright);
  EXPECT_EQ(chooseOrientation({}, xmp), Orientation::HalfTurn);
  EXPECT_EQ(chooseOrientation({}, ""), Orientation::Upright);
}

// 100 x 70 is more than one square of the copying loop.
TEST(Orientation, TurnsBackAndForth) {
  Picture picture{100, 70, {}};
  for (int i = 0; i < 100 * 70 * 3; ++i)
    picture.pixels.push_back(std::uint8_t(i * 7 + i / 300));
  const std::pair<Orientation, Orientation> inverses[] = {
      {Orientation::FlipColumns, Orientation::FlipColumns},
      {Orientation::HalfTurn, Orientation::HalfTurn},
      {Orientation::FlipRows, Orientation::FlipRows},
      {Orientation::Transpose, Orientation::Transpose},
      {Orientation::TurnRight, Orientation::TurnLeft},
      {Orientation::Transverse, Orientation::Transverse}};
  for (const auto &[there, back] : inverses) {
    const Picture turned = orient(picture, there);
    EXPECT_NE(turned.pixels, picture.pixels);
    EXPECT_EQ(turned.width, there < Orientation::Transpose ? 100 : 70);
    EXPECT_EQ(orient(turned, back).pixels, picture.pixels);
  }
}

} // namespace
