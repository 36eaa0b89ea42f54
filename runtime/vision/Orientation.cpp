#include "vision/Orientation.h"

#include "platform/ThreadPool.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace bluec::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Numbers of a TIFF block, in its byte order; none beyond its end.
class TiffReader {
public:
  TiffReader(Bytes bytes, bool bigEndian) : bytes(bytes), bigEndian(bigEndian) {}

  std::optional<std::uint32_t> read(std::uint64_t at, unsigned size) const {
    if (at > bytes.size() || bytes.size() - at < size)
      return std::nullopt;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i)
      value = value << 8 | bytes[std::size_t(at) + (bigEndian ? i : size - 1 - i)];
    return value;
  }

private:
  Bytes bytes;
  bool bigEndian;
};

bool startsWith(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// Bytes of a value of a type that holds whole numbers; 0 for other types. Bytes without a sign are
// none: they are taken for a text. What is negative is no orientation, whatever its size.
unsigned wholeNumberBytes(std::uint32_t type) {
  constexpr std::uint32_t kSignedByte = 6, kUnsigned16 = 3, kSigned16 = 8, kUnsigned32 = 4,
                          kSigned32 = 9, kDirectory = 13;
  switch (type) {
  case kSignedByte:
    return 1;
  case kUnsigned16:
  case kSigned16:
    return 2;
  case kUnsigned32:
  case kSigned32:
  case kDirectory:
    return 4;
  default:
    return 0;
  }
}

// The first value of a directory's entry, in the entry itself or elsewhere.
std::optional<std::uint32_t> firstValue(const TiffReader &reader, std::uint64_t entry) {
  const auto type = reader.read(entry + 2, 2), count = reader.read(entry + 4, 4);
  const unsigned size = type ? wholeNumberBytes(*type) : 0;
  if (!count || *count == 0 || size == 0)
    return std::nullopt;
  const std::uint64_t bytes = std::uint64_t(*count) * size;
  if (bytes <= 4)
    return reader.read(entry + 8, size);
  const auto offset = reader.read(entry + 8, 4);
  // All of the values have to be there.
  if (!offset || !reader.read(std::uint64_t(*offset) + bytes - 1, 1))
    return std::nullopt;
  return reader.read(*offset, size);
}

} // namespace

std::optional<std::uint32_t> exifOrientation(Bytes exif) {
  constexpr std::string_view header("Exif\0\0", 6);
  for (int i = 0; i < 2 && startsWith(exif, header); ++i)
    exif = exif.subspan(header.size());
  const bool bigEndian = startsWith(exif, std::string_view("MM\0*", 4));
  if (!bigEndian && !startsWith(exif, std::string_view("II*\0", 4)))
    return std::nullopt;
  const TiffReader reader(exif, bigEndian);
  const auto directory = reader.read(4, 4);
  if (!directory)
    return std::nullopt;
  constexpr std::uint32_t kTagOrientation = 0x0112, kEntryBytes = 12;
  const std::uint32_t entries = reader.read(*directory, 2).value_or(0); // at most 65535
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = std::uint64_t(*directory) + 2 + std::uint64_t(i) * kEntryBytes;
    if (reader.read(entry, 2) != kTagOrientation)
      continue;
    if (const auto value = firstValue(reader, entry))
      return value;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> xmpOrientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = xmp.find(kName); at != xmp.npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    for (std::string_view before : {"=\"", ">"})
      if (rest.starts_with(before) && rest.size() > before.size() && rest[before.size()] >= '0' &&
          rest[before.size()] <= '9')
        return std::uint32_t(rest[before.size()] - '0');
  }
  return std::nullopt;
}

Orientation chooseOrientation(Bytes exif, std::string_view xmp) {
  std::optional<std::uint32_t> value = exifOrientation(exif);
  if (!value)
    value = xmpOrientation(xmp);
  return value && *value >= 1 && *value <= 8 ? Orientation(*value) : Orientation::Upright;
}

Picture orient(Picture picture, Orientation orientation, ThreadPool *threads) {
  if (orientation == Orientation::Upright)
    return picture;
  const bool swaps = orientation >= Orientation::Transpose;
  Picture result{
      swaps ? picture.height : picture.width, swaps ? picture.width : picture.height, {}};
  result.pixels.resize(picture.pixels.size());

  // Where the upper left pixel comes from, and how far it is from there to the next one of a row
  // and of a column, in bytes.
  const std::ptrdiff_t pixel = 3, row = pixel * picture.width;
  const bool fromRight =
      orientation == Orientation::FlipColumns || orientation == Orientation::HalfTurn ||
      orientation == Orientation::Transverse || orientation == Orientation::TurnLeft;
  const bool fromBottom =
      orientation == Orientation::HalfTurn || orientation == Orientation::FlipRows ||
      orientation == Orientation::Transverse || orientation == Orientation::TurnRight;
  const std::ptrdiff_t along = fromRight ? -pixel : pixel, down = fromBottom ? -row : row;
  const std::ptrdiff_t stepX = swaps ? down : along, stepY = swaps ? along : down;
  const std::uint8_t *origin = picture.pixels.data() +
                               (fromRight ? pixel * (picture.width - 1) : 0) +
                               (fromBottom ? row * (picture.height - 1) : 0);

  // In squares, so that what is read of a line of the cache is used while it is there.
  constexpr std::int64_t kSide = 64;
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t top = begin * kSide; top < std::min<std::int64_t>(end * kSide, result.height);
         top += kSide)
      for (std::int64_t left = 0; left < result.width; left += kSide)
        for (std::int64_t y = top; y < std::min<std::int64_t>(top + kSide, result.height); ++y) {
          const std::uint8_t *from = origin + y * stepY + left * stepX;
          std::uint8_t *to = &result.pixels[std::size_t((y * result.width + left) * pixel)];
          const std::int64_t right = std::min<std::int64_t>(left + kSide, result.width);
          for (std::int64_t x = left; x < right; ++x, from += stepX, to += pixel) {
            to[0] = from[0];
            to[1] = from[1];
            to[2] = from[2];
          }
        }
  };
  const std::int64_t tasks = (result.height + kSide - 1) / kSide;
  if (threads)
    threads->forEach(tasks, body);
  else
    body(0, tasks);
  return result;
}

} // namespace bluec::runtime
