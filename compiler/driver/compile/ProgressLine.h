// One line on a terminal that says how far long work has come.
#ifndef BLUEC_COMPILER_DRIVER_COMPILE_PROGRESSLINE_H
#define BLUEC_COMPILER_DRIVER_COMPILE_PROGRESSLINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace bluec {

/// Not for several threads at once.
class ProgressLine {
public:
  using Clock = std::chrono::steady_clock;

  /// Prints nothing unless `shown`.
  ProgressLine(llvm::raw_ostream &out, llvm::StringRef what, bool shown)
      : out(out), what(what.str()), shown(shown) {}

  /// `done` and `total` are bytes. Prints some times a second at most.
  void update(int64_t done, int64_t total) { update(done, total, Clock::now()); }
  void update(int64_t done, int64_t total, Clock::time_point now);
  /// Takes the line away.
  void clear();

private:
  llvm::raw_ostream &out;
  std::string what;
  bool shown;
  bool printed = false;
  Clock::time_point start = Clock::now(), last = start;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_COMPILE_PROGRESSLINE_H
