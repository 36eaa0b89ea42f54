#include "vision/Outline.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace bluec::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;

Status bad(const std::string &message) { return {Code::BadPicture, "picture: " + message}; }

std::uint32_t read32(Bytes bytes, std::size_t at) {
  return std::uint32_t(bytes[at]) << 24 | std::uint32_t(bytes[at + 1]) << 16 |
         std::uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
}

std::uint32_t read16(Bytes bytes, std::size_t at) {
  return std::uint32_t(bytes[at]) << 8 | bytes[at + 1];
}

using CrcTable = std::array<std::uint32_t, 256>;

// tables[n][b]: byte b followed by n zero bytes.
constexpr std::array<CrcTable, 8> makeCrcTables() {
  std::array<CrcTable, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    tables[0][byte] = value;
  }
  for (std::size_t n = 1; n < tables.size(); ++n)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 255];
  return tables;
}

// Eight bytes at a time: a PNG's data is most of its file.
std::uint32_t crc32(Bytes bytes) {
  static constexpr std::array<CrcTable, 8> kTables = makeCrcTables();
  std::uint32_t value = ~0u;
  for (; bytes.size() >= kTables.size(); bytes = bytes.subspan(kTables.size())) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < kTables.size(); ++i)
      next ^= kTables[7 - i][(i < 4 ? value >> (8 * i) & 255 : 0) ^ bytes[i]];
    value = next;
  }
  for (std::uint8_t byte : bytes)
    value = kTables[0][(value ^ byte) & 255] ^ (value >> 8);
  return ~value;
}

constexpr std::string_view pngSignature("\x89PNG\r\n\x1a\n", 8);

