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
} kKinds[] = {{CpuDevice::kKind, CpuDevice::open}};

} // namespace

Status Device::check(const CodeLoader &loader, const CodeFile &file) const {
  return loader.check(file);
}

Result<std::unique_ptr<LoadedCode>> Device::load(const CodeLoader &loader,
                                                 const CodeFile &file) const {
  return loader.load(file);
}

Status Device::share(const MappedFile &) { return {}; }

Result<std::unique_ptr<Device>> openDevice(std::string_view kind, ThreadPool &pool,
                                           const std::string &where) {
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto &row) { return row.kind == kind; });
  if (found != std::end(kKinds))
    return found->open(pool);
  std::string known;
  for (const auto &row : kKinds)
    known += (known.empty() ? "" : ", ") + inQuotes(row.kind);
  return Status(Code::Incompatible, where + ": expected " + known + ", found " + inQuotes(kind));
}

} // namespace bluec::runtime
