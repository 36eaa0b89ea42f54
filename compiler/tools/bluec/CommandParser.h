// Reads the command line of `bluec`. Only its source knows CLI11, whose headers take longer to
// compile than all commands.
#ifndef BLUEC_COMPILER_TOOLS_BLUEC_COMMANDPARSER_H
#define BLUEC_COMPILER_TOOLS_BLUEC_COMMANDPARSER_H

#include "compiler/tools/bluec/Commands.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace bluec::tools {

/// What a command line asks for.
struct Asked {
  std::function<int()>
      run; // the command, or what prints help; an exit code. Empty: `wrong` says why.
  std::string wrong;
};

/// Reads `words`, those after the program's name, as one of the commands with its options, whose
/// values go where their tables say (and are refused by runtime::readOption()), or as --help or
/// --version.
Asked readCommandLine(const std::vector<std::string> &words, std::span<const Command> commands,
                      const std::string &version);

} // namespace bluec::tools

#endif // BLUEC_COMPILER_TOOLS_BLUEC_COMMANDPARSER_H
