#include "vision/Tiles.h"

#include "platform/ThreadPool.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>

namespace bluec::runtime {
namespace {

constexpr std::string_view kSchemeNames[] = {"relaxed", "llava-next", "internvl", "center-crop",
                                             "longest-edge"};
constexpr std::string_view kThumbnailNames[] = {"none", "last_if_many", "first"};

template <typename Kind, std::size_t Count>
std::optional<Kind> findName(const std::string_view (&names)[Count], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  return found == std::end(names) ? std::nullopt : std::optional(Kind(found - std::begin(names)));
}

int tilesOf(const Grid &grid) { return grid.columns * grid.rows; }

bool hasThumbnail(const Grid &grid, const Preprocess &preprocess) {
  return preprocess.thumbnail == Thumbnail::First ||
         (preprocess.thumbnail == Thumbnail::LastIfMany && tilesOf(grid) > 1);
}

// What a picture keeps on a grid, and what of the grid it leaves empty.
struct Fit {
  double effective, wasted; // pixels
};

Fit fitOnto(const Grid &grid, int width, int height, const Preprocess &preprocess) {
  const int gridWidth = preprocess.tileWidth * grid.columns;
  const int gridHeight = preprocess.tileHeight * grid.rows;
  const double factor = std::min(double(gridWidth) / width, double(gridHeight) / height);
  const auto scaledWidth = std::int64_t(width * factor);
  const auto scaledHeight = std::int64_t(height * factor);
  // Pixels of the picture that survive: enlarging adds none.
  const auto effective = double(std::min(scaledWidth * scaledHeight, std::int64_t(width) * height));
  return {effective, double(std::int64_t(gridWidth) * gridHeight) - effective};
}

// The smallest, the first of those that are equal: for a picture so thin that nothing of it is left
// on any grid.
Grid smallestGrid(const std::vector<Grid> &candidates) {
  const auto found =
      std::min_element(candidates.begin(), candidates.end(),
                       [](const Grid &a, const Grid &b) { return tilesOf(a) < tilesOf(b); });
  return found == candidates.end() ? Grid{} : *found;
}

bool isLarger(const Grid &a, const Grid &b) {
  return a.columns != b.columns ? a.columns > b.columns : a.rows > b.rows;
}

Grid chooseRelaxed(int width, int height, const Preprocess &preprocess) {
  std::vector<Grid> candidates = preprocess.candidates;
  std::sort(candidates.begin(), candidates.end(), isLarger);
  Grid best = smallestGrid(candidates);
  double bestEffective = 0.0;
  double leastWasted = std::numeric_limits<double>::infinity();
  for (const Grid &grid : candidates) {
    const auto [effective, wasted] = fitOnto(grid, width, height, preprocess);
    const double slack = preprocess.alpha * bestEffective;
    if (effective - bestEffective > slack ||
        (bestEffective - effective < slack && wasted < leastWasted)) {
      bestEffective = effective;
      leastWasted = wasted;
      best = grid;
    }
  }
  return best;
}

Grid chooseLlavaNext(int width, int height, const Preprocess &preprocess) {
  Grid best;
  double bestEffective = 0.0;
  double leastWasted = std::numeric_limits<double>::infinity();
  for (const Grid &grid : preprocess.candidates) {
    const auto [effective, wasted] = fitOnto(grid, width, height, preprocess);
    if (effective > bestEffective || (effective == bestEffective && wasted < leastWasted)) {
      best = grid;
      bestEffective = effective;
      leastWasted = wasted;
    }
  }
  return best;
}

Grid chooseInternVl(int width, int height, const Preprocess &preprocess) {
  std::vector<Grid> candidates = preprocess.candidates;
  std::sort(candidates.begin(), candidates.end(), [](const Grid &a, const Grid &b) {
    return tilesOf(a) != tilesOf(b) ? tilesOf(a) < tilesOf(b) : a.columns < b.columns;
  });
  const double ratio = double(width) / height;
  const auto area = double(std::int64_t(width) * height);
  Grid best;
  double leastDifference = std::numeric_limits<double>::infinity();
  for (const Grid &grid : candidates) {
    const double difference = std::fabs(ratio - double(grid.columns) / grid.rows);
    const double tileArea = 0.5 * preprocess.tileWidth * preprocess.tileHeight;
    if (difference < leastDifference ||
        (difference == leastDifference && area > tileArea * grid.columns * grid.rows))
      best = grid;
    leastDifference = std::min(leastDifference, difference);
  }
  return best;
}

// Sides of a picture as large as it fits into the box.
struct Size {
  int width, height;
};

Size fitRelaxed(int width, int height, Size box) {
  const double factor = std::min(double(box.width) / width, double(box.height) / height);
  return {std::clamp(int(width * factor), 1, box.width),
          std::clamp(int(height * factor), 1, box.height)};
}

Size fitLlavaNext(int width, int height, Size box) {
  const double across = double(box.width) / width, down = double(box.height) / height;
  if (across < down)
    return {box.width, std::min(int(std::ceil(height * across)), box.height)};
  return {std::min(int(std::ceil(width * down)), box.width), box.height};
}

Size fitCenterCrop(int width, int height, int edge) {
  const auto longer = [edge](int longSide, int shortSide) {
    return int(double(std::int64_t(edge) * longSide) / shortSide);
  };
  return width <= height ? Size{edge, longer(height, width)} : Size{longer(width, height), edge};
}

// The first of LongestEdge's sizes.
Size fitLongestEdge(int width, int height, int edge) {
  const double ratio = double(width) / height;
  const auto shorter = [](double side) {
    const int whole = int(side);
    return std::max(whole + whole % 2, 1);
  };
  return width >= height ? Size{edge, shorter(edge / ratio)} : Size{shorter(edge * ratio), edge};
}

int tilesAlong(int side, int tile) { return (side + tile - 1) / tile; }

Grid chooseLongestEdge(int width, int height, const Preprocess &preprocess) {
  if (preprocess.candidates.size() == 1)
    return preprocess.candidates.front();
  const Size first = fitLongestEdge(width, height, preprocess.edge);
  const int tile = preprocess.tileWidth;
  const double ratio = double(first.width) / first.height;
  const bool isWide = first.width >= first.height;
  const int longest = tilesAlong(std::max(first.width, first.height), tile);
  const int side = int(isWide ? longest * tile / ratio : longest * tile * ratio);
  // Rounding may leave nothing of the shorter side, and Python's processor with it.
  const int shortest = std::max(tilesAlong(side, tile), 1);
  return isWide ? Grid{longest, shortest} : Grid{shortest, longest};
}

// Where a side of `from` pixels goes on one of `to`: pixels before and behind it.
std::pair<int, int> centered(int from, int to) {
  const int before = from < to ? (to - from + 1) / 2 : -((from - to) / 2);
  return {before, to - from - before};
}

// A canvas of the whole grid with the picture on it.
Picture placeOnto(const Picture &picture, const TileLayout &layout, const Preprocess &preprocess,
                  ThreadPool *threads) {
  const int width = layout.left + layout.width + layout.right;
  const int height = layout.top + layout.height + layout.bottom;
  const auto kept = [](int side, int before, int behind) {
    return side + std::min(before, 0) + std::min(behind, 0);
  };
  const Window window = {std::max(-layout.left, 0), std::max(-layout.top, 0),
                         kept(layout.width, layout.left, layout.right),
                         kept(layout.height, layout.top, layout.bottom)};
  Picture fitted =
      resizeWindow(picture, layout.width, layout.height, window, preprocess.filter, threads);
  if (fitted.width == width && fitted.height == height)
    return fitted;

  Picture canvas{width, height, {}};
  canvas.pixels.resize(std::size_t(width) * std::size_t(height) * 3);
  for (std::size_t i = 0; i < canvas.pixels.size(); i += 3)
    std::copy(preprocess.padColor.begin(), preprocess.padColor.end(), &canvas.pixels[i]);
  const std::size_t rowBytes = std::size_t(fitted.width) * 3;
  const auto left = std::size_t(std::max(layout.left, 0));
  const auto top = std::size_t(std::max(layout.top, 0));
  for (std::size_t y = 0; y < std::size_t(fitted.height); ++y)
    std::memcpy(&canvas.pixels[((top + y) * std::size_t(width) + left) * 3],
                &fitted.pixels[y * rowBytes], rowBytes);
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

// Copies row `y` of the canvas, from column `left` on, into the same row of a tile's channels.
void normalizeRow(const Picture &canvas, int left, int y, const Preprocess &preprocess,
                  const Levels &levels, float *to) {
  const std::size_t area = std::size_t(preprocess.tileWidth) * std::size_t(preprocess.tileHeight);
  const std::uint8_t *from =
      &canvas.pixels[(std::size_t(y) * std::size_t(canvas.width) + std::size_t(left)) * 3];
  for (std::size_t x = 0; x < std::size_t(preprocess.tileWidth); ++x, from += 3) {
    to[x] = levels[0][from[0]];
    to[area + x] = levels[1][from[1]];
    to[2 * area + x] = levels[2][from[2]];
  }
}

// Cuts the canvas into tiles, row by row.
void normalizeTiles(const Picture &canvas, const Preprocess &preprocess, const Levels &levels,
                    float *to, ThreadPool *threads) {
  const std::int64_t columns = canvas.width / preprocess.tileWidth;
  const std::size_t area = std::size_t(preprocess.tileWidth) * std::size_t(preprocess.tileHeight);
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y)
      for (std::int64_t column = 0; column < columns; ++column) {
        const auto tile = std::size_t(y / preprocess.tileHeight * columns + column);
        const auto row = std::size_t(y % preprocess.tileHeight);
        normalizeRow(canvas, int(column) * preprocess.tileWidth, int(y), preprocess, levels,
                     to + tile * 3 * area + row * std::size_t(preprocess.tileWidth));
      }
  };
  if (threads)
    threads->forEach(canvas.height, body);
  else
    body(0, canvas.height);
}

} // namespace

