#include "compiler/driver/compile/ProgressLine.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace bluec;

static constexpr std::chrono::milliseconds kInterval(200);

void ProgressLine::update(int64_t done, int64_t total, Clock::time_point now) {
  if (!shown || total <= 0 || now - last < kInterval)
    return;
  last = now;
  printed = true;
  double seconds = std::max(std::chrono::duration<double>(now - start).count(), 1e-3);
  constexpr double kMegabyte = 1e6, kPercent = 100;
  double rate = static_cast<double>(done) / seconds;
  out << llvm::formatv("\r{0,-10} {1,3:f0}%  {2:f0} of {3:f0} MB, {4:f0} MB/s, {5:f0} s left  ",
                       what, kPercent * static_cast<double>(done) / static_cast<double>(total),
                       static_cast<double>(done) / kMegabyte,
                       static_cast<double>(total) / kMegabyte, rate / kMegabyte,
                       static_cast<double>(total - done) / std::max(rate, 1.0));
  out.flush();
}

void ProgressLine::clear() {
  if (!printed)
    return;
  out << "\r" << std::string(72, ' ') << "\r";
  out.flush();
  printed = false;
}
