#include "compiler/driver/verify/LayerErrors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bluec;
using reference::Tensor;

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

/// Calls `body` with each row (the last dim) that `entry` gave (any, if below 0): where it begins.
static void forEachRow(const LayerRecord::Layer &layer, int entry,
                       llvm::function_ref<void(int64_t begin)> body) {
  int64_t width = layer.values.shape.size() > 1 ? layer.values.shape.back() : 1;
  auto given = static_cast<int64_t>(layer.entries.size());
  int64_t elements = given > 0 ? layer.values.numElements() / given : 0;
  for (int64_t i = 0; i < given; ++i) {
    int from = layer.entries[static_cast<size_t>(i)];
    if (from < 0 || (entry >= 0 && from != entry))
      continue;
    for (int64_t begin = i * elements; begin < (i + 1) * elements; begin += width)
      body(begin);
  }
}

static double largestOf(const Tensor &values, int64_t begin, int64_t width) {
  double largest = 0;
  for (int64_t i = begin; i < begin + width; ++i)
    if (double value = std::abs(values.number(i)); std::isfinite(value))
      largest = std::max(largest, value);
  return largest;
}

/// What rows of a layer count as at least: the largest value of the middle one of those that are
/// not all zeros.
static double middleRow(const LayerRecord::Layer &layer, const Tensor &expected) {
  int64_t width = layer.values.shape.size() > 1 ? layer.values.shape.back() : 1;
  std::vector<double> rows;
  forEachRow(layer, -1, [&](int64_t begin) {
    if (double largest = largestOf(expected, begin, width); largest > 0)
      rows.push_back(largest);
  });
  if (rows.empty())
    return 0;
  auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  std::nth_element(rows.begin(), middle, rows.end());
  return *middle;
}

/// Of the worst row that `entry` gave.
static double errorOf(const LayerRecord::Layer &found, const Tensor &expected, int entry,
                      double least) {
  int64_t width = found.values.shape.size() > 1 ? found.values.shape.back() : 1;
  double worst = 0;
  forEachRow(found, entry, [&](int64_t begin) {
    Deviation row;
    for (int64_t i = begin; i < begin + width; ++i)
      row.add(expected.number(i), found.values.number(i));
    row.largestExpected = std::max(row.largestExpected, least);
    worst = std::max(worst, row.relative());
  });
  return worst;
}

static Deviation deviationOf(const LayerRecord::Layer &found, const Tensor &expected, int entry) {
  int64_t width = found.values.shape.size() > 1 ? found.values.shape.back() : 1;
  Deviation deviation;
  forEachRow(found, entry, [&](int64_t begin) {
    for (int64_t i = begin; i < begin + width; ++i)
      deviation.add(expected.number(i), found.values.number(i));
  });
  return deviation;
}

void LayerErrors::begin(const LayerRecord &of) {
  record = &of;
  first = errors.size();
  for (const LayerRecord::Source &source : of.sources()) {
    errors.emplace_back();
    errors.back().entry = of.entries()[static_cast<size_t>(source.entry)];
    errors.back().layer = of.layers()[source.layer].name;
    errors.back().step = source.step;
  }
}

void LayerErrors::forEach(const LayerRecord::Layer &found,
                          llvm::function_ref<void(LayerError &error, int entry)> body) {
  for (auto [i, source] : llvm::enumerate(record->sources()))
    if (&record->layers()[source.layer] == &found)
      body(errors[first + i], source.entry);
}

bool LayerErrors::fits(const LayerRecord::Layer &found, const Tensor &expected,
                       std::string &error) const {
  auto given = static_cast<int64_t>(found.entries.size());
  int64_t rows = expected.shape.empty() ? 0 : expected.shape[0];
  if (expected.numElements() == found.values.numElements() && rows == given)
    return true;
  auto width = [](const Tensor &tensor, int64_t count) {
    return llvm::Twine(count > 0 ? tensor.numElements() / count : 0).str();
  };
  error = found.name + ": expected " + std::to_string(rows) + " rows of " + width(expected, rows) +
          " elements, found " + std::to_string(given) + " of " + width(found.values, given);
  return false;
}

bool LayerErrors::addOwn(const LayerRecord::Layer &found, const Tensor &expected, double limit,
                         double least, std::string &error) {
  if (!fits(found, expected, error))
    return false;
  double middle = std::max(least, middleRow(found, expected));
  forEach(found, [&](LayerError &layer, int entry) {
    layer.own = errorOf(found, expected, entry, middle);
    layer.limit = limit;
  });
  return true;
}

bool LayerErrors::addAccumulated(const LayerRecord::Layer &found, const Tensor &expected,
                                 double least, std::string &error) {
  if (!fits(found, expected, error))
    return false;
  double middle = std::max(least, middleRow(found, expected));
  forEach(found, [&](LayerError &layer, int entry) {
    layer.accumulated = errorOf(found, expected, entry, middle);
    layer.deviation = deviationOf(found, expected, entry);
  });
  return true;
}

void LayerErrors::addFloat(const LayerRecord::Layer &found, const Tensor &expected) {
  std::string ignored;
  if (fits(found, expected, ignored))
    forEach(found, [&](LayerError &layer, int entry) {
      layer.fromFloat = deviationOf(found, expected, entry);
    });
}

void LayerErrors::repeat(const LayerRecord &again) {
  std::vector<LayerError> before(errors.begin() + static_cast<std::ptrdiff_t>(first), errors.end());
  begin(again);
  for (size_t i = first; i < errors.size(); ++i)
    for (const LayerError &known : before)
      if (known.layer == errors[i].layer) {
        LayerError same = known;
        same.entry = errors[i].entry;
        same.step = errors[i].step;
        errors[i] = std::move(same);
        break;
      }
}

/// By how much of its limit; what has none is as bad as can be.
static double share(const LayerError &error) {
  return error.limit > 0 ? error.own / error.limit : std::numeric_limits<double>::infinity();
}

const LayerError *LayerErrors::worst() const {
  auto found =
      std::max_element(errors.begin(), errors.end(), [](const LayerError &a, const LayerError &b) {
        return share(a) < share(b);
      });
  return found == errors.end() ? nullptr : &*found;
}

std::vector<const LayerError *> LayerErrors::wrong() const {
  std::vector<const LayerError *> found;
  for (const LayerError &error : errors)
    if (error.isWrong())
      found.push_back(&error);
  return found;
}
