// The commands of `bluec`.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H

#include "runtime/cli/OptionTable.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bluec::tools {

/// A command's options as data, and what it does once they have been read (CommandParser.h).
struct Command {
  runtime::OptionTable table;
  std::function<int()> run; // returns the exit code
  std::string footer = {};  // below the options in its help
  /// Where arguments go that no option takes; null: there may be none.
  std::vector<std::string> *rest = nullptr;
};

Command checkCommand();
Command compileCommand();
Command runCommand();
Command chatCommand();
Command benchCommand();
Command inspectCommand();
Command scheduleCommand();
Command verifyCommand();
Command tilesCommand();
Command listTargetsCommand();
Command listMachinesCommand();
Command calibrateMachineCommand();

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
