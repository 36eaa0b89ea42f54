#include "emulate/EmulatedProcess.h"

#include "base/Stopwatch.h"
#include "emulate/Descriptor.h"

#include <csignal>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

namespace bluec::runtime {
namespace {

// Where the server finds its end, which is the first free place.
constexpr int kServerSocket = 3;
// An emulator that starts at all starts in a fraction of that.
constexpr int kMostStartSeconds = 20;
constexpr std::chrono::seconds kMostExitTime{2};

// The last line of what the process said, in which an emulator names the fault.
std::string lastLine(int file) {
  char text[1024];
  const off_t size = ::lseek(file, 0, SEEK_END);
  const off_t start = size > off_t(sizeof text) ? size - off_t(sizeof text) : 0;
  const ssize_t got = ::pread(file, text, sizeof text, start);
  std::string_view all(text, got > 0 ? std::size_t(got) : 0);
  while (all.ends_with('\n'))
    all.remove_suffix(1);
  const std::size_t line = all.rfind('\n');
  return std::string(line == all.npos ? all : all.substr(line + 1));
}

// How long a receive waits; 0: for ever.
bool limitWait(int socket, int seconds) {
  const timeval limit{seconds, 0};
  return ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0;
}

void writeFile(std::string_view loader, const CodeFile &file, Writer &to) {
  to.text(loader);
  to.text(file.name);
  to.text(file.path);
  to.text(file.weightsSha256);
}

} // namespace

// Code that is loaded there.
class EmulatedProcess::RemoteCode final : public LoadedCode {
public:
  explicit RemoteCode(std::shared_ptr<EmulatedProcess> process) : process(std::move(process)) {}
  ~RemoteCode() override {
    if (number)
      process->unload(*number);
  }

  bool read(Reader &from) {
    number = from.u32();
    return descriptor.read(from);
  }
  const bluec_model &model() const override { return descriptor.model(); }

private:
  std::shared_ptr<EmulatedProcess> process;
  std::optional<std::uint32_t> number;
  ReadDescriptor descriptor;
};

Result<std::shared_ptr<EmulatedProcess>>
EmulatedProcess::start(const std::vector<std::string> &command, int threads) {
  const std::string &name = command.front();
  int pair[2] = {-1, -1};
  const int errors = ::memfd_create("bluec-serve-errors", MFD_CLOEXEC);
  if (errors < 0 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    const Status fault(Code::OutOfMemory, name + ": no sockets for it: " + reasonOf(errno));
    if (errors >= 0)
      ::close(errors);
    return fault;
  }
  std::vector<std::string> words = command;
  words.push_back(std::to_string(kServerSocket));
  words.push_back(std::to_string(threads));
  std::vector<char *> arguments;
  for (std::string &word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pair[1], kServerSocket);
  pid_t process = -1;
  const int failed =
      ::posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pair[1]);
  if (failed != 0) {
    ::close(pair[0]);
    ::close(errors);
    return Status(Code::NotFound, name + ": cannot be started: " + reasonOf(failed));
  }
  const std::shared_ptr<EmulatedProcess> result(
      new EmulatedProcess(name, process, pair[0], errors));
  const MutexLock lock(result->guard);
  Frame hello;
  if (!limitWait(pair[0], kMostStartSeconds) || !result->channel.receive(hello) ||
      !limitWait(pair[0], 0))
    return result->ended();
  Reader reader(hello.payload);
  const std::uint32_t version = reader.u32();
  if (hello.kind != Message::Hello || version != kProtocolVersion)
    return Status(Code::Incompatible, command.back() + ": expected protocol version " +
                                          std::to_string(kProtocolVersion) + ", found " +
                                          std::to_string(version));
  return result;
}

EmulatedProcess::~EmulatedProcess() {
  const MutexLock lock(guard); // nobody else is there any more
  if (!hasExited) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
  ::close(errors);
}

Status EmulatedProcess::ended() {
  if (!fault.ok())
    return fault;
  // It is on its way out, or it hangs, or it says what no server says.
  int status = 0;
  const Clock::time_point begin = Clock::now();
  pid_t got = 0;
  while ((got = ::waitpid(process, &status, WNOHANG)) == 0 && Clock::now() - begin < kMostExitTime)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::string how = "no answer";
  if (got < 0) {
    how = "that it has ended"; // and somebody else waited for it
  } else if (got == 0) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  } else if (WIFSIGNALED(status)) {
    how = "that it was ended by signal " + std::to_string(WTERMSIG(status));
  } else {
    how = "that it ended with code " + std::to_string(WEXITSTATUS(status));
  }
  hasExited = true;
  const std::string said = lastLine(errors);
  fault = Status(Code::Internal, name + ": expected an answer, found " + how +
                                     (said.empty() ? "" : ", and said " + inQuotes(said)));
  return fault;
}

