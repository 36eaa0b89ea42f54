#include "compiler/weights/quantize/Statistics.h"

#include "compiler/weights/quantize/Lanes.h"

#include "llvm/ADT/SmallString.h"

#include <algorithm>
#include <cmath>

using namespace bluec;
using namespace bluec::quantize;

/// Rows that are added to H together.
static constexpr int64_t kBatch = 64;

llvm::Expected<std::unique_ptr<ScratchFloats>> ScratchFloats::create(int64_t count) {
  namespace fs = llvm::sys::fs;
  std::unique_ptr<ScratchFloats> result(new ScratchFloats);
  result->count = static_cast<size_t>(count);
  size_t bytes = result->count * sizeof(float);
  int descriptor = -1;
  llvm::SmallString<128> path;
  std::error_code code = fs::createTemporaryFile("bluec-statistics", "bin", descriptor, path);
  if (code)
    return llvm::createStringError(code, "temporary file: " + code.message());
  fs::file_t file = fs::convertFDToNativeFile(descriptor);
  code = fs::resize_file(descriptor, bytes);
  if (!code)
    result->region =
        fs::mapped_file_region(file, fs::mapped_file_region::readwrite, bytes, 0, code);
  fs::closeFile(file);
  fs::remove(path); // the mapping keeps it
  if (code)
    return llvm::createStringError(code, "temporary file: " + code.message());
  result->data = reinterpret_cast<float *>(result->region.data());
  return result;
}

llvm::Expected<std::unique_ptr<InputStatistics>> InputStatistics::create(int64_t k) {
  std::unique_ptr<InputStatistics> result(new InputStatistics(k));
  auto sums = ScratchFloats::create(k * k);
  if (!sums)
    return sums.takeError();
  result->sums = std::move(*sums);
  result->columns.resize(static_cast<size_t>(k * kBatch));
  return result;
}

void InputStatistics::add(const float *rows, int64_t count) {
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t i = 0; i < k; ++i) {
      float x = rows[row * k + i];
      most = std::max(most, std::abs(x));
      columns[static_cast<size_t>(i * kBatch + waiting)] = x;
    }
    ++seen;
    if (++waiting == kBatch)
      flush();
  }
}

void InputStatistics::flush() {
  for (int64_t i = 0; i < k; ++i) // what is left of an earlier batch
    std::fill_n(columns.begin() + i * kBatch + waiting, kBatch - waiting, 0.0f);
  float *to = sums->values().data();
  // Blocks of columns that stay in a cache.
  constexpr int64_t kBlock = 64;
  for (int64_t firstJ = 0; firstJ < k; firstJ += kBlock)
    for (int64_t i = firstJ; i < k; ++i)
      for (int64_t j = firstJ; j < std::min(firstJ + kBlock, i + 1); ++j)
        to[i * k + j] += dot(columns.data() + i * kBatch, columns.data() + j * kBatch, kBatch);
  waiting = 0;
}

std::vector<float> InputStatistics::hessian() {
  if (waiting > 0)
    flush();
  llvm::ArrayRef<float> values = sums->values();
  return {values.begin(), values.end()};
}

std::shared_ptr<const GptqFactor> Statistics::factorFor(blue::SourceAttr source) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = bySource.find(source);
  if (found == bySource.end() || found->second->rows() == 0)
    return nullptr;
  if (lastInputs == found->second.get())
    return last;
  lastInputs = found->second.get();
  last = nullptr;
  if (std::optional<GptqFactor> factor =
          GptqFactor::of(found->second->hessian(), lastInputs->size()))
    last = std::make_shared<const GptqFactor>(std::move(*factor));
  return last;
}

bool bluec::quantize::quantizeRows(const Format &format, blue::QuantizeMethod method,
                                   Statistics *statistics, blue::SourceAttr source,
                                   const float *rows, int64_t count, int64_t k, Rows &out) {
  if (method != blue::QuantizeMethod::Gptq)
    return quantizeRows(format, method, rows, count, k, out);
  if (!statistics || !source)
    return false;
  std::shared_ptr<const GptqFactor> factor = statistics->factorFor(source);
  return factor && quantizeRowsGptq(format, *factor, rows, count, k, out);
}
