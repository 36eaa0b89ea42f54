// `bluec tiles`: the runtime's own command.
#include "compiler/tools/bluec/CommandLine.h"
#include "compiler/tools/bluec/Commands.h"

#include "runtime/cli/TilesCommand.h"

#include <cstdint>
#include <iostream>
#include <memory>

using namespace bluec::tools;

void bluec::tools::addTilesCommand(CLI::App &app, Chosen &chosen) {
  auto options = std::make_shared<runtime::TilesOptions>();
  CLI::App *command = app.add_subcommand(
      "tiles", "Show which grid of tiles pictures of some sizes get, and their image tokens.");
  const CLI::Validator isScheme(
      [](const std::string &name) {
        return runtime::schemeByName(name)
                   ? std::string()
                   : "expected relaxed, llava-next or internvl, found '" + name + "'";
      },
      "SCHEME");
  constexpr int mostPixels = 1 << 14;
  constexpr int64_t mostTokens = int64_t{1} << 31;
  constexpr double mostAlpha = 1e6;
  command->add_option("sizes", options->sizes,
                      "Sizes in pixels, such as 768x1536 (one a line from standard input)");
  CLI::Option *own[] = {
      command
          ->add_option_function<std::string>(
              "--scheme",
              [options](const std::string &name) {
                options->scheme = *runtime::schemeByName(name);
              },
              "How a grid is chosen: relaxed, llava-next or internvl (relaxed)")
          ->check(isScheme),
      command->add_option("--max-grid", options->maxGrid,
                          "Candidates: every grid of up to so many columns and rows, such as 3x3 "
                          "(4x4)"),
      command
          ->add_option("--max-tiles", options->maxTiles,
                       "Candidates: every grid of up to so many tiles (6 for internvl)")
          ->check(CLI::Range(1, runtime::mostTiles)),
      command->add_option("--tile", options->tile, "Pixels a side of a tile (384)")
          ->check(CLI::Range(1, mostPixels)),
      command
          ->add_option("--alpha", options->alpha,
                       "Share of its pixels that relaxed may lose for a smaller grid (0.1)")
          ->check(between(0, mostAlpha)),
      command
          ->add_option("--max-tokens", options->maxTokens,
                       "Image tokens that a picture may have: larger grids give way, then the "
                       "thumbnail (no cap)")
          ->check(CLI::Range(int64_t{1}, mostTokens)),
      command
          ->add_option("--tokens-per-tile", options->tokensPerTile, "Image tokens of a tile (196)")
          ->check(CLI::Range(int64_t{1}, int64_t{mostPixels})),
      command->add_flag("!--no-thumbnail", options->thumbnail, "Leave the thumbnail out"),
  };
  own[1]->excludes(own[2]);
  CLI::Option *bundle =
      command->add_option("--bundle", options->bundle, "A bundle, which says all of this itself");
  for (CLI::Option *option : own)
    bundle->excludes(option);
  command->add_flag(
      "--compare", options->compare,
      "Count the sizes for which the scheme takes a smaller, equal or larger grid than "
      "the others");
  command->add_flag("--json", options->json, "Print it as JSON, an object a line");
  command->callback([options, &chosen] {
    chosen = [options] { return runtime::tilesCommand(*options, std::cin, std::cout, std::cerr); };
  });
}
