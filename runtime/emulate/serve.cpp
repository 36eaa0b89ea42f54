// bluec-serve SOCKET THREADS: runs code for the process at the other end of a socket, which it was
// started with; Channel.h says how the two talk. Built for the machine whose code it is, it is what
// an emulator runs. It ends when the other end does.
#include "device/CodeLoader.h"
#include "device/CpuDevice.h"
#include "emulate/Channel.h"
#include "emulate/Descriptor.h"
#include "platform/MappedFile.h"
#include "platform/ThreadPool.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <poll.h>
#include <set>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace bluec::runtime;

namespace {

class Server {
public:
  Server(int socket, int threads) : channel(socket), pool(threads), device(pool) {}

  // Answers until the other end is gone.
  void serve();

private:
  struct Loaded {
    MappedFile file; // of which the code's loader may keep a part
    std::unique_ptr<LoadedCode> code;
  };
  struct Memory {
    std::uint8_t *start;
    std::size_t bytes;
  };

  // What is behind the status of an answer goes to `rest`.
  Status answer(const Frame &asked, Writer &rest);
  Status accepts(Reader &from);
  Status check(Reader &from);
  Status load(Reader &from, Writer &rest);
  Status unload(Reader &from);
  Status map(Reader &from, int file);
  Status unmap(Reader &from);
  Status run(Reader &from, Writer &rest);
  Result<std::uint8_t *> place(Reader &from);
  static std::int32_t tellStep(void *server, std::int64_t step);

  Channel channel;
  ThreadPool pool;
  CpuDevice device;
  std::uint32_t nextCode = 1;
  std::map<std::uint32_t, Loaded> codes;
  std::map<std::uint32_t, Memory> memories;
};

const Status kCutShort(Code::Internal, "a question is cut short");

// A file that a question names, mapped, and its loader.
struct AskedFile {
  const CodeLoader *loader = nullptr;
  MappedFile mapping;
  CodeFile file;

