// `bluec run`, `chat`, `bench`, `inspect` and `tiles`: the runtime's own commands.
#include "compiler/tools/bluec/Commands.h"
#include "compiler/tools/bluec/TableOptions.h"

#include "runtime/cli/BenchCommand.h"
#include "runtime/cli/ChatCommand.h"
#include "runtime/cli/InspectCommand.h"
#include "runtime/cli/RunCommand.h"
#include "runtime/cli/TilesCommand.h"

#include <iostream>
#include <memory>
#include <unistd.h>

using namespace bluec;
using namespace bluec::tools;

/// Adds a command that runs as run(options).
template <typename Options, typename Run>
static void addCommand(CLI::App &app, Chosen &chosen, Run run) {
  auto options = std::make_shared<Options>();
  addTableCommand(app, runtime::optionTable(*options))->callback([options, run, &chosen] {
    chosen = [options, run] { return run(*options); };
  });
}

void bluec::tools::addRunCommand(CLI::App &app, Chosen &chosen) {
  addCommand<runtime::RunOptions>(app, chosen, [](const runtime::RunOptions &options) {
    return runtime::runCommand(options, std::cout, std::cerr);
  });
}

void bluec::tools::addChatCommand(CLI::App &app, Chosen &chosen) {
  addCommand<runtime::ChatOptions>(app, chosen, [](const runtime::ChatOptions &options) {
    return runtime::chatCommand(options, STDIN_FILENO, std::cout, std::cerr);
  });
}

void bluec::tools::addInspectCommand(CLI::App &app, Chosen &chosen) {
  addCommand<runtime::InspectOptions>(app, chosen, [](const runtime::InspectOptions &options) {
    return runtime::inspectCommand(options, std::cout, std::cerr);
  });
}

void bluec::tools::addBenchCommand(CLI::App &app, Chosen &chosen) {
  addCommand<runtime::BenchOptions>(app, chosen, [](const runtime::BenchOptions &options) {
    return runtime::benchCommand(options, std::cout, std::cerr);
  });
}

void bluec::tools::addTilesCommand(CLI::App &app, Chosen &chosen) {
  addCommand<runtime::TilesOptions>(app, chosen, [](const runtime::TilesOptions &options) {
    return runtime::tilesCommand(options, std::cin, std::cout, std::cerr);
  });
}
