// Picks the next token from logits. The same logits, options and seed give the same token on every
// platform: generator and exponential are our own.
#ifndef BLUEC_RUNTIME_TEXT_SAMPLER_H
#define BLUEC_RUNTIME_TEXT_SAMPLER_H

#include "base/Status.h"

#include <cstdint>
#include <span>
#include <vector>

namespace bluec::runtime {

// As transformers' generate() has them. The penalty comes first, then temperature, top-k, top-p of
// what is left, min-p.
struct SamplingOptions {
  float temperature = 0; // 0: always the most likely token
  float topP = 1;        // only the most likely tokens that together have this probability; (0, 1]
  std::uint64_t seed = 0;
  std::int32_t topK = 0; // only so many of the most likely tokens, and their equals; 0: all
  float minP = 0;        // only tokens at least so many times as likely as the likeliest; [0, 1]
  // Above 0. Of tokens that were there before, a logit above 0 is divided by it, another
  // multiplied.
  float repetitionPenalty = 1;
};

// How answers are made.
struct GenerateOptions {
  std::int64_t maxNewTokens = 0; // 0: as many as the context holds
  SamplingOptions sampling;
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
  // A token of the prompt or the answer, for the penalty of repetitions.
  void remember(std::int32_t id);

private:
  // The logits with the penalty.
  std::span<const float> penalized(std::span<const float> logits);
  double uniform(); // [0, 1)

  SamplingOptions options;
  std::uint64_t state;
  struct Choice {
    std::int32_t id;
    double weight;
  };
  std::vector<Choice> choices;          // kept from call to call for its memory
  std::vector<float> changed;           // logits; the same
  std::vector<std::int32_t> remembered; // sorted, each once
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_TEXT_SAMPLER_H
