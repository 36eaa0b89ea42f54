// `bluec tiles`: which grid of tiles pictures of some sizes get, and what that costs in tokens.
#ifndef BLUEC_RUNTIME_CLI_TILESCOMMAND_H
#define BLUEC_RUNTIME_CLI_TILESCOMMAND_H

#include "abi/BundleFormat.h"
#include "cli/OptionTable.h"
#include "vision/Tiles.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace bluec::runtime {

// What is not said is bluelm-v-3b's.
struct TilesOptions {
  std::vector<std::string> sizes; // "768x1536", width first; empty: one a line from standard input
  std::string bundle;             // whose manifest says everything below; empty: the options do
  Scheme scheme = Scheme::Relaxed;
  // Candidates: all grids of up to m x n tiles ("3x3"), or all of up to that many tiles. Empty and
  // 0: 4x4, and 6 tiles for internvl.
  std::string maxGrid;
  int maxTiles = 0;
  int tile = 384; // pixels a side
  double alpha = 0.1;
  int edge = 0;          // pixels, of longest-edge and center-crop; 0: four tiles, and one
  bool thumbnail = true; // where the scheme has it
  std::int64_t tokensPerTile = 196;
  std::int64_t maxTokens = 0; // 0: no cap; see capTokens()
  bool compare = false;
  bool json = false;
};

OptionTable optionTable(TilesOptions &options);

// Prints a line for each size, or with `json` an object:
//   {"size": [width, height], "scheme", "grid": [columns, rows], "resized": [width, height],
//    "padding": {"left", "top", "right", "bottom"}, "tiles": with the thumbnail, "thumbnail": bool,
//    "tokens"}
// where negative padding is cut off.
// With `compare`, instead, for how many sizes `scheme` takes a grid of fewer, as many or more tiles
// than each of the other schemes that choose among candidates:
//   {"sizes", "scheme", "beside": {SCHEME: {"smaller", "equal", "larger"}}}
// Errors are one line on `err`. Returns an ExitCode (RunCommand.h).
int tilesCommand(const TilesOptions &options, std::istream &in, std::ostream &out,
                 std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_TILESCOMMAND_H