bool startsWith(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

std::string_view asText(Bytes bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// The way through a JPEG from marker to marker. It has to arrive at the end marker; a table's codes
// are counted, and a scan's tables have to be there.
class JpegOutline {
public:
  explicit JpegOutline(Bytes file) : file(file) {}

  Status walk(Outline &outline) {
    std::size_t at = 2;
    while (at < file.size()) {
      // Between segments, and inside a scan's data, everything up to 0xff and a marker is passed.
      const void *next = std::memchr(&file[at], 0xff, file.size() - at);
      at = next ? std::size_t(static_cast<const std::uint8_t *>(next) - file.data()) : file.size();
      while (at < file.size() && file[at] == 0xff)
        ++at;
      if (at >= file.size())
        return bad("jpeg is cut short: the end marker is missing");
      const std::uint8_t marker = file[at++];
      if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7))
        continue;
      if (marker == kEndOfImage)
        return scanned ? Status() : bad("jpeg is damaged: it ends before its first scan");
      if (file.size() - at < 2)
        return bad("jpeg is cut short: the end marker is missing");
      const std::uint32_t length = read16(file, at);
      if (length < 2 || length > file.size() - at)
        return bad("jpeg is cut short or damaged: a segment of " + std::to_string(length) +
                   " bytes has " + std::to_string(file.size() - at));
      BLUEC_RETURN_IF_ERROR(readSegment(marker, file.subspan(at + 2, length - 2), outline));
      at += length;
    }
    return bad("jpeg is cut short: the end marker is missing");
  }

private:
  static constexpr std::uint8_t kHuffmanTables = 0xc4, kEndOfImage = 0xd9, kStartOfScan = 0xda,
                                kQuantTables = 0xdb, kApp0 = 0xe0, kApp1 = 0xe1, kApp14 = 0xee;

  static bool isFrameHeader(std::uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != kHuffmanTables && marker != 0xc8 &&
           marker != 0xcc;
  }

  Status readSegment(std::uint8_t marker, Bytes contents, Outline &outline) {
    if (isFrameHeader(marker))
      return readFrame(marker, contents, outline);
    if (marker == kHuffmanTables)
      return readHuffmanTables(contents);
    if (marker == kQuantTables)
      return readQuantTables(contents);
    if (marker == kStartOfScan)
      return readScan(contents, outline);
    if (!scanned)
      readApplication(marker, contents);
    return {};
  }

  // What cameras and programs add in front of the first scan.
  void readApplication(std::uint8_t marker, Bytes contents) {
    constexpr std::string_view jfifName("JFIF\0", 5), adobeName("Adobe"), exifName("Exif\0\0", 6),
        xmpName("http://ns.adobe.com/xap/1.0/\0", 29);
    constexpr std::size_t kJfifBytes = 14, kAdobeBytes = 12;
    if (marker == kApp0 && contents.size() >= kJfifBytes && startsWith(contents, jfifName))
      jfif = true;
    else if (marker == kApp14 && contents.size() >= kAdobeBytes && startsWith(contents, adobeName))
      adobeTransform = contents[kAdobeBytes - 1];
    else if (marker == kApp1 && startsWith(contents, exifName)) // may go on in the next segment
      exif.insert(exif.end(), contents.begin() + exifName.size(), contents.end());
    else if (marker == kApp1 && startsWith(contents, xmpName))
      xmp = contents.subspan(xmpName.size());
  }

  JpegColors colors() const {
    if (components.size() == 1)
      return JpegColors::Gray;
    if (components.size() == 4)
      return adobeTransform.value_or(0) == 0 ? JpegColors::Cmyk : JpegColors::Ycck;
    if (jfif)
      return JpegColors::Ycc;
    if (adobeTransform)
      return *adobeTransform == 0 ? JpegColors::Rgb : JpegColors::Ycc;
    constexpr std::string_view kNamed = "RGB";
    return components.size() == kNamed.size() &&
                   std::equal(components.begin(), components.end(), kNamed.begin(),
                              [](const Component &c, char name) { return c.id == name; })
               ? JpegColors::Rgb
               : JpegColors::Ycc;
  }

  // Precision, height, width, and for each component its id, sampling and quantisation table.
  Status readFrame(std::uint8_t marker, Bytes contents, Outline &outline) {
    if (!components.empty() || contents.size() < 9 ||
        contents.size() != 6 + std::size_t(3) * contents[5])
      return bad("jpeg is damaged: expected one frame header");
    progressive = marker == 0xc2;
    outline.height = read16(contents, 1);
    outline.width = read16(contents, 3);
    for (std::size_t i = 6; i < contents.size(); i += 3)
      components.push_back({contents[i], contents[i + 2]});
    return {};
  }

  // Tables of a class and number, 16 counts of codes by length, and a value for each code. The
  // decoder has room for 256 codes.
  Status readHuffmanTables(Bytes tables) {
    constexpr std::size_t kHead = 1 + 16;
    while (!tables.empty()) {
      std::size_t codes = 0;
      for (std::size_t i = 1; i < std::min(kHead, tables.size()); ++i)
        codes += tables[i];
      if (tables.size() < kHead || codes > 256 || codes > tables.size() - kHead)
        return bad("jpeg is damaged: a huffman table does not fit its segment");
      defined[tables[0] >> 4 ? Ac : Dc] |= 1u << (tables[0] & 15);
      tables = tables.subspan(kHead + codes);
    }
    return {};
  }

  // Tables of a precision and number, and 64 values of one or two bytes.
  Status readQuantTables(Bytes tables) {
    while (!tables.empty()) {
      const std::size_t bytes = tables[0] >> 4 ? 129 : 65;
      if (tables.size() < bytes)
        return bad("jpeg is damaged: a quantisation table does not fit its segment");
      defined[Quant] |= 1u << (tables[0] & 15);
      tables = tables.subspan(bytes);
    }
    return {};
  }

  // For each component its id and tables; then the range of coefficients and of bits.
  Status readScan(Bytes contents, Outline &outline) {
    if (!scanned) {
      outline.colors = colors();
      outline.orientation = chooseOrientation(exif, asText(xmp));
    }
    scanned = true;
    if (components.empty() || contents.empty() ||
        contents.size() != 4 + std::size_t(2) * contents[0])
      return bad("jpeg is damaged: expected a frame header and a scan of it");
    // Encoders that search for the smallest file write two dozen.
    constexpr int kMostProgressiveScans = 100;
    const int most = progressive ? kMostProgressiveScans : int(std::ssize(components));
    if (++scans > most)
      return bad("expected a jpeg of at most " + std::to_string(most) + " scans, found more");
    const Bytes range = contents.last(3);
    const bool usesDc = !progressive || (range[0] == 0 && range[2] >> 4 == 0);
    const bool usesAc = !progressive || range[0] != 0;
    for (std::size_t i = 1; i + 3 < contents.size(); i += 2) {
      const auto component = std::find_if(components.begin(), components.end(),
                                          [&](const Component &c) { return c.id == contents[i]; });
      const auto has = [&](Kind kind, unsigned number) { return defined[kind] >> number & 1; };
      if (component == components.end() || !has(Quant, component->quantTable & 15) ||
          (usesDc && !has(Dc, contents[i + 1] >> 4)) || (usesAc && !has(Ac, contents[i + 1] & 15)))
        return bad("jpeg is damaged: a scan uses a table that is not there");
    }
    return {};
  }

  struct Component {
    std::uint8_t id, quantTable;
  };
  enum Kind { Dc, Ac, Quant };

  Bytes file;
  std::vector<Component> components;
  std::uint32_t defined[3] = {0, 0, 0}; // a bit for each table number
  bool progressive = false;
  int scans = 0;
  bool scanned = false;
  bool jfif = false;
  std::optional<std::uint8_t> adobeTransform;
  std::vector<std::uint8_t> exif;
  Bytes xmp;
};

// The text of an XMP chunk that is not compressed: keyword, two flags, two more texts, each with a
// zero behind it.
std::string_view xmpOf(Bytes chunk) {
  constexpr std::string_view keyword("XML:com.adobe.xmp\0", 18);
  if (!startsWith(chunk, keyword) || chunk.size() < keyword.size() + 2 ||
      chunk[keyword.size()] != 0)
    return {};
  std::string_view text = asText(chunk.subspan(keyword.size() + 2));
  for (int i = 0; i < 2; ++i) {
    const std::size_t end = text.find('\0');
    if (end == text.npos)
      return {};
    text.remove_prefix(end + 1);
  }
  return text;
}

