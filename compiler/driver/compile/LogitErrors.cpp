#include "compiler/driver/compile/LogitErrors.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace bluec;

/// log(sum(exp(logits)))
static double logOfSum(llvm::ArrayRef<float> logits) {
  double largest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits)
    sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

double bluec::divergence(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found) {
  double expectedLog = logOfSum(expected), foundLog = logOfSum(found), sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double log = static_cast<double>(expected[i]) - expectedLog;
    if (std::exp(log) == 0) // its part is 0 in the limit, whatever was found
      continue;
    sum += std::exp(log) * (log - (static_cast<double>(found[i]) - foundLog));
  }
  return std::isfinite(sum) ? std::max(sum, 0.0) : std::numeric_limits<double>::infinity();
}

int64_t bluec::likeliest(llvm::ArrayRef<float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

void LogitErrors::add(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found) {
  double here = divergence(expected, found);
  ++rows;
  sum += here;
  largest = std::max(largest, here);
  agreeing += likeliest(expected) == likeliest(found);
}
