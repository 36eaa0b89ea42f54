#include "compiler/driver/verify/LayerErrors.h"

#include "compiler/dialect/plan/Plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bluec;

void Deviation::add(double expected, double found) {
  // A logit of a token that is never taken; the reference computes it, too.
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (expected == kNever && found == kNever)
    return;
  notFinite |= !std::isfinite(found) || !std::isfinite(expected);
  largestDifference = std::max(largestDifference, std::abs(found - expected));
  largestExpected = std::max(largestExpected, std::abs(expected));
  squaredDifference += (found - expected) * (found - expected);
  squaredExpected += expected * expected;
  squaredFound += found * found;
  product += expected * found;
}

double Deviation::relative() const {
  if (notFinite)
    return std::numeric_limits<double>::infinity();
  return largestExpected > 0 ? largestDifference / largestExpected : largestDifference;
}

double Deviation::rootMeanSquare() const {
  if (notFinite)
    return std::numeric_limits<double>::infinity();
  return squaredExpected > 0 ? std::sqrt(squaredDifference / squaredExpected) : largestDifference;
}

double Deviation::cosine() const {
  if (notFinite)
    return -1;
  if (squaredExpected == 0 || squaredFound == 0)
    return squaredExpected == squaredFound ? 1 : 0;
  return std::min(1.0, product / std::sqrt(squaredExpected * squaredFound));
}

bool LayerErrors::add(const bluec_entry &entry, const bluec_step &step, const void *output,
                      int64_t count, int64_t firstRow, std::string &error) {
  llvm::StringRef name = step.output.name;
  if (!output || step.output.rank == 0 || step.output.dtype != BLUEC_F32)
    return true;
  bool lastRow = name.consume_back(plan::kLastRowSuffix);
  auto found = reference.find(name);
  if (found == reference.end())
    return true;
  const reference::Tensor &expected = *found->second;
  int64_t elements = 1;
  for (uint32_t dim = 1; dim < step.output.rank; ++dim)
    elements *= step.output.dims[dim];
  // What a call computes for its last row only has one row, whatever the capacity.
  lastRow |= step.output.dims[0] == 1 && entry.capacity > 1;
  int64_t begin = lastRow ? firstRow + count - 1 : firstRow;
  int64_t rows = lastRow ? 1 : count;
  int64_t rowsThere = expected.shape.empty() ? 0 : expected.shape[0];
  if (begin + rows > rowsThere || expected.numElements() != rowsThere * elements) {
    error = (llvm::Twine(entry.name) + ": " + name + ": expected " + llvm::Twine(elements) +
             " elements a row, found " +
             llvm::Twine(rowsThere ? expected.numElements() / rowsThere : 0))
                .str();
    return false;
  }

  auto [slot, isNew] =
      byName.try_emplace((llvm::Twine(entry.name) + " " + name).str(), errors.size());
  if (isNew) {
    errors.emplace_back();
    errors.back().entry = entry.name;
    errors.back().layer = name.str();
  }
  LayerError &total = errors[slot->second];
  const float *values = static_cast<const float *>(output);
  auto compare = [&](const reference::Tensor &with, Deviation &deviation) {
    for (int64_t i = 0; i < rows * elements; ++i)
      deviation.add(with.number(begin * elements + i), static_cast<double>(values[i]));
  };
  compare(expected, total.deviation);
  auto plain = floatReference ? floatReference->find(name) : reference.end();
  if (floatReference && plain != floatReference->end() && plain->second->shape == expected.shape) {
    if (!total.fromFloat)
      total.fromFloat.emplace();
    compare(*plain->second, *total.fromFloat);
  }
  return true;
}

const LayerError *LayerErrors::worst() const {
  auto found =
      std::max_element(errors.begin(), errors.end(), [](const LayerError &a, const LayerError &b) {
        return a.relative() < b.relative();
      });
  return found == errors.end() ? nullptr : &*found;
}

const LayerError *LayerErrors::firstBeyond(double tolerance) const {
  auto found = std::find_if(errors.begin(), errors.end(), [&](const LayerError &error) {
    return !(error.relative() <= tolerance);
  });
  return found == errors.end() ? nullptr : &*found;
}
