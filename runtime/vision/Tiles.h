// Dynamic resolution: from a picture to the tiles that the image encoder sees.
//
// A scheme chooses the grid of tiles and says how the picture fills it. PAPER.md's Algorithm 1 is
// `Relaxed`; the others are what other models are trained with, as their published preprocessors
// compute it (in double, as Python does).
#ifndef BLUEC_RUNTIME_VISION_TILES_H
#define BLUEC_RUNTIME_VISION_TILES_H

#include "vision/Picture.h"
#include "vision/Resize.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace bluec::runtime {

class ThreadPool;

// A grid of tiles: m columns, n rows.
struct Grid {
  int columns = 1;
  int rows = 1;
  bool operator==(const Grid &) const = default;
};

// How a grid is chosen for a picture of w x h pixels, and how the picture fills its W x H pixels.
enum class Scheme {
  // The fewest tiles that lose little. At s = min(W / w, H / h), Re = min(int(w s) int(h s), w h)
  // pixels survive and Rw = W H - Re are wasted. From the largest grid to the smallest
  // (columns first), one is taken if Re - best Re > alpha best Re, or if best Re - Re < alpha
  // best Re and Rw is less than the best's. Fitted with sides rounded down, padded.
  Relaxed,
  // LLaVA-NeXT: the largest Re, ties by the smallest Rw, then by the order of the candidates.
  // Fitted with the shorter side rounded up, padded.
  LlavaNext,
  // InternVL 1.5: m / n nearest to w / h; from the fewest tiles to the most, a later one takes a
  // tie if w h exceeds half of its W H. Stretched to the grid, nothing is padded.
  InternVl,
  // CLIP: one tile. The shorter side becomes `edge` pixels, the longer one int(edge * long /
  // short),
  // and the middle is cut out. Where a side is shorter than the tile, it is padded, the odd pixel
  // in front.
  CenterCrop,
  // Idefics 3: resized twice, which pixels show. First the longer side becomes `edge` pixels, the
  // shorter one int() of what keeps the ratio, made even. Then the longer side becomes whole tiles,
  // rounded up, and the shorter one whole tiles of what keeps the ratio; that is the grid. The
  // thumbnail is made of this picture. With the only candidate 1:1 both sides become one tile.
  LongestEdge,
};

// "relaxed", "llava-next", "internvl", "center-crop", "longest-edge".
std::string_view schemeName(Scheme scheme);
std::optional<Scheme> schemeByName(std::string_view name);

// The whole picture stretched to one more tile, for an overview.
enum class Thumbnail {
  None,
  LastIfMany, // behind the others, if there is more than one
  First,      // before the others, always
};

// "none", "last_if_many", "first".
std::string_view thumbnailName(Thumbnail thumbnail);
std::optional<Thumbnail> thumbnailByName(std::string_view name);

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
  Filter filter = Filter::Bicubic;
  Scheme scheme = Scheme::Relaxed;
  double alpha = 0.1;           // of Relaxed
  int edge = 0;                 // pixels; of CenterCrop and LongestEdge
  std::vector<Grid> candidates; // never empty; of LongestEdge 1:1, or gridsOfEdge()
  Thumbnail thumbnail = Thumbnail::LastIfMany;
  std::int64_t tokensPerTile = 0;
};

// Every grid of up to `columns` x `rows` tiles, and every one of `least` to `most` tiles; both from
// the largest to the smallest, columns first.
std::vector<Grid> gridsWithin(int columns, int rows);
std::vector<Grid> gridsOf(int least, int most);

// Every grid that LongestEdge gives pictures: the longer side has ceil(edge / tile) tiles.
std::vector<Grid> gridsOfEdge(int edge, int tile);

// Image tokens of a picture on `grid`, the thumbnail's with them.
std::int64_t tokensOf(const Grid &grid, const Preprocess &preprocess);

// The least number of tokens that a cap has to admit: of the smallest candidate without thumbnail;
// with LongestEdge of one tile.
std::int64_t leastTokens(const Preprocess &preprocess);

// Makes `preprocess` keep to `cap` image tokens a picture, at least leastTokens(). Grids that
// exceed it with their thumbnail are no candidates any more; where none is left, the thumbnail is
// what gives way, and those that exceed the cap without it are none. With LongestEdge the edge
// gives way, a tile at a time.
void capTokens(Preprocess &preprocess, std::int64_t cap);

// The grid for a picture of width x height pixels.
Grid chooseGrid(int width, int height, const Preprocess &preprocess);

// Where a picture goes: resized to width x height, with padding around it, on a grid of tiles.
struct TileLayout {
  Grid grid;
  int width = 0, height = 0;                    // pixels of the resized picture
  int left = 0, top = 0, right = 0, bottom = 0; // pixels of padding; negative: cut off
  bool thumbnail = false;
  int count = 0;           // tiles, with the thumbnail
  std::int64_t tokens = 0; // image tokens
};
TileLayout layOutTiles(int width, int height, const Preprocess &preprocess);

// The tiles of `picture`, row by row, with the thumbnail before or behind them.
// f32 [tiles, 3, tile_height, tile_width], each value (pixel * rescale - mean) / deviation.
// `threads` may be null; the result does not depend on it.
struct TileSet {
  Grid grid;
  bool thumbnail = false;
  int count = 0; // tiles, with the thumbnail
  std::vector<float> pixels;
};
TileSet makeTiles(const Picture &picture, const Preprocess &preprocess,
                  ThreadPool *threads = nullptr);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_TILES_H
