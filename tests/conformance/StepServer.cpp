// Runs compiled steps for another process: the conformance tests' other half, under an emulator.
// Built by the target's own compiler. A line asks, one or more lines answer:
//
//   code PATH                              code ID ENTRIES, then for each entry
//                                            NAME ARENA-BYTES INPUTS OUTPUTS, and for each tensor
//                                            DTYPE OFFSET BYTES
//   drop ID                                dropped
//   map PATH BYTES RANGES [OFFSET BYTES]   memory ID      (only the ranges may be touched)
//   unmap ID                               unmapped
//   run CODE ENTRY WEIGHTS CACHES ARENA COUNT POSITION SPLIT
//                                          done STATUS
//
// What goes wrong is answered by `error` and the reason. It is no error of this program's when a
// kernel touches what it must not: the process ends.
#include "tests/conformance/Splits.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <iostream>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace bluec::conformance;

namespace {

struct Memory {
  uint8_t *start = nullptr;
  size_t bytes = 0;
};
struct Code {
  void *library = nullptr;
  const bluec_model *model = nullptr;
};

std::vector<Memory> memories;
std::vector<Code> codes;

void printTensors(const bluec_tensor *tensors, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    std::cout << tensors[i].dtype << ' ' << tensors[i].offset << ' ' << tensors[i].bytes << '\n';
}

std::string load(std::istream &words) {
  std::string path;
  words >> path;
  Code code;
  code.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!code.library)
    return dlerror();
  code.model = static_cast<const bluec_model *>(dlsym(code.library, BLUEC_MODEL_SYMBOL));
  if (!code.model)
    return path + ": expected " BLUEC_MODEL_SYMBOL ", found none";
  codes.push_back(code);
  std::cout << "code " << codes.size() - 1 << ' ' << code.model->num_entries << '\n';
  for (int64_t i = 0; i < code.model->num_entries; ++i) {
    const bluec_entry &entry = code.model->entries[i];
    std::cout << entry.name << ' ' << entry.arena_bytes << ' ' << entry.num_inputs << ' '
              << entry.num_outputs << '\n';
    printTensors(entry.inputs, entry.num_inputs);
    printTensors(entry.outputs, entry.num_outputs);
  }
  return "";
}

std::string map(std::istream &words) {
  std::string path;
  Memory memory;
  size_t ranges = 0, offset = 0, bytes = 0;
  words >> path >> memory.bytes >> ranges;
  int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0)
    return path + ": cannot be opened";
  void *start = mmap(nullptr, memory.bytes, PROT_NONE, MAP_SHARED, file, 0);
  close(file);
  if (start == MAP_FAILED)
    return path + ": cannot be mapped";
  memory.start = static_cast<uint8_t *>(start);
  for (size_t i = 0; i < ranges; ++i)
    if (!(words >> offset >> bytes) ||
        mprotect(memory.start + offset, bytes, PROT_READ | PROT_WRITE) != 0)
      return path + ": a range cannot be opened";
  memories.push_back(memory);
  std::cout << "memory " << memories.size() - 1 << '\n';
  return "";
}

std::string run(std::istream &words) {
  size_t code = 0, entry = 0, weights = 0, caches = 0, arena = 0;
  int split = 0;
  bluec_call call = {};
  words >> code >> entry >> weights >> caches >> arena >> call.count >> call.position >> split;
  if (!words || code >= codes.size() || !codes[code].library ||
      entry >= static_cast<size_t>(codes[code].model->num_entries) ||
      std::max({weights, caches, arena}) >= memories.size())
    return "run: expected eight numbers that are known";
  call.arena = memories[arena].start;
  call.weights = memories[weights].start;
  call.kv = memories[caches].start;
  call.parallel_for = parallelFor(static_cast<Split>(split));
  std::cout << "done " << codes[code].model->entries[entry].run(&call) << '\n';
  return "";
}

std::string answer(const std::string &line) {
  std::istringstream words(line);
  std::string what;
  words >> what;
  if (what == "code")
    return load(words);
  if (what == "map")
    return map(words);
  if (what == "run")
    return run(words);
  size_t id = 0;
  words >> id;
  if (what == "drop" && id < codes.size()) {
    if (codes[id].library)
      dlclose(codes[id].library);
    codes[id] = {};
    std::cout << "dropped\n";
    return "";
  }
  if (what == "unmap" && id < memories.size()) {
    if (memories[id].start)
      munmap(memories[id].start, memories[id].bytes);
    memories[id] = {};
    std::cout << "unmapped\n";
    return "";
  }
  return "expected code, drop, map, unmap or run";
}

} // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::string error = answer(line);
    if (!error.empty())
      std::cout << "error " << error << '\n';
    std::cout.flush();
  }
}
