// The process that runs code of another machine: an emulator with bluec-serve in it.
#ifndef BLUEC_RUNTIME_EMULATE_EMULATEDPROCESS_H
#define BLUEC_RUNTIME_EMULATE_EMULATEDPROCESS_H

#include "abi/bluec_abi.h"
#include "base/Mutex.h"
#include "base/Status.h"
#include "device/CodeLoader.h"
#include "device/CodeTarget.h"
#include "emulate/Channel.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bluec::runtime {

// Any threads may use it; one call runs at a time. It ends with the object, and by itself when this
// process does. Once it has ended, every call answers Internal and why.
class EmulatedProcess : public std::enable_shared_from_this<EmulatedProcess> {
public:
  // `command`: an emulator with its arguments, if it takes one, and the server. `threads`: 0 means
  // one for each CPU. NotFound when it cannot be started, Incompatible when it does not answer as
  // a server of this version.
  static Result<std::shared_ptr<EmulatedProcess>> start(const std::vector<std::string> &command,
                                                        int threads);
  EmulatedProcess(const EmulatedProcess &) = delete;
  EmulatedProcess &operator=(const EmulatedProcess &) = delete;
  ~EmulatedProcess();

  // Of the CPU that is emulated.
  Status accepts(const CodeTarget &target, const std::string &where);
  // A loader's functions, there. Loaded code keeps the process alive.
  Status check(std::string_view loader, const CodeFile &file);
  Result<std::unique_ptr<LoadedCode>> load(std::string_view loader, const CodeFile &file);

  // Makes memory of a file known there; [start, start + bytes) is where it is here. What is mapped
  // twice is unmapped twice.
  enum class Access { Read, Write };
  Status map(const std::uint8_t *start, std::size_t bytes, int file, Access access);
  void unmap(const std::uint8_t *start);

  // An entry point of code that was loaded here, on memory that was mapped here.
  Result<std::int32_t> run(const bluec_entry &entry, const bluec_call &call);

private:
  class RemoteCode;
  struct Memory {
    std::uint32_t id;
    std::size_t bytes;
    int uses = 1;
  };

  EmulatedProcess(const std::string &name, pid_t process, int socket, int errors)
      : name(name), process(process), errors(errors), channel(socket) {}

  Status hear(Frame &frame) BLUEC_REQUIRES(guard);
  // Asks, and waits for the answer, which is read up to its status.
  Status ask(Message what, const Writer &question, int file, Frame &answer) BLUEC_REQUIRES(guard);
  Status ask(Message what, const Writer &question);
  Status place(const std::uint8_t *address, Writer &to) BLUEC_REQUIRES(guard);
  // Why it does not answer; from then on that is what all calls say.
  Status ended() BLUEC_REQUIRES(guard);
  void unload(std::uint32_t code);

  const std::string name;
  const pid_t process;
  const int errors; // a file with what it says of its own end
  Mutex guard;
  Channel channel BLUEC_GUARDED_BY(guard);
  Status fault BLUEC_GUARDED_BY(guard);
  bool hasExited BLUEC_GUARDED_BY(guard) = false;
  std::uint32_t nextMemory BLUEC_GUARDED_BY(guard) = 1;
  std::map<const std::uint8_t *, Memory> memories BLUEC_GUARDED_BY(guard);
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_EMULATE_EMULATEDPROCESS_H
