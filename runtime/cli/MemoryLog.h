// What of this process is in memory over time, sampled by a thread of its own.
#ifndef BLUEC_RUNTIME_CLI_MEMORYLOG_H
#define BLUEC_RUNTIME_CLI_MEMORYLOG_H

#include "base/Status.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace bluec::runtime {

// A CSV file with the columns "seconds,resident,anonymous,file,phase": seconds since the log began,
// bytes, and what the process is at. `scripts/plot_memory` makes a picture of it.
class MemoryLog {
public:
  // `phase` is called from the log's thread. NotFound when the file cannot be written.
  static Result<std::unique_ptr<MemoryLog>> begin(const std::string &path,
                                                  std::function<std::string()> phase);
  MemoryLog(const MemoryLog &) = delete;
  MemoryLog &operator=(const MemoryLog &) = delete;
  ~MemoryLog();

private:
  MemoryLog(std::ofstream file, std::function<std::string()> phase);
  void sample();

  std::ofstream file;
  std::function<std::string()> phase;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::atomic<bool> stopping{false};
  std::thread thread;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CLI_MEMORYLOG_H
