#include "vision/Picture.h"

#include "vision/StbImage.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

namespace bluec::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;

// What the walk over a file's structure finds out.
struct Outline {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool deepGray = false; // 16-bit gray without alpha
};

struct FreeStb {
  void operator()(void *block) const { stbi_image_free(block); }
};

Status bad(const std::string &message) { return {Code::BadPicture, "picture: " + message}; }

std::uint32_t read32(Bytes bytes, std::size_t at) {
  return std::uint32_t(bytes[at]) << 24 | std::uint32_t(bytes[at + 1]) << 16 |
         std::uint32_t(bytes[at + 2]) << 8 | bytes[at + 3];
}

std::uint32_t read16(Bytes bytes, std::size_t at) {
  return std::uint32_t(bytes[at]) << 8 | bytes[at + 1];
}

constexpr std::array<std::uint32_t, 256> makeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}

std::uint32_t crc32(Bytes bytes) {
  static constexpr std::array<std::uint32_t, 256> table = makeCrcTable();
  std::uint32_t value = ~0u;
  for (std::uint8_t byte : bytes)
    value = table[(value ^ byte) & 255] ^ (value >> 8);
  return ~value;
}

constexpr std::uint8_t pngSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

// stb neither checks the chunks' checksums nor misses the last chunk, so this does.
Status outlinePng(Bytes file, Outline &outline) {
  std::size_t at = sizeof pngSignature;
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
    }
    if (type == "IEND")
      return {};
    at += 12 + std::size_t(length);
  }
}

// The way through a JPEG from marker to marker. stb reads zeros past the end of the data and
// reports a picture all the same, so the way has to arrive at the end marker; and stb 2.27 neither
// counts the codes of a table nor asks whether a scan's tables are there, so this does.
class JpegOutline {
public:
  explicit JpegOutline(Bytes file) : file(file) {}

  Status walk(Outline &outline) {
    std::size_t at = 2;
    while (true) {
      // Between segments, and inside a scan's data, everything up to 0xff and a marker is passed.
      while (at < file.size() && file[at] != 0xff)
        ++at;
      while (at < file.size() && file[at] == 0xff)
        ++at;
      if (at >= file.size())
        return bad("jpeg is cut short: the end marker is missing");
      const std::uint8_t marker = file[at++];
      if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7))
        continue;
      if (marker == endOfImage)
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
  }

private:
  static constexpr std::uint8_t huffmanTables = 0xc4, endOfImage = 0xd9, startOfScan = 0xda,
                                quantTables = 0xdb;

  static bool isFrameHeader(std::uint8_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != huffmanTables && marker != 0xc8 &&
           marker != 0xcc;
  }

  Status readSegment(std::uint8_t marker, Bytes contents, Outline &outline) {
    if (isFrameHeader(marker))
      return readFrame(marker, contents, outline);
    if (marker == huffmanTables)
      return readHuffmanTables(contents);
    if (marker == quantTables)
      return readQuantTables(contents);
    return marker == startOfScan ? readScan(contents) : Status();
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
    constexpr std::size_t head = 1 + 16;
    while (!tables.empty()) {
      std::size_t codes = 0;
      for (std::size_t i = 1; i < std::min(head, tables.size()); ++i)
        codes += tables[i];
      if (tables.size() < head || codes > 256 || codes > tables.size() - head)
        return bad("jpeg is damaged: a huffman table does not fit its segment");
      defined[tables[0] >> 4 ? Ac : Dc] |= 1u << (tables[0] & 15);
      tables = tables.subspan(head + codes);
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
  Status readScan(Bytes contents) {
    scanned = true;
    if (components.empty() || contents.empty() ||
        contents.size() != 4 + std::size_t(2) * contents[0])
      return bad("jpeg is damaged: expected a frame header and a scan of it");
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
  bool scanned = false;
};

Status checkSize(const Outline &outline, const PictureLimits &limits) {
  const std::string found =
      std::to_string(outline.width) + " x " + std::to_string(outline.height) + " pixels";
  if (outline.width == 0 || outline.height == 0)
    return bad("expected at least one pixel, found " + found);
  const auto side = std::uint32_t(limits.maxSide);
  if (outline.width > side || outline.height > side)
    return bad("expected at most " + std::to_string(side) + " pixels a side, found " + found);
  if (std::int64_t(outline.width) * outline.height > limits.maxPixels)
    return bad("expected at most " + std::to_string(limits.maxPixels) + " pixels, found " + found);
  return {};
}

} // namespace

Result<Picture> decodePicture(Bytes file, const PictureLimits &limits) {
  if (file.empty())
    return bad("expected a png or jpeg file, found an empty one");
  if (file.size() > std::min<std::size_t>(limits.maxFileBytes, 0x7fffffff))
    return bad("expected a file of at most " + std::to_string(limits.maxFileBytes) +
               " bytes, found " + std::to_string(file.size()));
  const bool png = file.size() >= sizeof pngSignature &&
                   std::memcmp(file.data(), pngSignature, sizeof pngSignature) == 0;
  const bool jpeg = file.size() >= 3 && file[0] == 0xff && file[1] == 0xd8 && file[2] == 0xff;
  if (!png && !jpeg)
    return bad("expected a png or jpeg file, found something else");

  Outline outline;
  BLUEC_RETURN_IF_ERROR(png ? outlinePng(file, outline) : JpegOutline(file).walk(outline));
  BLUEC_RETURN_IF_ERROR(checkSize(outline, limits));

  Picture picture;
  const auto bytes = int(file.size());
  int channels = 0;
  std::unique_ptr<stbi_uc, FreeStb> rgb;
  std::unique_ptr<stbi_us, FreeStb> gray;
  if (outline.deepGray)
    gray.reset(stbi_load_16_from_memory(file.data(), bytes, &picture.width, &picture.height,
                                        &channels, 1));
  else
    rgb.reset(
        stbi_load_from_memory(file.data(), bytes, &picture.width, &picture.height, &channels, 3));
  if (!rgb && !gray) {
    const char *reason = stbi_failure_reason();
    return bad(std::string(png ? "png" : "jpeg") +
               " cannot be decoded: " + (reason ? reason : "no reason given"));
  }
  if (std::uint32_t(picture.width) != outline.width ||
      std::uint32_t(picture.height) != outline.height)
    return bad("the decoder and the header disagree on the size");

  const std::size_t count = std::size_t(picture.width) * std::size_t(picture.height);
  try {
    if (rgb) {
      picture.pixels.assign(rgb.get(), rgb.get() + count * 3);
    } else {
      picture.pixels.resize(count * 3);
      for (std::size_t i = 0; i < count * 3; ++i)
        picture.pixels[i] = std::uint8_t(std::min<unsigned>(gray.get()[i / 3], 255));
    }
  } catch (const std::bad_alloc &) {
    return Status(Code::OutOfMemory, "picture: no memory for its pixels");
  }
  return picture;
}

} // namespace bluec::runtime
