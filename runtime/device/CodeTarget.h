// What code was compiled for.
#ifndef BLUEC_RUNTIME_DEVICE_CODETARGET_H
#define BLUEC_RUNTIME_DEVICE_CODETARGET_H

#include <string>
#include <vector>

namespace bluec::runtime {

struct CodeTarget {
  std::string name; // the compiler's, for people
  std::string triple;
  std::string cpu;                   // for people
  std::vector<std::string> features; // by LLVM's names

  bool operator==(const CodeTarget &) const = default;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_DEVICE_CODETARGET_H
