#include "measure/ResidentMemory.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace bluec::runtime {
namespace {

// The number after "NAME:" in /proc/self/status, in bytes.
std::uint64_t statusField(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == status.npos)
    return 0;
  return std::strtoull(status.data() + at + name.size(), nullptr, 10) << 10;
}

} // namespace

ResidentMemory residentMemory() {
  std::ifstream file("/proc/self/status");
  const std::string status((std::istreambuf_iterator<char>(file)), {});
  return {statusField(status, "VmRSS:"), statusField(status, "RssAnon:"),
          statusField(status, "RssFile:"), statusField(status, "VmHWM:")};
}

bool resetPeakMemory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5\n";
  return bool(file.flush());
}

} // namespace bluec::runtime
