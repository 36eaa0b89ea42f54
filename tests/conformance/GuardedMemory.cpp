#include "tests/conformance/GuardedMemory.h"

#include <cstring>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

using namespace bluec::conformance;

namespace {

constexpr uint32_t kGarbage = 0x7fc0beefu; // not a number

int64_t firstPage(const StepModule::Range &range) { return range.offset / kPage * kPage; }
int64_t endOfPages(const StepModule::Range &range) {
  return (range.offset + range.bytes + kPage - 1) / kPage * kPage;
}

} // namespace

GuardedMemory::GuardedMemory(int64_t bytes, std::vector<StepModule::Range> places)
    : size(static_cast<size_t>((bytes + kPage - 1) / kPage * kPage)), ranges(std::move(places)) {
  file = memfd_create("guarded", MFD_CLOEXEC);
  void *memory = MAP_FAILED;
  if (file >= 0 && ftruncate(file, static_cast<off_t>(size)) == 0)
    memory = mmap(nullptr, size, PROT_NONE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED)
    throw std::bad_alloc();
  start = static_cast<uint8_t *>(memory);
  for (const StepModule::Range &range : ranges)
    mprotect(start + firstPage(range), static_cast<size_t>(endOfPages(range) - firstPage(range)),
             PROT_READ | PROT_WRITE);
  fillGarbage();
}

GuardedMemory::~GuardedMemory() {
  munmap(start, size);
  close(file);
}

std::string GuardedMemory::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file);
}

std::vector<std::pair<int64_t, int64_t>> GuardedMemory::opened() const {
  std::vector<std::pair<int64_t, int64_t>> pages;
  for (const StepModule::Range &range : ranges)
    pages.emplace_back(firstPage(range), endOfPages(range) - firstPage(range));
  return pages;
}

void GuardedMemory::fillGarbage() {
  for (const StepModule::Range &range : ranges)
    for (int64_t at = firstPage(range); at < endOfPages(range); at += 4)
      std::memcpy(start + at, &kGarbage, 4);
}

std::vector<uint8_t> GuardedMemory::snapshot() const { return snapshotWithout({}); }

std::vector<uint8_t>
GuardedMemory::snapshotWithout(const std::vector<StepModule::Range> &blanks) const {
  std::vector<uint8_t> bytes;
  for (const StepModule::Range &range : ranges) {
    size_t at = bytes.size();
    bytes.insert(bytes.end(), start + firstPage(range), start + endOfPages(range));
    for (const StepModule::Range &blank : blanks)
      if (blank.offset == range.offset)
        std::memset(bytes.data() + at + (range.offset - firstPage(range)), 0,
                    static_cast<size_t>(range.bytes));
  }
  return bytes;
}
