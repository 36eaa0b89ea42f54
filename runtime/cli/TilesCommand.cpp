#include "cli/TilesCommand.h"

#include "cli/Report.h"
#include "cli/RunCommand.h"
#include "core/Manifest.h"
#include "platform/MappedFile.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <istream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLongestSide = PictureLimits().maxSide;
// Those that choose among candidates.
constexpr Scheme kAllSchemes[] = {Scheme::Relaxed, Scheme::LlavaNext, Scheme::InternVl};

bool hasEdge(Scheme scheme) {
  return scheme == Scheme::CenterCrop || scheme == Scheme::LongestEdge;
}

struct Size {
  int width = 0, height = 0;
};

// "WxH", each from 1 to `most`.
std::optional<Size> parseSize(std::string_view text, int most) {
  Size size;
  const char *end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, size.width);
  if (width.ec != std::errc() || width.ptr == end || *width.ptr != 'x')
    return std::nullopt;
  const auto height = std::from_chars(width.ptr + 1, end, size.height);
  if (height.ec != std::errc() || height.ptr != end || size.width < 1 || size.width > most ||
      size.height < 1 || size.height > most)
    return std::nullopt;
  return size;
}

std::string expectedSize(std::string_view found) {
  return "expected a size such as 768x1536, of 1 to " + std::to_string(kLongestSide) +
         " pixels a side, found " + inQuotes(found);
}

// Calls `visit` with every size; stops at the first that is none.
Status forEachSize(const TilesOptions &options, std::istream &in,
                   const std::function<void(Size)> &visit) {
  for (const std::string &text : options.sizes)
    visit(*parseSize(text, kLongestSide)); // checked before
  if (!options.sizes.empty())
    return {};
  constexpr std::size_t kLongestLine = 64;
  char buffer[kLongestLine];
  std::int64_t number = 0, found = 0;
  const auto where = [&] { return "standard input: line " + std::to_string(number) + ": "; };
  while (in.getline(buffer, kLongestLine) || in.gcount() > 0) {
    ++number;
    if (in.fail() && !in.eof())
      return {Code::InvalidArgument, where() + expectedSize(std::string(buffer) + "...")};
    std::string_view line = buffer;
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos)
      continue;
    line = line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
    const std::optional<Size> size = parseSize(line, kLongestSide);
    if (!size)
      return {Code::InvalidArgument, where() + expectedSize(line)};
    visit(*size);
    ++found;
  }
  if (found == 0)
    return {Code::InvalidArgument, "standard input: expected a size on each line, found none"};
  return {};
}

// What the options say for a scheme, which has candidates of its own where they say nothing.
Preprocess preprocessOf(const TilesOptions &options, Scheme scheme) {
  constexpr int kDefaultGrid = 4, kDefaultInternVlTiles = 6, kDefaultEdge = 4; // tiles
  Preprocess preprocess;
  preprocess.scheme = scheme;
  preprocess.tileWidth = preprocess.tileHeight = options.tile;
  preprocess.alpha = options.alpha;
  preprocess.tokensPerTile = options.tokensPerTile;
  if (!options.thumbnail)
    preprocess.thumbnail = Thumbnail::None;
  else if (scheme == Scheme::LlavaNext)
    preprocess.thumbnail = Thumbnail::First;
  if (scheme == Scheme::LongestEdge) {
    preprocess.edge = options.edge > 0 ? options.edge : kDefaultEdge * options.tile;
    preprocess.candidates = gridsOfEdge(preprocess.edge, options.tile);
    return preprocess;
  }
  if (scheme == Scheme::CenterCrop) {
    preprocess.edge = options.edge > 0 ? options.edge : options.tile;
    preprocess.candidates = {{1, 1}};
    return preprocess;
  }
  if (const auto grid = parseSize(options.maxGrid, kMostTilesASide))
    preprocess.candidates = gridsWithin(grid->width, grid->height);
  else if (options.maxTiles > 0)
    preprocess.candidates = gridsOf(1, options.maxTiles);
  else if (scheme == Scheme::InternVl)
    preprocess.candidates = gridsOf(1, kDefaultInternVlTiles);
  else
    preprocess.candidates = gridsWithin(kDefaultGrid, kDefaultGrid);
  std::erase_if(preprocess.candidates, [](const Grid &grid) {
    return grid.columns > kMostTilesASide || grid.rows > kMostTilesASide;
  });
  return preprocess;
}

