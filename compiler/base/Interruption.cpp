#include "compiler/base/Interruption.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <unistd.h>

using namespace bluec;
namespace fs = llvm::sys::fs;

namespace {

constexpr std::array kEndingSignals = {SIGINT, SIGTERM, SIGHUP};
// Beside signals' numbers on the pipe: a mapped file has lost bytes.
constexpr unsigned char kLostBytes = 0;
constexpr int kSignalBase = 128; // of exit codes, as shells have them
constexpr int kInputAtFault = 1;

struct Mapping {
  std::atomic<uintptr_t> begin{0}, end{0}; // both 0: free
  std::array<char, 256> name{};            // ends with a zero
};

struct Watch {
  std::mutex mutex;
  std::multiset<std::string> directories;
};

// What handlers use has no constructor that runs late and no destructor.
constexpr int kMappings = 256; // as many as the shards of any published model, and more
std::array<Mapping, kMappings> mappings;
int wakeUp = -1; // the pipe's end that is written to
struct sigaction busBefore;

void writeAll(int to, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(to, text, size);
    if (written <= 0)
      return;
    text += written;
    size -= static_cast<size_t>(written);
  }
}

void wake(unsigned char what) { writeAll(wakeUp, reinterpret_cast<const char *>(&what), 1); }

extern "C" void onEndingSignal(int number) {
  const int saved = errno;
  wake(static_cast<unsigned char>(number));
  errno = saved;
}

extern "C" void onBusError(int number, siginfo_t *info, void *) {
  const auto place = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Mapping &mapping : mappings) {
    if (place < mapping.begin || place >= mapping.end)
      continue;
    static std::atomic_flag said = ATOMIC_FLAG_INIT;
    if (!said.test_and_set()) {
      constexpr std::string_view kBefore = "error: ", kBehind =
                                                          ": expected a file that stays as it is, "
                                                          "found one that was cut while it was "
                                                          "read\n";
      writeAll(STDERR_FILENO, kBefore.data(), kBefore.size());
      writeAll(STDERR_FILENO, mapping.name.data(), strlen(mapping.name.data()));
      writeAll(STDERR_FILENO, kBehind.data(), kBehind.size());
      wake(kLostBytes);
    }
    while (true) // the read cannot go on
      pause();
  }
  sigaction(number, &busBefore, nullptr); // and the same read again ends in what was there before
}

Watch &watch();

void waitForTheEnd(int from) {
  unsigned char what = 0;
  while (read(from, &what, 1) != 1) {
  }
  {
    // Held until the end: nobody makes another directory.
    static std::unique_lock<std::mutex> lock(watch().mutex);
    for (const std::string &directory : watch().directories) {
      // Threads go on making files: by its old name nothing can be made in it any more.
      const std::string gone = directory + ".gone";
      fs::remove_directories(fs::rename(directory, gone) ? directory : gone);
    }
  }
  llvm::sys::RunInterruptHandlers(); // LLVM's own files in the making
  _exit(what == kLostBytes ? kInputAtFault : kSignalBase + what);
}

void installHandlers() {
  std::array<bool, kEndingSignals.size()> ignored;
  llvm::transform(kEndingSignals, ignored.begin(), [](int number) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    return before.sa_handler == SIG_IGN;
  });
  // LLVM sets its handlers once, whatever was there; afterwards ours stay.
  llvm::sys::SetInterruptFunction([] {});
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (auto [number, isIgnored] : llvm::zip_equal(kEndingSignals, ignored)) {
    action.sa_handler = isIgnored ? SIG_IGN : onEndingSignal;
    sigaction(number, &action, nullptr);
  }
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = onBusError;
  sigaction(SIGBUS, &action, &busBefore);
}

void start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return;
  wakeUp = ends[1];
  std::promise<void> installed;
  std::future<void> areInstalled = installed.get_future();
  // LLVM gives the thread that installs its handlers a stack for signals, of its own heap. Whoever
  // came first may end, and AddressSanitizer then unmaps that stack as its own; this thread stays.
  std::thread([from = ends[0], installed = std::move(installed)]() mutable {
    installHandlers();
    installed.set_value();
    waitForTheEnd(from);
  }).detach();
  areInstalled.wait();
}

// Never destroyed: the thread uses it until the process has ended.
Watch &watch() {
  static Watch *const only = new Watch;
  static std::once_flag once;
  std::call_once(once, start);
  return *only;
}

} // namespace

RemovedOnSignal::RemovedOnSignal(std::string directory) : directory(std::move(directory)) {
  std::lock_guard<std::mutex> lock(watch().mutex);
  watch().directories.insert(this->directory);
}

RemovedOnSignal::RemovedOnSignal(std::string directory, std::error_code &code)
    : directory(std::move(directory)) {
  std::lock_guard<std::mutex> lock(watch().mutex);
  code = fs::create_directory(this->directory, /*IgnoreExisting=*/false, fs::perms::all_all);
  if (code)
    this->directory.clear();
  else
    watch().directories.insert(this->directory);
}

RemovedOnSignal::~RemovedOnSignal() {
  if (directory.empty())
    return;
  std::lock_guard<std::mutex> lock(watch().mutex);
  watch().directories.erase(watch().directories.find(directory));
}

GuardedMapping::GuardedMapping(llvm::ArrayRef<char> bytes, llvm::StringRef name) : slot(-1) {
  std::lock_guard<std::mutex> lock(watch().mutex);
  auto *free = std::find_if(mappings.begin(), mappings.end(),
                            [](const Mapping &mapping) { return mapping.end == 0; });
  if (free == mappings.end())
    return;
  slot = static_cast<int>(free - mappings.begin());
  // The name's end tells more than its beginning.
  llvm::StringRef kept = name.take_back(free->name.size() - 1);
  std::transform(kept.begin(), kept.end(), free->name.begin(),
                 [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f ? '?' : c; });
  free->name[kept.size()] = 0;
  free->begin = reinterpret_cast<uintptr_t>(bytes.begin());
  free->end = reinterpret_cast<uintptr_t>(bytes.end());
}

GuardedMapping::~GuardedMapping() {
  if (slot < 0)
    return;
  std::lock_guard<std::mutex> lock(watch().mutex);
  mappings[static_cast<size_t>(slot)].begin = 0;
  mappings[static_cast<size_t>(slot)].end = 0;
}
