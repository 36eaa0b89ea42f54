// ask: one model, with its code linked in and its weights mapped from beside the program. It is
// main.cpp of what `bluec compile --emit cpp` makes, and main() of what --emit exe makes.
#include "abi/bluec_abi.h"
#include "cli/Program.h"
#include "device/CodeLoader.h"

#include <iostream>

extern "C" const struct bluec_model bluec_model;

int main(int count, char **words) {
  bluec::runtime::linkCode(bluec_model);
  const std::string folder = bluec::runtime::programDirectory();
  if (folder.empty()) {
    std::cerr << "error: /proc/self/exe: cannot be read, so the weights' place is unknown\n";
    return 1;
  }
  return bluec::runtime::runProgram({.name = "ask", .bundle = folder}, count, words);
}
