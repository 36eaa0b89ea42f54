// A code file's descriptor on its way between two processes.
#ifndef BLUEC_RUNTIME_EMULATE_DESCRIPTOR_H
#define BLUEC_RUNTIME_EMULATE_DESCRIPTOR_H

#include "abi/bluec_abi.h"
#include "emulate/Channel.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace bluec::runtime {

// All of it, whatever is wrong with it; only the head when that is not this version's. An entry
// point's code is written as its address.
void writeDescriptor(const bluec_model &model, Writer &to);

// A descriptor that was read, and its tables. The entry points' `run` are the other process's
// addresses: not to be called.
class ReadDescriptor {
public:
  ReadDescriptor() = default;
  ReadDescriptor(const ReadDescriptor &) = delete;
  ReadDescriptor &operator=(const ReadDescriptor &) = delete;

  // False when it is cut short.
  bool read(Reader &from);
  const bluec_model &model() const { return whole; }

private:
  const char *readText(Reader &from);
  void readTensor(Reader &from, bluec_tensor &tensor);
  const bluec_tensor *readTensors(Reader &from, std::int64_t &count);
  const bluec_step *readSteps(Reader &from, std::int64_t &count);
  void readEntry(Reader &from, bluec_entry &entry);

  bluec_model whole{};
  std::deque<std::string> texts;
  std::deque<std::vector<bluec_tensor>> tensors;
  std::deque<std::vector<bluec_step>> steps;
  std::vector<bluec_entry> entries;
  std::vector<bluec_segment> segments;
  std::vector<const char *> devices;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_EMULATE_DESCRIPTOR_H
