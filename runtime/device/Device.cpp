#include "device/Device.h"

#include "device/CpuDevice.h"

#include <algorithm>
#include <iterator>

namespace bluec::runtime {
namespace {

// A device is one row.
constexpr struct {
  std::string_view kind;
  Result<std::unique_ptr<Device>> (*open)(ThreadPool &pool);
} kinds[] = {{CpuDevice::name, CpuDevice::open}};

} // namespace

Result<std::unique_ptr<Device>> openDevice(std::string_view kind, ThreadPool &pool,
                                           const std::string &where) {
  const auto found = std::find_if(std::begin(kinds), std::end(kinds),
                                  [&](const auto &row) { return row.kind == kind; });
  if (found != std::end(kinds))
    return found->open(pool);
  std::string known;
  for (const auto &row : kinds)
    known += (known.empty() ? "" : ", ") + inQuotes(row.kind);
  return Status(Code::Incompatible, where + ": expected " + known + ", found " + inQuotes(kind));
}

} // namespace bluec::runtime
