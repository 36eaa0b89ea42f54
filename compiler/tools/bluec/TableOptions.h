// Commands whose options are a table of the runtime's (runtime/cli/OptionTable.h).
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_TABLEOPTIONS_H
#define BLUEC_COMPILER_TOOLS_BLUEC_TABLEOPTIONS_H

#include "runtime/cli/OptionTable.h"

#include <CLI/CLI.hpp>

namespace bluec::tools {

/// Adds the command with its options. Values are read, and refused, by readOption().
CLI::App *addTableCommand(CLI::App &app, const runtime::OptionTable &table);

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_TABLEOPTIONS_H