// Bytes of pixels and filters by the header: of one pass or of Adam7's seven.
std::uint64_t inflatedSize(Bytes header) {
  constexpr std::array<std::uint8_t, 7> kChannels = {1, 0, 3, 1, 2, 0, 4}; // by colour type
  const std::uint64_t width = read32(header, 0), height = read32(header, 4);
  const std::uint8_t color = header[9];
  const std::uint64_t bits = header[8] * (color < kChannels.size() ? kChannels[color] : 0u);
  const auto pass = [&](std::uint64_t columns, std::uint64_t rows) {
    return columns == 0 ? 0 : rows * (1 + (columns * bits + 7) / 8);
  };
  if (header[12] == 0)
    return pass(width, height);
  struct Pass {
    std::uint32_t x, y, stepX, stepY;
  };
  constexpr Pass kPasses[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                              {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::uint64_t sum = 0;
  for (const Pass &p : kPasses)
    sum += pass((width + p.stepX - 1 - p.x) / p.stepX, (height + p.stepY - 1 - p.y) / p.stepY);
  return sum;
}

} // namespace

std::string_view describeOther(Bytes file) {
  struct Magic {
    std::size_t at;
    std::string_view bytes, name;
  };
  constexpr std::size_t kBrand = 8;
  static constexpr Magic kMagics[] = {{kBrand, "WEBP", "a webp file"},
                                      {0, "GIF8", "a gif file"},
                                      {0, "BM", "a bmp file"},
                                      {0, std::string_view("II*\0", 4), "a tiff file"},
                                      {0, std::string_view("MM\0*", 4), "a tiff file"},
                                      {kBrand, "heic", "a heic file"},
                                      {kBrand, "heix", "a heic file"},
                                      {kBrand, "mif1", "a heic or heif file"},
                                      {kBrand, "msf1", "a heic or heif file"},
                                      {kBrand, "avif", "an avif file"},
                                      {0, std::string_view("\0\0\0\x0cJXL ", 8), "a jpeg xl file"},
                                      {0, "\xff\x0a", "a jpeg xl file"},
                                      {0, "%PDF", "a pdf file"},
                                      {0, "version https://git-lfs", "a git lfs pointer"}};
  for (const Magic &magic : kMagics)
    if (file.size() > magic.at && startsWith(file.subspan(magic.at), magic.bytes))
      return magic.name;
  constexpr std::string_view kSpace = " \t\r\n";
  const std::string_view text = asText(file);
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos || text[begin] != '<')
    return "something else";
  constexpr std::size_t kLooked = 512;
  std::string head(text.substr(begin, kLooked));
  std::transform(head.begin(), head.end(), head.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  if (head.find("<svg") != head.npos)
    return "an svg file";
  return head.find("html") != head.npos ? "a page (html)" : "something else";
}

PictureFormat formatOf(Bytes file) {
  if (startsWith(file, pngSignature))
    return PictureFormat::Png;
  return startsWith(file, "\xff\xd8\xff") ? PictureFormat::Jpeg : PictureFormat::Unknown;
}

Status outlineJpeg(Bytes file, Outline &outline) { return JpegOutline(file).walk(outline); }

Status outlinePng(Bytes file, Outline &outline) {
  std::size_t at = pngSignature.size();
  Bytes exif;
  std::string_view xmp;
  for (bool first = true;; first = false) {
    if (file.size() - at < 12)
      return bad("png is cut short: the end chunk is missing");
    const std::uint32_t length = read32(file, at);
    if (length > file.size() - at - 12)
      return bad("png is cut short: a chunk of " + std::to_string(length) + " bytes has " +
                 std::to_string(file.size() - at - 12));
    const Bytes typed = file.subspan(at + 4, std::size_t(length) + 4);
    const std::string_view type(reinterpret_cast<const char *>(typed.data()), 4);
    if (read32(file, at + 8 + length) != crc32(typed))
      return bad("png is damaged: the checksum of chunk " + inQuotes(type) + " does not match");
    if (first) {
      if (type != "IHDR" || length != 13)
        return bad("png is damaged: expected chunk 'IHDR' first, found " + inQuotes(type));
      outline.width = read32(typed, 4);
      outline.height = read32(typed, 8);
      outline.deepGray = typed[12] == 16 && typed[13] == 0;
      outline.inflated = inflatedSize(typed.subspan(4));
    }
    if (type == "eXIf")
      exif = typed.subspan(4);
    else if (const std::string_view text = xmpOf(typed.subspan(4)); type == "iTXt" && !text.empty())
      xmp = text;
    if (type == "IEND") {
      outline.orientation = chooseOrientation(exif, xmp);
      return {};
    }
    at += 12 + std::size_t(length);
  }
}

} // namespace bluec::runtime
