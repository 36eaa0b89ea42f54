#include "cli/MemoryLog.h"

#include "measure/ResidentMemory.h"

namespace bluec::runtime {
namespace {

constexpr std::chrono::milliseconds period(10);

} // namespace

Result<std::unique_ptr<MemoryLog>> MemoryLog::begin(const std::string &path,
                                                    std::function<std::string()> phase) {
  std::ofstream file(path);
  file << "seconds,resident,anonymous,file,phase\n" << std::flush;
  if (!file)
    return Status(Code::NotFound, path + ": cannot be written");
  return std::unique_ptr<MemoryLog>(new MemoryLog(std::move(file), std::move(phase)));
}

MemoryLog::MemoryLog(std::ofstream file, std::function<std::string()> phase)
    : file(std::move(file)), phase(std::move(phase)), thread([this] {
        while (!stopping.load(std::memory_order_relaxed)) {
          sample();
          std::this_thread::sleep_for(period);
        }
        sample();
      }) {}

MemoryLog::~MemoryLog() {
  stopping.store(true, std::memory_order_relaxed);
  thread.join();
}

void MemoryLog::sample() {
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const ResidentMemory memory = residentMemory();
  file << time.count() << ',' << memory.now << ',' << memory.anonymous << ',' << memory.file << ','
       << phase() << '\n';
}

} // namespace bluec::runtime
