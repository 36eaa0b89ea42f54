// The CPU that this process runs on, with the threads of a pool.
#ifndef BLUEC_RUNTIME_DEVICE_CPUDEVICE_H
#define BLUEC_RUNTIME_DEVICE_CPUDEVICE_H

#include "device/Device.h"

namespace bluec::runtime {

class CpuDevice final : public Device {
public:
  static constexpr std::string_view kKind = "cpu";

  static Result<std::unique_ptr<Device>> open(ThreadPool &pool);
  explicit CpuDevice(ThreadPool &pool) : pool(pool) {}

  std::string_view kind() const override { return kKind; }
  Status accepts(const CodeTarget &target, const std::string &where) const override;
  Result<std::unique_ptr<DeviceMemory>> allocate(std::size_t bytes, const char *purpose,
                                                 PageBuffer::Pages pages) const override;
  // On the thread that calls it and those of the pool. Of calls at the same time, the first gets
  // the pool's threads.
  Result<std::int32_t> run(const bluec_entry &entry, const bluec_call &call) const override;

private:
  ThreadPool &pool;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_DEVICE_CPUDEVICE_H
