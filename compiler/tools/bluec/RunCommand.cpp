// `bluec run`, `chat`, `bench`, `inspect` and `tiles`: the runtime's own commands.
#include "compiler/tools/bluec/Commands.h"

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

/// A command whose options are the runtime's `Options`; it runs as run(options).
template <typename Options, typename Run> static Command commandOf(Run run) {
  auto options = std::make_shared<Options>();
  return {runtime::optionTable(*options), [options, run] { return run(*options); }};
}

Command bluec::tools::runCommand() {
  return commandOf<runtime::RunOptions>([](const runtime::RunOptions &options) {
    return runtime::runCommand(options, std::cout, std::cerr);
  });
}

Command bluec::tools::chatCommand() {
  return commandOf<runtime::ChatOptions>([](const runtime::ChatOptions &options) {
    return runtime::chatCommand(options, STDIN_FILENO, std::cout, std::cerr);
  });
}

Command bluec::tools::inspectCommand() {
  return commandOf<runtime::InspectOptions>([](const runtime::InspectOptions &options) {
    return runtime::inspectCommand(options, std::cout, std::cerr);
  });
}

Command bluec::tools::benchCommand() {
  return commandOf<runtime::BenchOptions>([](const runtime::BenchOptions &options) {
    return runtime::benchCommand(options, std::cout, std::cerr);
  });
}

Command bluec::tools::tilesCommand() {
  return commandOf<runtime::TilesOptions>([](const runtime::TilesOptions &options) {
    return runtime::tilesCommand(options, std::cin, std::cout, std::cerr);
  });
}
