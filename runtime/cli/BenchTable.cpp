#include "cli/BenchReport.h"

#include <iomanip>
#include <ostream>
#include <sstream>

namespace bluec::runtime {
namespace {

std::string fixed(double value, int digits, int width) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << std::setw(width) << value;
  return text.str();
}

std::string giga(double value, int width = 7) { return fixed(value / 1e9, 1, width); }

std::string percent(double share) { return fixed(100 * share, 1, 5) + "%"; }

// The median, and between what it was.
std::string spread(const Samples &samples, int digits) {
  if (samples.empty())
    return {};
  return fixed(samples.median(), digits, 8) + "  (" + fixed(samples.least(), digits, 0) + " to " +
         fixed(samples.most(), digits, 0) + ")";
}

void printTest(std::ostream &out, const BenchmarkTest &test) {
  out << std::left << std::setw(20) << test.name() << std::right;
  if (test.kind == BenchmarkTest::Kind::Encode) {
    out << spread(test.seconds.dividedBy(double(test.rows)), 3) << " s a tile";
  } else {
    out << spread(test.seconds.rate(double(test.rows)), 1) << " tok/s";
  }
  if (test.kind == BenchmarkTest::Kind::Decode) {
    const double bytes = test.weightBytes() + test.cacheBytes();
    const Samples rate = test.seconds.rate(bytes);
    out << ", " << fixed(bytes / double(test.rows) / 1e6, 1, 0) << " MB a token, "
        << giga(rate.median(), 0) << " GB/s, " << percent(rate.shareOf(test.bandwidth).median())
        << " of the machine's reads";
  } else if (const auto linear = test.ops.find("linear"); linear != test.ops.end()) {
    const StepWork &work = linear->second;
    const Samples rate = work.seconds.rate(work.operations);
    const auto peak = test.peaks.find(work.arithmetic);
    out << ", linears " << giga(rate.median(), 0) << " GOP/s";
    if (peak != test.peaks.end())
      out << ", " << percent(rate.shareOf(peak->second).median()) << " of the " << work.arithmetic
          << " peak";
  }
  out << '\n';
  for (const BenchmarkTest::Call &call : test.calls)
    out << "  " << std::left << std::setw(18) << call.entry << std::right << ' ' << std::setw(3)
        << call.tiles << (call.tiles == 1 ? " tile   " : " tiles  ")
        << fixed(call.seconds.median() * 1e3, 1, 8) << " ms, from "
        << fixed(call.start.median() * 1e3, 1, 8) << " ms on\n";
}

void printSteps(std::ostream &out, const BenchmarkTest &test) {
  out << '\n'
      << test.name() << ": " << fixed(test.seconds.median() * 1e3, 2, 0) << " ms\n"
      << "      ms   share   calls  us/call     GB/s    GOP/s  of peak  kernel\n";
  for (const auto &[kernel, work] : test.slowestFirst()) {
    const double seconds = work->seconds.median();
    out << fixed(seconds * 1e3, 2, 8) << "  " << percent(seconds / test.seconds.median()) << ' '
        << std::setw(7) << work->calls << ' ' << fixed(seconds * 1e6 / double(work->calls), 1, 8)
        << "  " << giga(work->seconds.rate(work->bytes()).median()) << "  ";
    if (work->operations > 0) {
      const Samples rate = work->seconds.rate(work->operations);
      const auto peak = test.peaks.find(work->arithmetic);
      out << giga(rate.median()) << "   "
          << (peak == test.peaks.end() ? std::string(6, ' ')
                                       : percent(rate.shareOf(peak->second).median()));
    } else {
      out << std::string(16, ' ');
    }
    out << "  " << kernel << '\n';
  }
  out << fixed(test.between.median() * 1e3, 2, 8) << "  "
      << percent(test.between.shareOf(test.seconds).median()) << "  between the steps\n";
}

} // namespace

void printBenchTable(const BenchmarkResult &result, const std::string &bundle, bool steps,
                     std::ostream &out) {
  out << "bundle    " << bundle << " (" << result.target << ", recipe " << result.recipe
      << "), weights " << giga(double(result.weightsBytes), 0) << " GB, kv cache "
      << fixed(double(result.cacheBytes) / 1e6, 1, 0) << " MB; " << result.threads
      << " threads, median of " << result.repeats << '\n';
  out << "machine   reads " << giga(result.bandwidth.median(), 0) << " GB/s; products";
  for (const auto &[type, samples] : result.peaks)
    out << ' ' << dotTypeName(type) << ' '
        << (samples.median() > 0 ? giga(samples.median(), 0) : "unknown");
  out << " GOP/s\n";
  out << "load      " << fixed(result.load.median(), 3, 0) << " s (at first "
      << fixed(result.firstLoad, 3, 0) << ")\n";
  for (const BenchmarkTest &test : result.tests)
    printTest(out, test);
  out << "memory    MB:      now   anonymous  file\n";
  for (const auto &[moment, resident] : result.memory)
    out << "  " << std::left << std::setw(16) << moment << std::right
        << fixed(double(resident.now) / 1e6, 1, 8) << ' '
        << fixed(double(resident.anonymous) / 1e6, 1, 8) << ' '
        << fixed(double(resident.file) / 1e6, 1, 8) << '\n';
  out << "  peak " << fixed(double(result.peakMemory) / 1e6, 1, 19) << "\n  without vision "
      << fixed(double(result.peakWithoutVision) / 1e6, 1, 9) << '\n';
  if (steps)
    for (const BenchmarkTest &test : result.tests)
      printSteps(out, test);
}

} // namespace bluec::runtime
