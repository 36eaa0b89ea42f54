#include "device/CpuDevice.h"

#include "abi/BundleFormat.h"
#include "platform/CpuFeatures.h"
#include "platform/ThreadPool.h"

namespace bluec::runtime {
namespace {

class CpuMemory final : public DeviceMemory {
public:
  explicit CpuMemory(PageBuffer pages) : pages(std::move(pages)) {}

  std::uint8_t *get() const override { return pages.get(); }
  void release() const override { pages.release(); }

private:
  PageBuffer pages;
};

} // namespace

Result<std::unique_ptr<Device>> CpuDevice::open(ThreadPool &pool) {
  return std::unique_ptr<Device>(std::make_unique<CpuDevice>(pool));
}

Status CpuDevice::accepts(const CodeTarget &target, const std::string &where) const {
  const std::string architecture = tripleArchitecture(target.triple);
  if (target.triple != kAnyTriple && architecture != hostArchitecture())
    return {Code::Incompatible, where + ": made for " + inQuotes(architecture) +
                                    ", this machine is '" + std::string(hostArchitecture()) + "'"};
  std::string missing;
  for (const std::string &feature : missingFeatures(target.features))
    missing += (missing.empty() ? "" : ", ") + feature;
  if (missing.empty())
    return {};
  return {Code::Incompatible,
          where + ": made for a cpu with features that this one lacks: " + inQuotes(missing)};
}

Result<std::unique_ptr<DeviceMemory>> CpuDevice::allocate(std::size_t bytes, const char *purpose,
                                                          PageBuffer::Pages pages) const {
  Result<PageBuffer> buffer = PageBuffer::allocate(bytes, purpose, pages);
  if (!buffer.ok())
    return buffer.status();
  return std::unique_ptr<DeviceMemory>(std::make_unique<CpuMemory>(std::move(*buffer)));
}

Result<std::int32_t> CpuDevice::run(const bluec_entry &entry, const bluec_call &call) const {
  bluec_call full = call;
  if (!full.parallel_for) {
    full.pool = &pool;
    full.parallel_for = ThreadPool::run;
  }
  return entry.run(&full);
}

} // namespace bluec::runtime
