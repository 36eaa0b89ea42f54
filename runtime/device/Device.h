// What entry points run on: a processor of this machine, and its memory.
#ifndef BLUEC_RUNTIME_DEVICE_DEVICE_H
#define BLUEC_RUNTIME_DEVICE_DEVICE_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "device/CodeLoader.h"
#include "device/CodeTarget.h"
#include "platform/MappedFile.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bluec::runtime {

class ThreadPool;

// Memory of a device. It is zero at first.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;

  // Where the host sees it, aligned to BLUEC_ALIGNMENT; null when it is of zero bytes.
  virtual std::uint8_t *get() const = 0;
  // Lets its pages leave memory; they are zero when they are touched again.
  virtual void release() const = 0;
};

// Any threads may use it. It outlives the memory that it has given.
class Device {
public:
  virtual ~Device() = default;

  // What it is, as `runs_on` in a manifest says it.
  virtual std::string_view kind() const = 0;

  // Ok when code for `target` runs here; else Incompatible. `where` names the target's place.
  virtual Status accepts(const CodeTarget &target, const std::string &where) const = 0;

  // What a loader does, where the device's code runs: in this process, unless a device says
  // otherwise.
  virtual Status check(const CodeLoader &loader, const CodeFile &file) const;
  virtual Result<std::unique_ptr<LoadedCode>> load(const CodeLoader &loader,
                                                   const CodeFile &file) const;

  // Before an entry point reads the file's mapping, which outlives the device.
  virtual Status share(const MappedFile &file);

  // Memory for what its entry points read and write. The host sees it, and so does every other
  // device of the process: a KV cache or a tensor between stages may be of either side's device.
  // OutOfMemory.
  virtual Result<std::unique_ptr<DeviceMemory>> allocate(std::size_t bytes, const char *purpose,
                                                         PageBuffer::Pages pages) const = 0;

  // Runs an entry point to its end, and answers what it answers. Preconditions are those of the
  // contract. on_step is called on the thread that calls this one. Two threads may run two calls at
  // once when the calls share no memory. A call without a parallel_for gets the device's own
  // threads, if it has some. Internal when it has not come to its end.
  virtual Result<std::int32_t> run(const bluec_entry &entry, const bluec_call &call) const = 0;
};

// A device of this kind. Incompatible, with `where` in front, when this runtime has none. The pool
// must outlive it.
Result<std::unique_ptr<Device>> openDevice(std::string_view kind, ThreadPool &pool,
                                           const std::string &where);

// Devices for code that none of the runtime's own runs.
class DeviceSource {
public:
  virtual ~DeviceSource() = default;

  // Null when it has none for that target: then it is the runtime's to have one. `where` names the
  // target's place.
  virtual Result<std::unique_ptr<Device>> open(const CodeTarget &target,
                                               const std::string &where) = 0;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_DEVICE_DEVICE_H
