// bluec-run: the `run`, `chat`, `bench` and `inspect` commands without anything of the compiler.
#include "cli/Program.h"

int main(int count, char **words) {
  return bluec::runtime::runProgram({.name = "bluec-run"}, count, words);
}