Status EmulatedProcess::hear(Frame &frame) {
  if (!channel.receive(frame))
    return ended();
  if (frame.file >= 0)
    ::close(frame.file); // a server sends none
  return {};
}

Status EmulatedProcess::ask(Message what, const Writer &question, int file, Frame &answer) {
  if (!fault.ok())
    return fault;
  if (!channel.send(what, question.get(), file))
    return ended();
  BLUEC_RETURN_IF_ERROR(hear(answer));
  if (answer.kind != Message::Answer)
    return ended();
  Reader reader(answer.payload);
  Status status = reader.status();
  return reader.ok() ? status : ended();
}

Status EmulatedProcess::ask(Message what, const Writer &question) {
  const MutexLock lock(guard);
  Frame answer;
  return ask(what, question, -1, answer);
}

Status EmulatedProcess::accepts(const CodeTarget &target, const std::string &where) {
  Writer question;
  question.text(target.triple);
  question.u32(std::uint32_t(target.features.size()));
  for (const std::string &feature : target.features)
    question.text(feature);
  question.text(where);
  return ask(Message::Accepts, question);
}

Status EmulatedProcess::check(std::string_view loader, const CodeFile &file) {
  Writer question;
  writeFile(loader, file, question);
  return ask(Message::Check, question);
}

Result<std::unique_ptr<LoadedCode>> EmulatedProcess::load(std::string_view loader,
                                                          const CodeFile &file) {
  auto code = std::make_unique<RemoteCode>(shared_from_this());
  const MutexLock lock(guard);
  Writer question;
  writeFile(loader, file, question);
  Frame answer;
  BLUEC_RETURN_IF_ERROR(ask(Message::Load, question, -1, answer));
  Reader reader(answer.payload);
  (void)reader.status();
  if (!code->read(reader))
    return ended();
  return std::unique_ptr<LoadedCode>(std::move(code));
}

void EmulatedProcess::unload(std::uint32_t code) {
  Writer question;
  question.u32(code);
  (void)ask(Message::Unload, question); // gone either way
}

Status EmulatedProcess::map(const std::uint8_t *start, std::size_t bytes, int file, Access access) {
  const MutexLock lock(guard);
  if (const auto known = memories.find(start); known != memories.end()) {
    ++known->second.uses;
    return {};
  }
  Writer question;
  question.u32(nextMemory);
  question.u64(bytes);
  question.u32(access == Access::Write);
  Frame answer;
  BLUEC_RETURN_IF_ERROR(ask(Message::Map, question, file, answer));
  memories[start] = {nextMemory++, bytes};
  return {};
}

void EmulatedProcess::unmap(const std::uint8_t *start) {
  const MutexLock lock(guard);
  const auto found = memories.find(start);
  if (found == memories.end() || --found->second.uses > 0)
    return;
  Writer question;
  question.u32(found->second.id);
  memories.erase(found);
  Frame answer;
  (void)ask(Message::Unmap, question, -1, answer); // gone either way
}

Status EmulatedProcess::place(const std::uint8_t *address, Writer &to) {
  if (!address) {
    to.u32(0);
    to.u64(0);
    return {};
  }
  auto found = memories.upper_bound(address);
  if (found == memories.begin() || address >= (--found)->first + found->second.bytes)
    return {Code::Internal, name + ": expected memory that it shares, found other memory"};
  to.u32(found->second.id);
  to.u64(std::uint64_t(address - found->first));
  return {};
}

Result<std::int32_t> EmulatedProcess::run(const bluec_entry &entry, const bluec_call &call) {
  const MutexLock lock(guard);
  Writer question;
  question.u64(std::uint64_t(reinterpret_cast<std::uintptr_t>(entry.run)));
  question.i64(call.count);
  question.i64(call.position);
  question.u32(call.on_step != nullptr);
  for (const std::uint8_t *address : {static_cast<const std::uint8_t *>(call.arena), call.weights,
                                      static_cast<const std::uint8_t *>(call.kv)})
    BLUEC_RETURN_IF_ERROR(place(address, question));
  if (!fault.ok())
    return fault;
  if (!channel.send(Message::Run, question.get()))
    return ended();
  Frame frame;
  for (;;) {
    BLUEC_RETURN_IF_ERROR(hear(frame));
    Reader reader(frame.payload);
    if (frame.kind == Message::Answer) {
      BLUEC_RETURN_IF_ERROR(reader.status());
      const std::int32_t result = reader.i32();
      return reader.ok() ? Result<std::int32_t>(result) : ended();
    }
    const std::int64_t step = reader.i64();
    if (frame.kind != Message::Step || !call.on_step || step < 0 || step >= entry.num_steps)
      return ended();
    Writer word;
    word.i32(call.on_step(call.observer, step));
    if (!channel.send(Message::GoOn, word.get()))
      return ended();
  }
}

} // namespace bluec::runtime
