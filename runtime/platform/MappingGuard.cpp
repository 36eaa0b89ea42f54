#include "platform/MappingGuard.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace bluec::runtime {
namespace {

struct Mapping {
  std::atomic<std::uintptr_t> begin{0}, end{0}; // end 0: free
  std::atomic<bool> lost{false};
};

// What the handler uses has no constructor that runs late and no destructor.
constexpr int kMappings = 64;
std::array<Mapping, kMappings> mappings;
std::mutex tableGuard;
struct sigaction before;
std::uintptr_t pageBytes;

void handOn(int number, siginfo_t *info, void *context) {
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  } else {
    // The same read again, after this handler, ends as it would have without.
    ::sigaction(number, &before, nullptr);
  }
}

extern "C" void onMappingFault(int number, siginfo_t *info, void *context) {
  const int saved = errno;
  const auto place = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Mapping &mapping : mappings) {
    if (place < mapping.begin || place >= mapping.end)
      continue;
    // All behind the page is gone as well: a file ends once.
    const std::uintptr_t page = place / pageBytes * pageBytes;
    mapping.lost = true;
    if (::mmap(reinterpret_cast<void *>(page), mapping.end - page, PROT_READ,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
      break;
    errno = saved;
    return;
  }
  errno = saved;
  handOn(number, info, context);
}

void install() {
  pageBytes = std::uintptr_t(::sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  action.sa_sigaction = onMappingFault;
  ::sigaction(SIGBUS, &action, &before);
}

} // namespace

MappingGuard::MappingGuard(std::span<const std::uint8_t> bytes) {
  static std::once_flag once;
  std::call_once(once, install);
  const std::lock_guard<std::mutex> lock(tableGuard);
  for (int i = 0; i < kMappings && slot < 0; ++i)
    if (mappings[std::size_t(i)].end == 0)
      slot = i;
  if (slot < 0)
    return;
  Mapping &mapping = mappings[std::size_t(slot)];
  mapping.lost = false;
  mapping.begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  mapping.end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size());
}

MappingGuard::MappingGuard(MappingGuard &&other) noexcept : slot(std::exchange(other.slot, -1)) {}

MappingGuard &MappingGuard::operator=(MappingGuard &&other) noexcept {
  std::swap(slot, other.slot);
  return *this;
}

MappingGuard::~MappingGuard() {
  if (slot < 0)
    return;
  const std::lock_guard<std::mutex> lock(tableGuard);
  mappings[std::size_t(slot)].end = 0;
}

bool MappingGuard::lostBytes() const {
  return slot >= 0 && mappings[std::size_t(slot)].lost.load(std::memory_order_relaxed);
}

} // namespace bluec::runtime
