// Compiles a few steps for a target, loads them, and runs them on buffers with guards around them.
#ifndef BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H
#define BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H

#include "runtime/abi/bluec_abi.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bluec::conformance {

using Shape = std::vector<int64_t>;
using Data = std::vector<float>; // row-major; i32 operands are given as floats too

enum class Place { Input, Weight, Cache };

struct Operand {
  Place place = Place::Input;
  std::string name; // weights and caches of one name are the same in all steps
  Shape shape;
  bool ints = false; // i32 instead of f32
};

/// One entry point of one step. In `body` the operands are %a0, %a1, ...; it ends with plan.yield.
struct StepText {
  std::string entry;
  int64_t capacity = 1; // first dim of every input
  std::vector<Operand> operands;
  std::string body;
  Shape result; // empty when there is none
};

/// How tasks are given to kernels: all at once, one by one from the last, or in ranges of uneven
/// length on two threads.
enum class Split { Whole, SinglesReversed, Threads };

int64_t elements(const Shape &shape);
std::string tensorText(const Shape &shape, bool ints = false);

class CompiledSteps {
public:
  /// Fails the running test, and leaves ok() false, when the steps do not compile.
  CompiledSteps(const std::string &target, const std::vector<StepText> &steps);
  ~CompiledSteps();

  bool ok() const { return model != nullptr; }
  const bluec_model &table() const { return *model; }

  /// Contents of weights and caches (by name) that the next runs see. Caches keep what runs write.
  void set(const std::string &name, const Data &data);
  /// A cache as it stands.
  Data cache(const std::string &name) const;
  /// Fills the caches with not-a-number.
  void clearCaches();

  /// Runs an entry; `inputs` in the order of the step's input operands, each at full capacity.
  /// Gives the result at full capacity. Fails the running test when any byte outside of the result
  /// and the caches has changed.
  Data run(const std::string &entry, const std::vector<Data> &inputs, int64_t count,
           int64_t position = 0, Split split = Split::Whole);

  /// Widths that the target's facts lead to: lanes of a vector.
  int64_t lanes() const { return vectorLanes; }

private:
  struct Range {
    int64_t offset = 0;
    int64_t bytes = 0;
    bool ints = false;
  };
  void compile(const std::string &target, const std::vector<StepText> &steps);

  void *library = nullptr;
  const bluec_model *model = nullptr;
  int64_t vectorLanes = 0;
  std::vector<StepText> texts;
  std::map<std::string, Range> weightRanges, cacheRanges;
  std::vector<uint8_t> weightBytes, cacheBytes;
};

/// Names of the targets whose code runs on this machine.
std::vector<std::string> targetsHere();
/// Lanes of f32 in a vector of a target.
int64_t lanesOf(const std::string &target);

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H
