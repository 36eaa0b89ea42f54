// A conversation with the model of a bundle.
#ifndef BLUEC_RUNTIME_CORE_SESSION_H
#define BLUEC_RUNTIME_CORE_SESSION_H

#include "abi/bluec_abi.h"
#include "core/Bundle.h"
#include "core/Encoder.h"
#include "core/EntryCall.h"
#include "core/Status.h"
#include "platform/MappedFile.h"
#include "text/ChatTemplate.h"
#include "text/Sampler.h"
#include "vision/Picture.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// Same values as enum bluec_stop in bluec_runtime.h.
enum class Stop { None = 0, End = 1, Length = 2, Context = 3, Cancelled = 4 };

struct GenerateOptions {
  std::int64_t maxNewTokens = 0; // 0: as many as the context holds
  SamplingOptions sampling;
};

// Wall clock, in seconds, and counts since the session was made or reset.
struct Statistics {
  double decodePictureSeconds = 0, tileSeconds = 0, encodeSeconds = 0;
  double tokenizeSeconds = 0, prefillSeconds = 0, generateSeconds = 0;
  std::int64_t pictures = 0, tiles = 0, prefillTokens = 0, decodedTokens = 0;
};

// One thread at a time, except cancel(). The C interface (bluec_runtime.h) documents the calls.
class Session {
public:
  // Whole UTF-8 characters; false ends generation.
  using OnText = std::function<bool(std::string_view)>;
  // The bundle must outlive the session.
  static Result<std::unique_ptr<Session>> create(const Bundle &bundle);

  Status addPictureFile(std::span<const std::uint8_t> file);
  Status addPicture(const Picture &picture);
  Status addTurn(std::string_view text);
  // `onText` may be empty.
  Status generate(const GenerateOptions &options, const OnText &onText);
  // Lets what entry points of a kind have brought into memory leave it: the pages of the weights
  // that they read, which come back from the file when one runs again, and the arena's. A turn with
  // pictures does so with the encoder's before its prefill, and a picture with the decoder's before
  // it is encoded, so that both sides of a model are never in memory at the same time.
  Status releaseWeights(bluec_entry_kind kind);
  void reset();
  // Called after each step of all calls that have no OnStep of their own; empty: none.
  void observe(OnEntryStep onStep) { observer = std::move(onStep); }
  void cancel() { cancelled.store(true, std::memory_order_relaxed); }

  const std::vector<Features> &pictures() const { return waiting; }
  std::span<const float> logits() const { return lastLogits; }
  std::span<const std::int32_t> turnTokens() const { return turn; }
  std::span<const std::int32_t> answerTokens() const { return answer; }
  Stop stopReason() const { return stop; }
  const Statistics &statistics() const { return counts; }
  std::int64_t position() const { return cachedTokens; }

  // One entry point on the caller's tensors; see bluec_session_run_entry.
  Status runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                  std::span<const void *const> inputs, std::span<void *const> outputs,
                  const OnStep &onStep = {});

private:
  explicit Session(const Bundle &bundle) : bundle(bundle) {}

  // A row of the sequence to prefill: a token, or (token < 0) a row of picture features.
  struct Row {
    std::int32_t token;
    const float *feature;
  };

  Status prefill(std::span<const Row> rows);
  // Embeddings of `rows` into `to`, f32 [rows, hidden].
  Status embed(std::span<const Row> rows, float *to);
  Status decode(std::int32_t token);
  Status requireText() const;

  const Bundle &bundle;
  PageBuffer arena; // of the largest entry; entry points share it, one runs at a time
  std::unique_ptr<Encoder> encoder; // null without a vision side
  PageBuffer cache;
  std::atomic<bool> cancelled{false};

  OnEntryStep observer;

  std::vector<Features> waiting;
  std::vector<float> embeddings; // of one chunk
  std::vector<float> lastLogits; // empty until something was computed
  std::vector<std::int32_t> turn, answer;
  std::int64_t cachedTokens = 0;
  // A token of the answer that is not in the cache yet because the answer stopped at it; -1: none.
  std::int32_t unfed = -1;
  bool answerDue = false; // a turn waits for its answer
  bool answered = false;  // an answer waits for the template's assistant suffix
  Stop stop = Stop::None;
  Statistics counts;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_SESSION_H
