// Dynamic resolution: from a picture to the tiles that the image encoder sees.
#ifndef BLUEC_RUNTIME_VISION_TILES_H
#define BLUEC_RUNTIME_VISION_TILES_H

#include "vision/Picture.h"

#include <array>
#include <vector>

namespace bluec::runtime {

// A grid of tiles: m columns, n rows.
struct Grid {
  int columns = 1;
  int rows = 1;
  bool operator==(const Grid &) const = default;
};

enum class PadPosition {
  Center,  // the picture in the middle, the odd pixel right and below
  TopLeft, // the picture in the corner
};

// The "preprocess" object of the manifest.
struct Preprocess {
  int tileWidth = 0;  // pixels
  int tileHeight = 0; // pixels
  double rescale = 1.0 / 255.0;
  std::array<double, 3> mean{};
  std::array<double, 3> deviation{1, 1, 1};
  std::array<std::uint8_t, 3> padColor{};
  PadPosition padPosition = PadPosition::Center;
  double alpha = 0.1;
  std::vector<Grid> candidates; // never empty
  bool thumbnail = true;
};

// The paper's relaxed aspect ratio matching (Algorithm 1) for a picture of width x height pixels.
// Candidates are visited from the largest to the smallest (columns first), whatever their order.
Grid chooseGrid(int width, int height, const Preprocess &preprocess);

// The tiles of `picture`, row by row, then the thumbnail when there is more than one tile and
// thumbnails are on. f32 [tiles, 3, tile_height, tile_width], each value
// (pixel * rescale - mean) / deviation.
//
// The picture is resized by one factor so that it just fits the grid, and padded.
struct TileSet {
  Grid grid;
  int count = 0; // tiles, with the thumbnail
  std::vector<float> pixels;
};
TileSet makeTiles(const Picture &picture, const Preprocess &preprocess);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_TILES_H
