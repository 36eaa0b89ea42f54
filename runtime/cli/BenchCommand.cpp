#include "cli/BenchCommand.h"

#include "cli/BenchReport.h"
#include "cli/Report.h"

#include <ostream>

namespace bluec::runtime {

int benchCommand(const BenchOptions &options, std::ostream &out, std::ostream &err) {
  return reportStatus(err, [&]() -> Status {
    const Result<BenchmarkResult> result = runBenchmark(options);
    if (!result.ok())
      return result.status();
    (options.json ? printBenchJson : printBenchTable)(*result, options.bundle, options.steps, out);
    return {};
  });
}

} // namespace bluec::runtime
