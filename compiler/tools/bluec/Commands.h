// The commands of `bluec`. Each adds itself to the command line, and runs when it was chosen.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H

#include "runtime/abi/BundleFormat.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <string>

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

/// Accepts numbers from `least` to `most`; what is not a number (nan) is none of them.
CLI::Validator between(double least, double most);

/// "2.2GB", "512MiB" or "1000" in bytes; -1 when it is none of these.
int64_t parseBytes(const std::string &text);

/// Of --image-batch.
inline constexpr int64_t kMostBatchTiles = runtime::mostBatchTiles;
/// Tiles, or 0 for "auto".
bool parseImageBatch(const std::string &text, int64_t &tiles);

/// The help of an option that takes a machine description; `what` begins it.
std::string machineHelp(const std::string &what);

/// Prints `error: <message>` and returns the exit code of a wrong command line.
int usageError(const std::string &message);

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDS_H
