#include "vision/Tiles.h"

#include "vision/Resize.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace bluec::runtime {
namespace {

double fitFactor(int width, int height, int boxWidth, int boxHeight) {
  return std::min(double(boxWidth) / width, double(boxHeight) / height);
}

// A canvas of the whole grid with the picture, as large as it fits, on it.
Picture fitInto(const Picture &picture, int width, int height, const Preprocess &preprocess) {
  const double factor = fitFactor(picture.width, picture.height, width, height);
  const int fittedWidth = std::clamp(int(picture.width * factor), 1, width);
  const int fittedHeight = std::clamp(int(picture.height * factor), 1, height);
  Picture fitted = resizeBicubic(picture, fittedWidth, fittedHeight);
  if (fittedWidth == width && fittedHeight == height)
    return fitted;

  Picture canvas{width, height, {}};
  canvas.pixels.resize(std::size_t(width) * std::size_t(height) * 3);
  for (std::size_t i = 0; i < canvas.pixels.size(); ++i)
    canvas.pixels[i] = preprocess.padColor[i % 3];
  const bool centered = preprocess.padPosition == PadPosition::Center;
  const int left = centered ? (width - fittedWidth) / 2 : 0;
  const int top = centered ? (height - fittedHeight) / 2 : 0;
  for (int y = 0; y < fittedHeight; ++y)
    std::memcpy(&canvas.pixels[(std::size_t(top + y) * std::size_t(width) + std::size_t(left)) * 3],
                &fitted.pixels[std::size_t(y) * std::size_t(fittedWidth) * 3],
                std::size_t(fittedWidth) * 3);
  return canvas;
}

// The value of each 8-bit level of a channel. Rescaling is done in double and rounded to float
// before the mean is taken off: the order that the reference preprocessor uses.
using Levels = std::array<std::array<float, 256>, 3>;

Levels makeLevels(const Preprocess &preprocess) {
  Levels levels;
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t value = 0; value < 256; ++value)
      levels[channel][value] =
          (float(double(value) * preprocess.rescale) - float(preprocess.mean[channel])) /
          float(preprocess.deviation[channel]);
  return levels;
}

// Copies the tile whose upper left pixel is (left, top) into `to`, channel by channel.
void normalizeTile(const Picture &canvas, int left, int top, const Preprocess &preprocess,
                   const Levels &levels, float *to) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < preprocess.tileHeight; ++y) {
      const std::uint8_t *from =
          &canvas
               .pixels[(std::size_t(top + y) * std::size_t(canvas.width) + std::size_t(left)) * 3];
      for (int x = 0; x < preprocess.tileWidth; ++x)
        *to++ = levels[channel][from[std::size_t(x) * 3 + channel]];
    }
  }
}

} // namespace

Grid chooseGrid(int width, int height, const Preprocess &preprocess) {
  std::vector<Grid> candidates = preprocess.candidates;
  std::sort(candidates.begin(), candidates.end(), [](const Grid &a, const Grid &b) {
    return a.columns != b.columns ? a.columns > b.columns : a.rows > b.rows;
  });
  // The smallest, for a picture so thin that nothing of it is left at any size.
  Grid best = candidates.empty() ? Grid{} : candidates.back();
  double bestEffective = 0.0;
  double leastWaste = std::numeric_limits<double>::infinity();
  for (const Grid &grid : candidates) {
    const int boxWidth = preprocess.tileWidth * grid.columns;
    const int boxHeight = preprocess.tileHeight * grid.rows;
    const double factor = fitFactor(width, height, boxWidth, boxHeight);
    const auto scaledWidth = std::int64_t(width * factor);
    const auto scaledHeight = std::int64_t(height * factor);
    // Pixels of the picture that survive: enlarging adds none.
    const auto effective =
        double(std::min(scaledWidth * scaledHeight, std::int64_t(width) * height));
    const double waste = double(std::int64_t(boxWidth) * boxHeight) - effective;
    const double slack = preprocess.alpha * bestEffective;
    if (effective - bestEffective > slack ||
        (bestEffective - effective < slack && waste < leastWaste)) {
      bestEffective = effective;
      leastWaste = waste;
      best = grid;
    }
  }
  return best;
}

TileSet makeTiles(const Picture &picture, const Preprocess &preprocess) {
  TileSet tiles;
  tiles.grid = chooseGrid(picture.width, picture.height, preprocess);
  const int cut = tiles.grid.columns * tiles.grid.rows;
  const bool withThumbnail = preprocess.thumbnail && cut > 1;
  tiles.count = cut + (withThumbnail ? 1 : 0);
  const std::size_t tileSize =
      std::size_t(3) * std::size_t(preprocess.tileWidth) * std::size_t(preprocess.tileHeight);
  tiles.pixels.resize(tileSize * std::size_t(tiles.count));

  const Levels levels = makeLevels(preprocess);
  float *to = tiles.pixels.data();
  const Picture canvas = fitInto(picture, preprocess.tileWidth * tiles.grid.columns,
                                 preprocess.tileHeight * tiles.grid.rows, preprocess);
  for (int row = 0; row < tiles.grid.rows; ++row)
    for (int column = 0; column < tiles.grid.columns; ++column, to += tileSize)
      normalizeTile(canvas, column * preprocess.tileWidth, row * preprocess.tileHeight, preprocess,
                    levels, to);
  if (withThumbnail)
    normalizeTile(resizeBicubic(picture, preprocess.tileWidth, preprocess.tileHeight), 0, 0,
                  preprocess, levels, to);
  return tiles;
}

} // namespace bluec::runtime
