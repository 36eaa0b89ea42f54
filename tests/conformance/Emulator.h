// Code of another kind of machine, run by a StepServer under an emulator.
#ifndef BLUEC_TESTS_CONFORMANCE_EMULATOR_H
#define BLUEC_TESTS_CONFORMANCE_EMULATOR_H

#include "tests/conformance/Splits.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace bluec::conformance {

/// What a test asks of an entry's descriptor.
struct StepEntry {
  struct Tensor {
    uint32_t dtype = 0; // bluec_dtype
    int64_t offset = 0, bytes = 0;
  };
  std::string name;
  int64_t arenaBytes = 0;
  std::vector<Tensor> inputs, outputs;
};

class Emulator {
public:
  /// The process for a command (an emulator and its arguments), which all share and which is
  /// started when there is none, or it has ended. Null with `error` set when it cannot be started.
  static std::shared_ptr<Emulator> get(const std::vector<std::string> &command,
                                       const std::string &server, std::string &error);
  Emulator(const Emulator &) = delete;
  Emulator &operator=(const Emulator &) = delete;
  ~Emulator();

  /// Sends a line and reads the first of the answer. False with `error` set when the process
  /// answers with an error, or has ended.
  bool ask(const std::string &line, std::string &answer, std::string &error);
  /// The next line of an answer; empty at the end.
  std::string readLine();

private:
  Emulator() = default;

  int process = -1;
  bool hasEnded = false;
  FILE *to = nullptr, *from = nullptr;
};

/// A code file that is loaded there.
class EmulatedCode {
public:
  /// Null with `error` set on failure.
  static std::unique_ptr<EmulatedCode> load(std::shared_ptr<Emulator> emulator,
                                            const std::string &path, std::string &error);
  EmulatedCode(const EmulatedCode &) = delete;
  EmulatedCode &operator=(const EmulatedCode &) = delete;
  ~EmulatedCode();

  const std::vector<StepEntry> &entries() const { return entryList; }

  /// Memory of a file in the emulator: all of it may be touched where `opened` says so, {offset,
  /// bytes} in whole pages. -1 with `error` set on failure.
  int map(const std::string &path, size_t bytes,
          const std::vector<std::pair<int64_t, int64_t>> &opened, std::string &error);
  void unmap(int memory);

  /// Runs an entry on memory of map(). -1 with `error` set when the process ends.
  int32_t run(size_t entry, int weights, int caches, int arena, int64_t count, int64_t position,
              Split split, std::string &error);

private:
  EmulatedCode() = default;

  std::shared_ptr<Emulator> emulator;
  std::string id;
  std::vector<StepEntry> entryList;
};

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_EMULATOR_H