// What is wrong with the options, if anything is.
Status checkOptions(const TilesOptions &options) {
  const auto wrong = [](const std::string &message) {
    return Status(Code::InvalidArgument, message);
  };
  for (const std::string &text : options.sizes)
    if (!parseSize(text, kLongestSide))
      return wrong(expectedSize(text));
  if (!options.bundle.empty())
    return {};
  if (!options.maxGrid.empty() && !parseSize(options.maxGrid, kMostTilesASide))
    return wrong("--max-grid: expected columns and rows such as 3x3, of 1 to " +
                 std::to_string(kMostTilesASide) + " tiles, found " + inQuotes(options.maxGrid));
  const bool isEdged = hasEdge(options.scheme);
  const std::string named(schemeName(options.scheme));
  if (isEdged && (!options.maxGrid.empty() || options.maxTiles > 0))
    return wrong((options.maxGrid.empty() ? "--max-tiles" : "--max-grid") +
                 (": " + named + " has no candidates; --edge says what it may take"));
  if (!isEdged && options.edge > 0)
    return wrong("--edge: expected the scheme longest-edge or center-crop, found " +
                 inQuotes(named));
  if (isEdged && std::int64_t(options.edge) > std::int64_t(kMostTilesASide) * options.tile)
    return wrong("--edge: expected at most " + std::to_string(kMostTilesASide) + " tiles, found " +
                 std::to_string(options.edge) + " pixels");
  std::vector<Scheme> schemes = {options.scheme};
  if (options.compare)
    schemes.insert(schemes.end(), std::begin(kAllSchemes), std::end(kAllSchemes));
  for (Scheme scheme : schemes) {
    const Preprocess preprocess = preprocessOf(options, scheme);
    for (const Grid &grid : preprocess.candidates)
      if (std::int64_t(std::max(grid.columns, grid.rows)) * options.tile > kMostTileSide)
        return wrong("--tile: expected grids of at most " + std::to_string(kMostTileSide) +
                     " pixels a side, found " + std::to_string(grid.columns) + "x" +
                     std::to_string(grid.rows) + " tiles of " + std::to_string(options.tile));
    const std::int64_t least = leastTokens(preprocess);
    if (options.maxTokens != 0 && options.maxTokens < least)
      return wrong("--max-tokens: no grid fits: expected at least the " + std::to_string(least) +
                   " tokens of the smallest one, found " + std::to_string(options.maxTokens));
  }
  return {};
}

void capIfAsked(const TilesOptions &options, Preprocess &preprocess) {
  if (options.maxTokens != 0)
    capTokens(preprocess, options.maxTokens);
}

Json describe(Size size, const TileLayout &layout, Scheme scheme) {
  return {{"size", {size.width, size.height}},
          {"scheme", schemeName(scheme)},
          {"grid", {layout.grid.columns, layout.grid.rows}},
          {"resized", {layout.width, layout.height}},
          {"padding",
           {{"left", layout.left},
            {"top", layout.top},
            {"right", layout.right},
            {"bottom", layout.bottom}}},
          {"tiles", layout.count},
          {"thumbnail", layout.thumbnail},
          {"tokens", layout.tokens}};
}

std::string inWords(Size size, const TileLayout &layout) {
  const auto pair = [](int a, int b) { return std::to_string(a) + "x" + std::to_string(b); };
  std::string text = pair(size.width, size.height) + ": grid " +
                     std::to_string(layout.grid.columns) + ":" + std::to_string(layout.grid.rows) +
                     ", resized to " + pair(layout.width, layout.height) + ", ";
  if (std::min({layout.left, layout.top, layout.right, layout.bottom}) < 0)
    text += "cut to " +
            pair(layout.width + layout.left + layout.right,
                 layout.height + layout.top + layout.bottom) +
            ", ";
  else if (layout.left + layout.top + layout.right + layout.bottom == 0)
    text += "no padding, ";
  else
    text += "padding left " + std::to_string(layout.left) + ", top " + std::to_string(layout.top) +
            ", right " + std::to_string(layout.right) + ", bottom " +
            std::to_string(layout.bottom) + ", ";
  text += std::to_string(layout.count) + (layout.count == 1 ? " tile" : " tiles");
  text += layout.thumbnail ? " with the thumbnail, " : ", ";
  return text + std::to_string(layout.tokens) + " tokens";
}

int tilesOf(const Grid &grid) { return grid.columns * grid.rows; }

struct Counts {
  Preprocess preprocess;
  std::int64_t smaller = 0, equal = 0, larger = 0;
};

Status compare(const TilesOptions &options, const Preprocess &preprocess,
               std::vector<Counts> others, std::istream &in, std::ostream &out) {
  std::int64_t sizes = 0;
  BLUEC_RETURN_IF_ERROR(forEachSize(options, in, [&](Size size) {
    ++sizes;
    const int own = tilesOf(chooseGrid(size.width, size.height, preprocess));
    for (Counts &other : others) {
      const int tiles = tilesOf(chooseGrid(size.width, size.height, other.preprocess));
      ++(own < tiles ? other.smaller : own > tiles ? other.larger : other.equal);
    }
  }));
  Json beside = Json::object();
  const std::string name(schemeName(preprocess.scheme));
  if (!options.json)
    out << sizes << (sizes == 1 ? " size\n" : " sizes\n");
  for (const Counts &other : others) {
    const std::string otherName(schemeName(other.preprocess.scheme));
    beside[otherName] = {
        {"smaller", other.smaller}, {"equal", other.equal}, {"larger", other.larger}};
    if (!options.json)
      out << name << " beside " << otherName << ": grid smaller " << other.smaller << ", equal "
          << other.equal << ", larger " << other.larger << '\n';
  }
  if (options.json)
    out << Json({{"sizes", sizes}, {"scheme", name}, {"beside", beside}}).dump() << '\n';
  return {};
}