std::string_view schemeName(Scheme scheme) { return kSchemeNames[std::size_t(scheme)]; }

std::optional<Scheme> schemeByName(std::string_view name) {
  return findName<Scheme>(kSchemeNames, name);
}

std::string_view thumbnailName(Thumbnail thumbnail) {
  return kThumbnailNames[std::size_t(thumbnail)];
}

std::optional<Thumbnail> thumbnailByName(std::string_view name) {
  return findName<Thumbnail>(kThumbnailNames, name);
}

std::vector<Grid> gridsWithin(int columns, int rows) {
  std::vector<Grid> grids;
  for (int m = columns; m >= 1; --m)
    for (int n = rows; n >= 1; --n)
      grids.push_back({m, n});
  return grids;
}

std::vector<Grid> gridsOf(int least, int most) {
  std::vector<Grid> grids;
  for (int m = most; m >= 1; --m)
    for (int n = most / m; n >= 1 && m * n >= least; --n)
      grids.push_back({m, n});
  return grids;
}

std::vector<Grid> gridsOfEdge(int edge, int tile) {
  // A shorter side that is made even may become the longer one.
  const int least = tilesAlong(edge, tile), most = tilesAlong(edge + edge % 2, tile);
  std::vector<Grid> grids = gridsWithin(most, most);
  std::erase_if(grids, [&](const Grid &grid) { return std::max(grid.columns, grid.rows) < least; });
  return grids;
}

