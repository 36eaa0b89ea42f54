// A program of one bundle, or of any: what `bluec-run` and `ask` are.
#ifndef BLUEC_RUNTIME_CLI_PROGRAM_H
#define BLUEC_RUNTIME_CLI_PROGRAM_H

#include <string>

namespace bluec::runtime {

struct Program {
  const char *name;
  std::string bundle = {}; // its directory; empty: the command line names one
};

// The commands run, chat, bench and inspect: the first argument says which, --chat, --bench or
// --inspect, and else it is run. Returns an ExitCode.
int runProgram(const Program &program, int count, char **words);

// Opens /dev/null for standard input, output or error where the program was started without one:
// the first file opened would take its number, and be read from or written to as if it were it.
void openStandardFiles();

// Of this program's file. Empty when the system does not say.
std::string programDirectory();

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_PROGRAM_H