Status run(const TilesOptions &options, std::istream &in, std::ostream &out) {
  Preprocess preprocess;
  if (options.bundle.empty()) {
    preprocess = preprocessOf(options, options.scheme);
    capIfAsked(options, preprocess);
  } else {
    constexpr std::size_t kLargestManifest = std::size_t(64) << 20;
    Result<std::string> text =
        readFile(options.bundle + "/" + std::string(kManifestName), kLargestManifest);
    if (!text.ok())
      return text.status();
    Result<Manifest> manifest = Manifest::parse(*text);
    if (!manifest.ok())
      return manifest.status();
    if (!manifest->hasPreprocess)
      return {Code::Unsupported, options.bundle + ": this model takes no pictures"};
    preprocess = std::move(manifest->preprocess);
  }
  if (options.compare) {
    std::vector<Counts> others;
    for (Scheme scheme : kAllSchemes) {
      if (scheme == preprocess.scheme)
        continue;
      Counts &other = others.emplace_back();
      other.preprocess = preprocess;
      other.preprocess.scheme = scheme;
      if (options.bundle.empty()) {
        other.preprocess = preprocessOf(options, scheme);
        capIfAsked(options, other.preprocess);
      }
    }
    return compare(options, preprocess, std::move(others), in, out);
  }
  return forEachSize(options, in, [&](Size size) {
    const TileLayout layout = layOutTiles(size.width, size.height, preprocess);
    if (options.json)
      out << describe(size, layout, preprocess.scheme).dump() << '\n';
    else
      out << inWords(size, layout) << '\n';
  });
}

} // namespace

OptionTable optionTable(TilesOptions &options) {
  constexpr std::int64_t kMostPixels = 1 << 14, mostTiles = 128; // of a grid that is not listed
  OptionTable table{
      "tiles",
      "Show which grid of tiles pictures of some sizes get, and their image tokens.",
      {{.name = "sizes",
        .target = &options.sizes,
        .help = "Sizes in pixels, such as 768x1536 (one a line from standard input)"}}};
  const std::vector<Option> own = {
      {.name = "--scheme",
       .target = [&options](std::string_view name) -> Status {
         const std::optional<Scheme> scheme = schemeByName(name);
         if (!scheme)
           return {Code::InvalidArgument,
                   "expected relaxed, llava-next, internvl, center-crop or longest-edge, found " +
                       inQuotes(name)};
         options.scheme = *scheme;
         return {};
       },
       .help = "How a picture fits its tiles: relaxed, llava-next, internvl, center-crop or "
               "longest-edge (relaxed)"},
      {.name = "--max-grid",
       .target = &options.maxGrid,
       .help = "Candidates: every grid of up to so many columns and rows, such as 3x3 (4x4)",
       .excludes = {"--max-tiles"}},
      {.name = "--max-tiles",
       .target = &options.maxTiles,
       .help = "Candidates: every grid of up to so many tiles (6 for internvl)",
       .whole = {1, mostTiles}},
      {.name = "--tile",
       .target = &options.tile,
       .help = "Pixels a side of a tile (384)",
       .whole = {1, kMostPixels}},
      {.name = "--edge",
       .target = &options.edge,
       .help = "Pixels of the longer side for longest-edge (four tiles), of the shorter one for "
               "center-crop (one tile)",
       .whole = {1, kMostEdge}},
      {.name = "--alpha",
       .target = &options.alpha,
       .help = "Share of its pixels that relaxed may lose for a smaller grid (0.1)",
       .real = {0, 1e6}},
      {.name = "--max-tokens",
       .target = &options.maxTokens,
       .help = "Image tokens that a picture may have: larger grids give way, then the thumbnail "
               "(no cap)",
       .whole = {1, std::int64_t(1) << 31}},
      {.name = "--tokens-per-tile",
       .target = &options.tokensPerTile,
       .help = "Image tokens of a tile (196)",
       .whole = {1, kMostPixels}},
      {.name = "--no-thumbnail", .target = &options.thumbnail, .help = "Leave the thumbnail out"}};
  Option bundle{.name = "--bundle",
                .target = &options.bundle,
                .help = "A bundle, which says all of this itself"};
  for (const Option &option : own) {
    bundle.excludes.push_back(option.name);
    table.options.push_back(option);
  }
  table.options.push_back(std::move(bundle));
  table.options.push_back(
      {.name = "--compare",
       .target = &options.compare,
       .help = "Count the sizes for which the scheme takes a smaller, equal or larger grid than "
               "the others"});
  table.options.push_back(
      {.name = "--json", .target = &options.json, .help = "Print it as JSON, an object a line"});
  return table;
}

int tilesCommand(const TilesOptions &options, std::istream &in, std::ostream &out,
                 std::ostream &err) {
  Status wrong;
  const int code = reportStatus(err, [&] { return wrong = checkOptions(options); });
  if (code != ExitDone)
    return wrong.ok() ? code : ExitCommandLine;
  return reportStatus(err, [&] { return run(options, in, out); });
}

} // namespace bluec::runtime
