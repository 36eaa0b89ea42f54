#include "text/Sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace bluec::runtime {
namespace {

// e^x for x <= 0 by additions and multiplications only: 2^n times the Taylor series of what is left
// of x, which is at most ln(2)/2. Exact to some 1e-16, and the same bits everywhere.
double expOfNegative(double x) {
  if (x < -700.0)
    return 0.0;
  constexpr double kLog2e = 1.4426950408889634, kLn2High = 0.693147180369123816490,
                   kLn2Low = 1.90821492927058770002e-10;
  const auto n = std::int64_t(x * kLog2e - 0.5);
  const double rest = (x - double(n) * kLn2High) - double(n) * kLn2Low;
  double sum = 1.0;
  for (int i = 14; i >= 1; --i)
    sum = 1.0 + sum * rest / i;
  return sum * std::bit_cast<double>(std::uint64_t(1023 + n) << 52);
}

} // namespace

Status checkSampling(const SamplingOptions &options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature))
    return {Code::InvalidArgument, "temperature: expected a number of at least 0, found " +
                                       std::to_string(options.temperature)};
  if (!(options.topP > 0) || !(options.topP <= 1))
    return {Code::InvalidArgument,
            "top-p: expected a number above 0 and up to 1, found " + std::to_string(options.topP)};
  if (options.topK < 0)
    return {Code::InvalidArgument,
            "top-k: expected a whole number of at least 0, found " + std::to_string(options.topK)};
  if (!(options.minP >= 0) || !(options.minP <= 1))
    return {Code::InvalidArgument,
            "min-p: expected a number from 0 to 1, found " + std::to_string(options.minP)};
  if (!(options.repetitionPenalty > 0) || !std::isfinite(options.repetitionPenalty))
    return {Code::InvalidArgument, "repetition penalty: expected a number above 0, found " +
                                       std::to_string(options.repetitionPenalty)};
  return {};
}

// SplitMix64: a counter and a mixing function.
double Sampler::uniform() {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t value = state;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  value ^= value >> 31;
  return double(value >> 11) * 0x1p-53;
}

void Sampler::remember(std::int32_t id) {
  const auto place = std::lower_bound(remembered.begin(), remembered.end(), id);
  if (place == remembered.end() || *place != id)
    remembered.insert(place, id);
}

std::span<const float> Sampler::penalized(std::span<const float> logits) {
  if (options.repetitionPenalty == 1 || remembered.empty())
    return logits;
  changed.assign(logits.begin(), logits.end());
  for (const std::int32_t id : remembered)
    if (id >= 0 && std::size_t(id) < changed.size()) {
      float &logit = changed[std::size_t(id)];
      logit = logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty;
    }
  return changed;
}

Result<std::int32_t> Sampler::next(std::span<const float> given) {
  if (given.empty())
    return Status(Code::Internal, "expected logits, found none");
  const std::span<const float> logits = penalized(given);
  std::size_t best = 0;
  const auto notFinite = [&](std::size_t i) {
    return Status(Code::BadBundle, "logit " + std::to_string(i) +
                                       ": expected a finite number, found " +
                                       std::to_string(logits[i]) +
                                       "; the weights may hold numbers that are not finite");
  };
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] < std::numeric_limits<float>::infinity()))
      return notFinite(i);
    if (logits[i] > logits[best])
      best = i;
  }
  if (std::isinf(logits[best]))
    return notFinite(best);
  if (options.temperature == 0)
    return std::int32_t(best);

  choices.clear();
  const double top = logits[best];
  for (std::size_t i = 0; i < logits.size(); ++i)
    choices.push_back(
        {std::int32_t(i), expOfNegative((double(logits[i]) - top) / double(options.temperature))});
  std::sort(choices.begin(), choices.end(), [](const Choice &a, const Choice &b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  });
  if (const auto most = std::size_t(options.topK); most != 0 && most < choices.size())
    while (choices.back().weight < choices[most - 1].weight)
      choices.pop_back();
  double total = 0;
  for (const Choice &choice : choices)
    total += choice.weight;
  // The tokens that stay: the first, whose weight is 1, always does.
  double kept = 0;
  std::size_t count = 0;
  while (count < choices.size() && (count == 0 || (kept < double(options.topP) * total &&
                                                   choices[count].weight >= double(options.minP))))
    kept += choices[count++].weight;

  double left = uniform() * kept;
  for (std::size_t i = 0; i < count; ++i) {
    left -= choices[i].weight;
    if (left < 0)
      return choices[i].id;
  }
  return choices[count - 1].id;
}

} // namespace bluec::runtime
