// Runs a few compiled steps on buffers with guards around them.
#ifndef BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H
#define BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H

#include "tests/conformance/GuardedMemory.h"
#include "tests/conformance/StepModule.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bluec::conformance {

class CompiledSteps {
public:
  /// Fails the running test, and leaves ok() false, when the steps do not compile.
  CompiledSteps(const std::string &target, const std::vector<StepText> &steps);

  bool ok() const { return isCompiled; }
  /// Whether the code runs on this machine. Where it does not, that it compiles is all there is to
  /// see.
  bool runs() const { return module.model || module.emulated; }

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

private:
  std::vector<StepEntry> entries() const;
  /// What the entry returns, wherever it runs.
  int32_t call(size_t entry, const GuardedMemory &arena, int64_t count, int64_t position,
               Split split);

  StepModule module;
  bool isCompiled = false;
  std::vector<StepText> texts;
  std::unique_ptr<GuardedMemory> weights, caches;
};

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_COMPILED_STEPS_H
