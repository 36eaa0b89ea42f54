#include "compiler/driver/compile/MemoryWatch.h"

#include "runtime/measure/ResidentMemory.h"

#include <algorithm>
#include <chrono>

using namespace bluec;

static constexpr std::chrono::milliseconds kInterval(20);

MemoryWatch::MemoryWatch()
    : thread([this] {
        std::unique_lock<std::mutex> lock(guard);
        while (!ended) {
          look();
          ending.wait_for(lock, kInterval);
        }
      }) {}

MemoryWatch::~MemoryWatch() {
  {
    std::lock_guard<std::mutex> lock(guard);
    ended = true;
  }
  ending.notify_one();
  thread.join();
}

MemoryPeaks MemoryWatch::peaks() {
  std::lock_guard<std::mutex> lock(guard);
  look();
  return most;
}

void MemoryWatch::look() {
  runtime::ResidentMemory now = runtime::residentMemory();
  most.resident = std::max(most.resident, now.peak);
  most.anonymous = std::max(most.anonymous, now.anonymous);
  most.file = std::max(most.file, now.file);
}