std::int64_t tokensOf(const Grid &grid, const Preprocess &preprocess) {
  return (tilesOf(grid) + hasThumbnail(grid, preprocess)) * preprocess.tokensPerTile;
}

std::int64_t leastTokens(const Preprocess &preprocess) {
  if (preprocess.scheme == Scheme::LongestEdge)
    return preprocess.tokensPerTile;
  return tilesOf(smallestGrid(preprocess.candidates)) * preprocess.tokensPerTile;
}

void capTokens(Preprocess &preprocess, std::int64_t cap) {
  const auto exceeds = [&](const Grid &grid) { return tokensOf(grid, preprocess) > cap; };
  std::vector<Grid> &candidates = preprocess.candidates;
  if (preprocess.scheme == Scheme::LongestEdge) {
    const int tile = preprocess.tileWidth;
    while (candidates.size() > 1 && std::any_of(candidates.begin(), candidates.end(), exceeds)) {
      const int longest = tilesAlong(preprocess.edge + preprocess.edge % 2, tile);
      const int edge = (longest - 1) * tile;
      preprocess.edge = std::max(edge - edge % 2, 1);
      candidates = edge > 1 ? gridsOfEdge(preprocess.edge, tile) : std::vector<Grid>{{1, 1}};
    }
    return;
  }
  if (std::all_of(candidates.begin(), candidates.end(), exceeds))
    preprocess.thumbnail = Thumbnail::None;
  std::erase_if(candidates, exceeds);
}

