// A few steps compiled for a target, and loaded into this process or an emulator. Knows nothing of
// tests, so that the benchmark uses it too.
#ifndef BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H
#define BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H

#include "runtime/abi/bluec_abi.h"
#include "tests/conformance/Emulator.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bluec::targets {
class Target;
}

namespace bluec::conformance {

using Shape = std::vector<int64_t>;
/// Row-major. Operands of i32 are given as floats too; those of a type of their own (quantized,
/// f16) as the bits of their bytes, four in each element.
using Data = std::vector<float>;

enum class Place { Input, Weight, Cache };

struct Operand {
  Place place = Place::Input;
  std::string name; // weights and caches of one name are the same in all steps
  Shape shape;
  bool ints = false; // i32 instead of f32
  // Of another type: element and encoding as MLIR writes them, such as "f16", or
  // "!blue.quantized<i4 group 32 scale f16>" and "#plan.panels<rows 32, dot <ui8 x si8, k 4>>".
  std::string element = "", encoding = "";
};

/// One entry point of one step. In `body` the operands are %a0, %a1, ...; it ends with plan.yield.
struct StepText {
  std::string entry;
  int64_t capacity = 1; // first dim of every input
  std::vector<Operand> operands;
  std::string body;
  Shape result;                // empty when there is none
  std::string resultType = ""; // as MLIR writes it, instead of `result`
};

int64_t elements(const Shape &shape);
std::string tensorText(const Shape &shape, bool ints = false);
std::string typeText(const Shape &shape, const std::string &element, const std::string &encoding);
std::string typeText(const Operand &operand);
/// Empty when the step has no result.
std::string resultText(const StepText &step);

/// The dot product that activations of some width meet.
struct DotFacts {
  std::string text; // as MLIR writes it in a layout: "<ui8 x si8, k 4>"
  int64_t k = 0, bits = 0;
  bool unsignedLhs = false;
};

/// What the layouts of a target follow from.
struct LayoutFacts {
  int64_t lanes = 0; // of f32 in a vector
  int64_t panelRows = 0;
  int64_t alignment = 0;
  DotFacts bytes, words, floats;   // for activations of 8 and 16 bits, and of f32
  DotFacts panelBytes, panelWords; // the same of panels, which may be for products in tiles

  const DotFacts &dot(int64_t bits) const {
    return bits == 8 ? bytes : bits == 16 ? words : floats;
  }
  const DotFacts &panelDot(int64_t bits) const {
    return bits == 8 ? panelBytes : bits == 16 ? panelWords : floats;
  }
  int64_t bytePairs = 0, wordPairs = 0; // elements of each of two rows side by side; 0: rows alone
  int64_t pairs(int64_t bits) const { return bits == 8 ? bytePairs : wordPairs; }
  std::string alignText() const { return ", align " + std::to_string(alignment); }
};

/// A target's name, or "NAME@FACTS": the target's code, but kernels and layouts by other facts than
/// its own. So layouts that no target here has are run all the same, by the exact expansions of
/// kernel.dot.
LayoutFacts layoutFacts(const std::string &target);

/// Bytes of a page: no two buffers share one, and there is one between any two.
inline constexpr int64_t kPage = 4096;

class StepModule {
public:
  struct Range {
    int64_t offset = 0;
    int64_t bytes = 0;
    bool ints = false;
  };

  StepModule() = default;
  StepModule(const StepModule &) = delete;
  StepModule &operator=(const StepModule &) = delete;
  ~StepModule();

  /// Compiles and links, and loads where the code runs here: then there is a `model`, in this
  /// process, or there are `emulated` entries. Returns false with `error` set when any of it fails
  /// (MLIR's diagnostics are on stderr).
  bool compile(const std::string &target, const std::vector<StepText> &steps, std::string &error);

  const bluec_model *model = nullptr;
  std::unique_ptr<EmulatedCode> emulated;
  std::map<std::string, Range> weights, caches;
  int64_t weightsBytes = 0, cachesBytes = 0;

private:
  bool load(const targets::Target &target, const std::string &path, std::string &error);

  void *library = nullptr;
};

/// Whether the code of a target, or NAME@FACTS, runs on this machine, in this process or by an
/// emulator.
bool runsHere(const std::string &target);
/// Names of the targets whose code runs on this machine.
std::vector<std::string> targetsHere();
/// Those, the targets that can only be compiled for here, and other facts for the best of those
/// that run. With `narrow`, only facts whose words and vectors caches can take: words of no more
/// elements than a vector has lanes, and no more lanes than the smallest block of a cache.
std::vector<std::string> targetsAndFacts(bool narrow);
/// Lanes of f32 in a vector of a target.
int64_t lanesOf(const std::string &target);

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H
