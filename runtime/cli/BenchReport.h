// The two forms of what `bluec bench` measured. README.md has the schema of the JSON.
#ifndef BLUEC_RUNTIME_CLI_BENCHREPORT_H
#define BLUEC_RUNTIME_CLI_BENCHREPORT_H

#include "measure/Benchmark.h"

#include <iosfwd>
#include <string>

namespace bluec::runtime {

// `bundle`: its directory, as it was given. `steps`: also each kernel's share.
void printBenchTable(const BenchmarkResult &result, const std::string &bundle, bool steps,
                     std::ostream &out);
void printBenchJson(const BenchmarkResult &result, const std::string &bundle, bool steps,
                    std::ostream &out);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_BENCHREPORT_H
