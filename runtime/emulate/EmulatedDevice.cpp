#include "emulate/EmulatedDevice.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bluec::runtime {
namespace {

// A file without a name, mapped here and there.
class SharedMemory final : public DeviceMemory {
public:
  SharedMemory(std::shared_ptr<EmulatedProcess> process, int file)
      : process(std::move(process)), file(file) {}
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;
  ~SharedMemory() override {
    if (data) {
      process->unmap(data);
      ::munmap(data, size);
    }
    if (file >= 0)
      ::close(file);
  }

  bool map(std::size_t bytes) {
    if (file < 0 || ::ftruncate(file, off_t(bytes)) != 0)
      return false;
    void *address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (address == MAP_FAILED)
      return false;
    data = static_cast<std::uint8_t *>(address);
    size = bytes;
    return true;
  }
  Status share() const { return process->map(data, size, file, EmulatedProcess::Access::Write); }

  std::uint8_t *get() const override { return data; }
  void release() const override {
    // Both mappings lose the pages.
    if (data)
      ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, off_t(size));
  }

private:
  std::shared_ptr<EmulatedProcess> process;
  int file;
  std::uint8_t *data = nullptr;
  std::size_t size = 0;
};

} // namespace

EmulatedDevice::~EmulatedDevice() {
  for (const std::uint8_t *start : shared)
    process->unmap(start);
}

Status EmulatedDevice::accepts(const CodeTarget &target, const std::string &where) const {
  return process->accepts(target, where);
}

Status EmulatedDevice::check(const CodeLoader &loader, const CodeFile &file) const {
  return process->check(loader.name, file);
}

Result<std::unique_ptr<LoadedCode>> EmulatedDevice::load(const CodeLoader &loader,
                                                         const CodeFile &file) const {
  return process->load(loader.name, file);
}

Status EmulatedDevice::share(const MappedFile &file) {
  const std::span<const std::uint8_t> bytes = file.bytes();
  if (bytes.empty())
    return {};
  BLUEC_RETURN_IF_ERROR(
      process->map(bytes.data(), bytes.size(), file.descriptor(), EmulatedProcess::Access::Read));
  shared.push_back(bytes.data());
  return {};
}

Result<std::unique_ptr<DeviceMemory>>
EmulatedDevice::allocate(std::size_t bytes, const char *purpose, PageBuffer::Pages) const {
  const int file = bytes != 0 ? ::memfd_create(purpose, MFD_CLOEXEC) : -1;
  auto memory = std::make_unique<SharedMemory>(process, file);
  if (bytes == 0)
    return std::unique_ptr<DeviceMemory>(std::move(memory));
  if (!memory->map(bytes))
    return Status(Code::OutOfMemory, std::string(purpose) + ": cannot get " +
                                         std::to_string(bytes) + " bytes of memory");
  BLUEC_RETURN_IF_ERROR(memory->share());
  return std::unique_ptr<DeviceMemory>(std::move(memory));
}

Result<std::int32_t> EmulatedDevice::run(const bluec_entry &entry, const bluec_call &call) const {
  return process->run(entry, call);
}

} // namespace bluec::runtime
