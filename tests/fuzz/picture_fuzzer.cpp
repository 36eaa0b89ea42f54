// Any bytes as a picture: refused with a reason, or decoded and cut into tiles.
#include "runtime/vision/Orientation.h"
#include "runtime/vision/Picture.h"
#include "runtime/vision/Tiles.h"

#include <cstdlib>
#include <cstring>

using namespace bluec::runtime;

namespace {

// Small, so that a run tries many files and not few large ones.
PictureLimits smallLimits() {
  PictureLimits limits;
  limits.maxSide = 2048;
  limits.maxPixels = 1 << 16;
  return limits;
}

std::uint32_t checksum(const std::uint8_t *bytes, std::size_t count) {
  std::uint32_t value = ~0u;
  for (std::size_t i = 0; i < count; ++i) {
    value ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit)
      value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
  }
  return ~value;
}

// Makes the checksums of a PNG's chunks right, without which no changed one gets to the decoder.
void repairPng(std::vector<std::uint8_t> &file) {
  std::size_t at = 8;
  while (file.size() >= at + 12) {
    const std::size_t length = std::size_t(file[at]) << 24 | std::size_t(file[at + 1]) << 16 |
                               std::size_t(file[at + 2]) << 8 | file[at + 3];
    if (length > file.size() - at - 12)
      return;
    const std::uint32_t value = checksum(&file[at + 4], length + 4);
    for (std::size_t i = 0; i < 4; ++i)
      file[at + 8 + length + i] = std::uint8_t(value >> (24 - 8 * i));
    at += 12 + length;
  }
}

void decode(std::span<const std::uint8_t> file) {
  const Result<Picture> picture = decodePicture(file, smallLimits());
  if (!picture.ok()) {
    if (picture.status().message().empty())
      std::abort();
    return;
  }
  const std::size_t expected = std::size_t(picture->width) * std::size_t(picture->height) * 3;
  if (picture->pixels.size() != expected)
    std::abort();
  Preprocess preprocess;
  preprocess.tileWidth = preprocess.tileHeight = 14;
  preprocess.candidates = {{2, 2}, {2, 1}, {1, 2}, {1, 1}};
  preprocess.scheme = Scheme(file.size() % 5);
  preprocess.thumbnail = Thumbnail(file.size() / 5 % 3);
  if (preprocess.scheme == Scheme::CenterCrop) {
    preprocess.edge = 1 + int(file.size() % 31);
    preprocess.candidates = {{1, 1}};
  } else if (preprocess.scheme == Scheme::LongestEdge) {
    preprocess.edge = 1 + int(file.size() % 57);
    preprocess.candidates = gridsOfEdge(preprocess.edge, 14);
  }
  const TileSet tiles = makeTiles(*picture, preprocess);
  if (tiles.pixels.size() != std::size_t(tiles.count) * 3 * 14 * 14)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  decode({data, size});
  // As the blocks that a picture may carry: without the way through its file.
  chooseOrientation({data, size}, {reinterpret_cast<const char *>(data), size});
  if (size > 8 && data[0] == 0x89) {
    std::vector<std::uint8_t> repaired(data, data + size);
    repairPng(repaired);
    decode(repaired);
  }
  return 0;
}