Grid chooseGrid(int width, int height, const Preprocess &preprocess) {
  switch (preprocess.scheme) {
  case Scheme::LlavaNext:
    return chooseLlavaNext(width, height, preprocess);
  case Scheme::InternVl:
    return chooseInternVl(width, height, preprocess);
  case Scheme::CenterCrop:
    return {};
  case Scheme::LongestEdge:
    return chooseLongestEdge(width, height, preprocess);
  case Scheme::Relaxed:
    break;
  }
  return chooseRelaxed(width, height, preprocess);
}

TileLayout layOutTiles(int width, int height, const Preprocess &preprocess) {
  TileLayout layout;
  layout.grid = chooseGrid(width, height, preprocess);
  layout.thumbnail = hasThumbnail(layout.grid, preprocess);
  layout.count = tilesOf(layout.grid) + layout.thumbnail;
  layout.tokens = tokensOf(layout.grid, preprocess);
  const Size box = {preprocess.tileWidth * layout.grid.columns,
                    preprocess.tileHeight * layout.grid.rows};
  Size fitted = box;
  if (preprocess.scheme == Scheme::Relaxed)
    fitted = fitRelaxed(width, height, box);
  else if (preprocess.scheme == Scheme::LlavaNext)
    fitted = fitLlavaNext(width, height, box);
  else if (preprocess.scheme == Scheme::CenterCrop)
    fitted = fitCenterCrop(width, height, preprocess.edge);
  layout.width = fitted.width;
  layout.height = fitted.height;
  if (preprocess.scheme == Scheme::CenterCrop) {
    std::tie(layout.left, layout.right) = centered(fitted.width, box.width);
    std::tie(layout.top, layout.bottom) = centered(fitted.height, box.height);
    return layout;
  }
  const bool isCentered = preprocess.padPosition == PadPosition::Center;
  layout.left = isCentered ? (box.width - fitted.width) / 2 : 0;
  layout.top = isCentered ? (box.height - fitted.height) / 2 : 0;
  layout.right = box.width - fitted.width - layout.left;
  layout.bottom = box.height - fitted.height - layout.top;
  return layout;
}

TileSet makeTiles(const Picture &picture, const Preprocess &preprocess, ThreadPool *threads) {
  const TileLayout layout = layOutTiles(picture.width, picture.height, preprocess);
  TileSet tiles;
  tiles.grid = layout.grid;
  tiles.thumbnail = layout.thumbnail;
  tiles.count = layout.count;
  const std::size_t tileSize =
      std::size_t(3) * std::size_t(preprocess.tileWidth) * std::size_t(preprocess.tileHeight);
  tiles.pixels.resize(tileSize * std::size_t(tiles.count));

  const Levels levels = makeLevels(preprocess);
  const bool thumbnailFirst = layout.thumbnail && preprocess.thumbnail == Thumbnail::First;
  float *first = tiles.pixels.data();
  Picture canvas;
  const bool isResizedTwice = preprocess.scheme == Scheme::LongestEdge;
  if (isResizedTwice) {
    const Size size = fitLongestEdge(picture.width, picture.height, preprocess.edge);
    canvas = resize(picture, size.width, size.height, preprocess.filter, threads);
  }
  canvas = placeOnto(isResizedTwice ? canvas : picture, layout, preprocess, threads);
  normalizeTiles(canvas, preprocess, levels, thumbnailFirst ? first + tileSize : first, threads);
  if (layout.thumbnail)
    normalizeTiles(resize(isResizedTwice ? canvas : picture, preprocess.tileWidth,
                          preprocess.tileHeight, preprocess.filter, threads),
                   preprocess, levels,
                   thumbnailFirst ? first : first + tileSize * std::size_t(tilesOf(layout.grid)),
                   threads);
  return tiles;
}

} // namespace bluec::runtime
