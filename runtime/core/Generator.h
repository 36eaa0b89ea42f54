// Makes tokens of rows: prefills what the cache lacks, samples, decodes, streams text.
#ifndef BLUEC_RUNTIME_CORE_GENERATOR_H
#define BLUEC_RUNTIME_CORE_GENERATOR_H

#include "core/Bundle.h"
#include "core/Caller.h"
#include "core/LanguageModel.h"
#include "core/Monitor.h"
#include "core/Sequence.h"
#include "text/Sampler.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// Same values as enum bluec_stop in bluec_runtime.h.
enum class Stop { None = 0, End = 1, Length = 2, Context = 3, Cancelled = 4 };

struct GeneratorStatistics {
  double prefillSeconds = 0, generateSeconds = 0;
  std::int64_t prefillTokens = 0, decodedTokens = 0;
};

// Everything happens on the caller's thread, which has the language side (WorkAhead::LanguageUse)
// while prefill() or answer() runs.
class Generator {
public:
  // Whole UTF-8 characters; false ends generation.
  using OnText = std::function<bool(std::string_view)>;

  // All are borrowed.
  Generator(const Bundle &bundle, LanguageModel &language, Sequence &sequence, Caller &caller,
            Monitor &monitor)
      : bundle(bundle), language(language), sequence(&sequence), caller(caller), monitor(monitor) {}

  // Brings `rows` into the cache, except what is there, and computes the logits of the last one. A
  // chunk that fails leaves the cache before it as it was.
  Status prefill(std::span<const Row> rows);
  // Samples and decodes until the answer to `rows` ends. The logits have to be fresh. `onText` may
  // be empty.
  Status answer(std::span<const Row> rows, const GenerateOptions &options, const OnText &onText);
  // The turn was not answered after all: there is no answer, and `why` is the reason.
  void noAnswer(Stop why);
  void reset();

  // Whether the logits are those of the conversation's last row.
  bool fresh() const { return logitsFresh; }
  void outdate() { logitsFresh = false; }

  std::span<const float> logits() const { return lastLogits; } // empty until some were computed
  std::span<const std::int32_t> answerTokens() const { return tokens; }
  Stop stopReason() const { return stop; }
  GeneratorStatistics statistics() const BLUEC_REQUIRES(sessionLock) { return counts; }

private:
  Status decode(std::int32_t token);
  Status sampleUntilStop(Sampler &sampler, std::int64_t maxNewTokens, const OnText &onText);

  const Bundle &bundle;
  LanguageModel &language;
  Sequence *const sequence BLUEC_PT_GUARDED_BY(sessionLock);
  Caller &caller;
  Monitor &monitor;

  std::vector<float> lastLogits;
  bool logitsFresh = false;
  std::vector<std::int32_t> tokens;
  Stop stop = Stop::None;
  GeneratorStatistics counts BLUEC_GUARDED_BY(sessionLock);
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_GENERATOR_H
