// Picks the next token from logits. The same logits, options and seed give the same token on every
// platform: generator and exponential are our own.
#ifndef BLUEC_RUNTIME_TEXT_SAMPLER_H
#define BLUEC_RUNTIME_TEXT_SAMPLER_H

#include "base/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bluec::runtime {

struct SamplingOptions {
  float temperature = 0; // 0: always the most likely token
  float topP = 1;        // only the most likely tokens that together have this probability; (0, 1]
  std::uint64_t seed = 0;
};

// InvalidArgument for values that make no sense.
Status checkSampling(const SamplingOptions &options);

class Sampler {
public:
  explicit Sampler(const SamplingOptions &options) : options(options), state(options.seed) {}

  // The next token; of equally likely ones the lowest id. A logit of minus infinity is of a token
  // that is never taken. BadBundle when one is not a number or plus infinity, or all are minus
  // infinity: then the model computed nonsense.
  Result<std::int32_t> next(std::span<const float> logits);

private:
  double uniform(); // [0, 1)

  SamplingOptions options;
  std::uint64_t state;
  struct Choice {
    std::int32_t id;
    double weight;
  };
  std::vector<Choice> choices; // kept from call to call for its memory
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_SAMPLER_H
