// A CPU of another kind, as a device: its code runs in an emulated process, on memory that both
// see.
#ifndef BLUEC_RUNTIME_EMULATE_EMULATEDDEVICE_H
#define BLUEC_RUNTIME_EMULATE_EMULATEDDEVICE_H

#include "device/Device.h"
#include "emulate/EmulatedProcess.h"

#include <memory>

namespace bluec::runtime {

class EmulatedDevice final : public Device {
public:
  // Devices of one process see each other's memory.
  explicit EmulatedDevice(std::shared_ptr<EmulatedProcess> process) : process(std::move(process)) {}
  EmulatedDevice(const EmulatedDevice &) = delete;
  EmulatedDevice &operator=(const EmulatedDevice &) = delete;
  ~EmulatedDevice() override;

  std::string_view kind() const override { return "emulated"; }
  Status accepts(const CodeTarget &target, const std::string &where) const override;
  Status check(const CodeLoader &loader, const CodeFile &file) const override;
  Result<std::unique_ptr<LoadedCode>> load(const CodeLoader &loader,
                                           const CodeFile &file) const override;
  Status share(const MappedFile &file) override;
  // Of pages of the usual size.
  Result<std::unique_ptr<DeviceMemory>> allocate(std::size_t bytes, const char *purpose,
                                                 PageBuffer::Pages pages) const override;
  // On the process's own threads, whatever pool the call has. One call at a time; on_step must not
  // come back to the device.
  Result<std::int32_t> run(const bluec_entry &entry, const bluec_call &call) const override;

private:
  std::shared_ptr<EmulatedProcess> process;
  std::vector<const std::uint8_t *> shared; // where files are
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_EMULATE_EMULATEDDEVICE_H
