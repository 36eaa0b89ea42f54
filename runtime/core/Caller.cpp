#include "core/Caller.h"

#include "base/Stopwatch.h"

namespace bluec::runtime {
namespace {

// How often a thread that waits looks whether cancel() was called, which only sets a flag.
constexpr std::chrono::milliseconds cancelDelay(10);

} // namespace

Status Caller::await(const std::function<bool()> &ready) {
  const Stopwatch watch(seconds);
  do {
    if (cancelled.exchange(false, std::memory_order_relaxed))
      return {Code::Cancelled, "cancelled"};
  } while (!monitor.waitFor(cancelDelay, ready));
  return {};
}

void Caller::reset() {
  seconds = 0;
  forgetCancel();
}

} // namespace bluec::runtime
