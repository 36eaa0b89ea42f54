// What a calibration run saw of the inputs of linear layers, by the weight that they meet.
#ifndef BLUEC_COMPILER_WEIGHTS_QUANTIZE_STATISTICS_H
#define BLUEC_COMPILER_WEIGHTS_QUANTIZE_STATISTICS_H

#include "compiler/weights/quantize/Gptq.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/FileSystem.h"

#include <memory>
#include <mutex>

namespace bluec::quantize {

/// Floats in an unlinked temporary file, so that statistics of large models need not stay in
/// memory.
class ScratchFloats {
public:
  static llvm::Expected<std::unique_ptr<ScratchFloats>> create(int64_t count);
  llvm::MutableArrayRef<float> values() { return {data, count}; }

private:
  ScratchFloats() = default;
  llvm::sys::fs::mapped_file_region region;
  float *data = nullptr;
  size_t count = 0;
};

/// H = sum of x * transpose(x) over rows x of one value, [k, k], of which the lower triangle
/// counts.
class InputStatistics {
public:
  static llvm::Expected<std::unique_ptr<InputStatistics>> create(int64_t k);

  /// Adds `count` rows of k floats. The result depends on their order only, not on how they are
  /// split into calls, nor on the number of threads.
  void add(const float *rows, int64_t count);
  /// H, after all rows.
  std::vector<float> hessian();

  int64_t size() const { return k; }
  int64_t rows() const { return seen; }
  /// Of all elements so far.
  float largest() const { return most; }

private:
  explicit InputStatistics(int64_t k) : k(k) {}
  void flush();

  int64_t k, waiting = 0, seen = 0;
  float most = 0;
  std::unique_ptr<ScratchFloats> sums;
  std::vector<float> columns; // of rows that wait, [k, batch]
};

/// By source: every linear layer whose weight has it reads the same input.
class Statistics {
public:
  void set(blue::SourceAttr source, std::shared_ptr<InputStatistics> inputs) {
    bySource[source] = std::move(inputs);
  }
  /// What GPTQ needs for weights of `source`; null when there are no statistics of it, or none that
  /// can be used. The last one stays for the next call. May be called by several threads.
  std::shared_ptr<const GptqFactor> factorFor(blue::SourceAttr source);

private:
  llvm::DenseMap<mlir::Attribute, std::shared_ptr<InputStatistics>> bySource;
  std::mutex mutex;
  const InputStatistics *lastInputs = nullptr;
  std::shared_ptr<const GptqFactor> last;
};

/// quantizeRows with any method that finds integers: `statistics` may be null, which gptq is not
/// satisfied with. False also when it has none for `source`.
[[nodiscard]] bool quantizeRows(const Format &format, blue::QuantizeMethod method,
                                Statistics *statistics, blue::SourceAttr source, const float *rows,
                                int64_t count, int64_t k, Rows &out);

} // namespace bluec::quantize

#endif // BLUEC_COMPILER_WEIGHTS_QUANTIZE_STATISTICS_H
