// `bluec bench`: how fast a bundle is here, beside what the machine can do.
#ifndef BLUEC_RUNTIME_CLI_BENCHCOMMAND_H
#define BLUEC_RUNTIME_CLI_BENCHCOMMAND_H

#include "cli/OptionTable.h"
#include "measure/Benchmark.h"

#include <iosfwd>

namespace bluec::runtime {

struct BenchOptions : BenchmarkOptions {
  bool json = false;
  bool steps = false; // also each kernel's share
};

OptionTable optionTable(BenchOptions &options);

// Measures (measure/Benchmark.h), and prints a table, or with `json` one object; README.md has its
// schema. Exit codes as runCommand.
int benchCommand(const BenchOptions &options, std::ostream &out, std::ostream &err);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_BENCHCOMMAND_H
