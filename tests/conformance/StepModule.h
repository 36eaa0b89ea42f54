// A few steps compiled for a target and loaded into this process. Knows nothing of tests, so that
// the benchmark uses it too.
#ifndef BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H
#define BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H

#include "runtime/abi/bluec_abi.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  // "!blue.quantized<i4 group 32 scale f16>" and "#plan.panels<rows 32, dot i8>".
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

  /// Compiles, links and loads. Returns false with `error` set when any of it fails (MLIR's
  /// diagnostics are on stderr).
  bool compile(const std::string &target, const std::vector<StepText> &steps, std::string &error);

  const bluec_model *model = nullptr;
  std::map<std::string, Range> weights, caches;
  int64_t weightsBytes = 0, cachesBytes = 0;

private:
  void *library = nullptr;
};

/// Names of the targets whose code runs on this machine.
std::vector<std::string> targetsHere();
/// Lanes of f32 in a vector of a target.
int64_t lanesOf(const std::string &target);

} // namespace bluec::conformance

#endif // BLUEC_TESTS_CONFORMANCE_STEP_MODULE_H