  Status read(Reader &from) {
    const Result<const CodeLoader *> found = findLoader(from.text(), "loader");
    if (!found.ok())
      return found.status();
    loader = *found;
    file.name = from.text();
    file.path = from.text();
    file.weightsSha256 = from.text();
    if (!from.ok())
      return kCutShort;
    if (file.path.empty())
      return {};
    Result<MappedFile> mapped = MappedFile::open(file.path);
    if (!mapped.ok())
      return mapped.status();
    mapping = std::move(*mapped);
    file.bytes = mapping.bytes();
    return {};
  }
};

void Server::serve() {
  Writer hello;
  hello.u32(kProtocolVersion);
  if (!channel.send(Message::Hello, hello.get()))
    return;
  for (Frame asked; channel.receive(asked);) {
    Writer rest;
    const Status status = answer(asked, rest);
    if (asked.file >= 0)
      ::close(asked.file); // a mapping keeps its file
    Writer whole;
    whole.status(status);
    whole.bytes(rest.get());
    if (!channel.send(Message::Answer, whole.get()))
      return;
  }
}

Status Server::answer(const Frame &asked, Writer &rest) {
  Reader from(asked.payload);
  switch (asked.kind) {
  case Message::Accepts:
    return accepts(from);
  case Message::Check:
    return check(from);
  case Message::Load:
    return load(from, rest);
  case Message::Unload:
    return unload(from);
  case Message::Map:
    return map(from, asked.file);
  case Message::Unmap:
    return unmap(from);
  case Message::Run:
    return run(from, rest);
  default:
    return {Code::Internal, "expected a question, found a frame of kind " +
                                std::to_string(std::uint32_t(asked.kind))};
  }
}

Status Server::accepts(Reader &from) {
  CodeTarget target;
  target.triple = from.text();
  const std::uint32_t count = from.u32();
  for (std::uint32_t i = 0; i < count && from.ok(); ++i)
    target.features.push_back(from.text());
  const std::string where = from.text();
  return from.ok() ? device.accepts(target, where) : kCutShort;
}

Status Server::check(Reader &from) {
  AskedFile asked;
  BLUEC_RETURN_IF_ERROR(asked.read(from));
  return asked.loader->check(asked.file);
}

Status Server::load(Reader &from, Writer &rest) {
  AskedFile asked;
  BLUEC_RETURN_IF_ERROR(asked.read(from));
  Result<std::unique_ptr<LoadedCode>> code = asked.loader->load(asked.file);
  if (!code.ok())
    return code.status();
  rest.u32(nextCode);
  writeDescriptor((*code)->model(), rest);
  codes.emplace(nextCode++, Loaded{std::move(asked.mapping), std::move(*code)});
  return {};
}

Status Server::unload(Reader &from) {
  codes.erase(from.u32());
  return {};
}

Status Server::map(Reader &from, int file) {
  const std::uint32_t number = from.u32();
  const auto bytes = std::size_t(from.u64());
  const int access = from.u32() != 0 ? PROT_READ | PROT_WRITE : PROT_READ;
  if (!from.ok() || file < 0 || memories.contains(number))
    return {Code::Internal, "expected a new memory with its file"};
  void *address = ::mmap(nullptr, bytes, access, MAP_SHARED, file, 0);
  if (address == MAP_FAILED)
    return {Code::OutOfMemory,
            "cannot map " + std::to_string(bytes) +
                " bytes of memory into the emulated process: " + reasonOf(errno)};
  memories[number] = {static_cast<std::uint8_t *>(address), bytes};
  return {};
}

Status Server::unmap(Reader &from) {
  const auto found = memories.find(from.u32());
  if (found == memories.end())
    return {Code::Internal, "expected a memory that is mapped"};
  ::munmap(found->second.start, found->second.bytes);
  memories.erase(found);
  return {};
}

Result<std::uint8_t *> Server::place(Reader &from) {
  const std::uint32_t number = from.u32();
  const std::uint64_t offset = from.u64();
  if (number == 0)
    return nullptr;
  const auto found = memories.find(number);
  if (found == memories.end() || offset >= found->second.bytes)
    return Status(Code::Internal, "expected a place in a memory that is mapped");
  return found->second.start + offset;
}

std::int32_t Server::tellStep(void *server, std::int64_t step) {
  Channel &channel = static_cast<Server *>(server)->channel;
  Writer told;
  told.i64(step);
  Frame word;
  if (!channel.send(Message::Step, told.get()) || !channel.receive(word) ||
      word.kind != Message::GoOn)
    std::_Exit(0); // nobody wants to know
  return Reader(word.payload).i32();
}

Status Server::run(Reader &from, Writer &rest) {
  const std::uint64_t address = from.u64();
  bluec_call call{};
  call.count = from.i64();
  call.position = from.i64();
  const bool tells = from.u32() != 0;
  const Result<std::uint8_t *> arena = place(from), weights = place(from), kv = place(from);
  for (const Result<std::uint8_t *> *each : {&arena, &weights, &kv})
    BLUEC_RETURN_IF_ERROR(each->status());
  if (!from.ok())
    return kCutShort;
  call.arena = *arena;
  call.weights = *weights;
  call.kv = *kv;
  if (tells) {
    call.observer = this;
    call.on_step = tellStep;
  }
  for (const auto &[number, loaded] : codes) {
    const bluec_model &model = loaded.code->model();
    for (const bluec_entry &entry : std::span(model.entries, std::size_t(model.num_entries)))
      if (reinterpret_cast<std::uintptr_t>(entry.run) == address) {
        const Result<std::int32_t> answer = device.run(entry, call);
        if (!answer.ok())
          return answer.status();
        rest.i32(*answer);
        return {};
      }
  }
  return {Code::Internal, "expected an entry point of code that is loaded"};
}

// Ends this process with the other one, also in the middle of an entry point.
void endWith(int socket) {
  pollfd gone{socket, POLLRDHUP, 0};
  while (::poll(&gone, 1, -1) < 0 || (gone.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
    continue;
  std::_Exit(0);
}

bool readNumber(const char *text, int &value) {
  const char *end = text + std::strlen(text);
  const auto [stop, fault] = std::from_chars(text, end, value);
  return fault == std::errc() && stop == end && value >= 0;
}

} // namespace

int main(int argc, char **argv) {
  int socket = 0, threads = 0;
  if (argc != 3 || !readNumber(argv[1], socket) || !readNumber(argv[2], threads)) {
    std::fputs("bluec-serve: expected SOCKET THREADS: bluec starts it, nobody else\n", stderr);
    return 2;
  }
  // An interrupt is for who talks to the user, who may want to end in good order.
  std::signal(SIGINT, SIG_IGN);
  std::thread(endWith, socket).detach();
  Server(socket, threads).serve();
  std::_Exit(0); // not waiting for the thread
}
