// The commands of `bluec`. Each adds itself to the command line, and runs when it was chosen.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H

#include <CLI/CLI.hpp>

#include <functional>

namespace bluec::tools {

/// Set by the command that was chosen; runs it and returns the exit code.
using Chosen = std::function<int()>;

void addCompileCommand(CLI::App &app, Chosen &chosen);
void addRunCommand(CLI::App &app, Chosen &chosen);
void addChatCommand(CLI::App &app, Chosen &chosen);
void addBenchCommand(CLI::App &app, Chosen &chosen);
void addInspectCommand(CLI::App &app, Chosen &chosen);
void addScheduleCommand(CLI::App &app, Chosen &chosen);
void addVerifyCommand(CLI::App &app, Chosen &chosen);
void addTilesCommand(CLI::App &app, Chosen &chosen);
void addListTargetsCommand(CLI::App &app, Chosen &chosen);
void addListMachinesCommand(CLI::App &app, Chosen &chosen);
void addCalibrateMachineCommand(CLI::App &app, Chosen &chosen);

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
