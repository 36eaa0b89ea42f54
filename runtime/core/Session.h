// A conversation with the model of a bundle.
//
// Besides the caller's thread, a session has two of its own, each made when it is first needed: the
// picture queue's, which encodes, and one that prefills what is known of the next turn before the
// caller asks. Both sides of the model are kept from being in memory together (see PrefillAhead):
// whoever needs the language side waits until no picture is being encoded, and the other way round.
#ifndef BLUEC_RUNTIME_CORE_SESSION_H
#define BLUEC_RUNTIME_CORE_SESSION_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "core/Bundle.h"
#include "core/Conversation.h"
#include "core/Encoder.h"
#include "core/EntryCall.h"
#include "core/LanguageModel.h"
#include "core/Monitor.h"
#include "core/PictureQueue.h"
#include "text/Sampler.h"
#include "vision/Picture.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bluec::runtime {

// Same values as enum bluec_stop in bluec_runtime.h.
enum class Stop { None = 0, End = 1, Length = 2, Context = 3, Cancelled = 4 };

// Same values as enum bluec_prefill_ahead.
enum class PrefillAhead {
  Off = 0,
  AfterEncoding = 1,
  WhileEncoding = 2, // both sides of the model are in memory then
};

// Same values as enum bluec_wait.
enum class Until { Sized = 0, Encoded = 1, Prefilled = 2 };

struct GenerateOptions {
  std::int64_t maxNewTokens = 0; // 0: as many as the context holds
  SamplingOptions sampling;
};

// Wall clock, in seconds, and counts since the session was made or reset.
struct Statistics {
  double decodePictureSeconds = 0, tileSeconds = 0, encodeSeconds = 0;
  double tokenizeSeconds = 0, prefillSeconds = 0, generateSeconds = 0;
  std::int64_t pictures = 0, tiles = 0, prefillTokens = 0, decodedTokens = 0;
  double aheadSeconds = 0;       // of prefillSeconds, in the background
  std::int64_t aheadTokens = 0;  // of prefillTokens, in the background
  double waitSeconds = 0;        // the caller's, for the background
  std::int64_t neededTokens = 0; // of the last turn that did not fit; 0: it did
};

// Same values as enum bluec_activity.
enum class Activity { Idle = 0, Encoding = 1, Prefilling = 2, Both = 3 };

struct Progress {
  Activity activity = Activity::Idle; // in the background
  std::int64_t pictures = 0, encoded = 0, failed = 0;
  std::int64_t tiles = 0, tilesDone = 0; // of pictures whose number of tiles is known
  // Tokens that are known of the next turn, with the conversation before it, and how many of those
  // are in the KV cache.
  std::int64_t knownTokens = 0, cachedTokens = 0;
};

// What became of a picture of the next turn.
struct PictureInfo {
  PictureState state = PictureState::Waiting;
  Status status; // why it failed
  std::int64_t tiles = 0, tilesDone = 0, tokens = 0;
  Grid grid;
  std::shared_ptr<const Features> features; // null until it is encoded
};

// One thread at a time, except cancel() and progress(). The C interface (bluec_runtime.h) documents
// the calls.
class Session {
public:
  // Whole UTF-8 characters; false ends generation.
  using OnText = std::function<bool(std::string_view)>;
  // The bundle must outlive the session.
  static Result<std::unique_ptr<Session>> create(const Bundle &bundle);
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;
  ~Session();

  void setPrefillAhead(PrefillAhead when);

  Status addPictureFile(std::span<const std::uint8_t> file);
  Status addPicture(Picture picture);
  Status dropPicture(std::int64_t index);
  void dropPictures();
  void setDraft(std::string_view text);
  Status wait(Until until);
  Status addTurn(std::string_view text);
  // `onText` may be empty.
  Status generate(const GenerateOptions &options, const OnText &onText);
  std::int64_t turns() const { return conversation.turns(); }
  std::int64_t turnsToDrop(std::int64_t tokens) const;
  Status dropOldestTurns(std::int64_t count);
  // Lets what entry points of a kind have brought into memory leave it: the pages of the weights
  // that they read, which come back from the file when one runs again, and the arena's. Waits until
  // the background does not need them. The session does so by itself: with the encoder's when all
  // pictures are encoded, with the decoder's before the next one is.
  Status releaseWeights(bluec_entry_kind kind);
  void reset();
  // Called after each step of all calls that have no OnStep of their own, also from the session's
  // threads, which may be in two at once. Set it before anything else is done; empty: none.
  void observe(OnEntryStep onStep);
  void cancel() { cancelled.store(true, std::memory_order_relaxed); }
  // Undoes a cancel() that came when nothing was there to be cancelled.
  void forgetCancel() { cancelled.store(false, std::memory_order_relaxed); }

  Progress progress() const;
  std::int64_t pictureCount() const;
  // The picture must be there.
  PictureInfo picture(std::int64_t index) const;
  std::span<const float> logits() const { return lastLogits; }
  std::span<const std::int32_t> turnTokens() const { return turn; }
  std::span<const std::int32_t> answerTokens() const { return answer; }
  Stop stopReason() const { return stop; }
  Statistics statistics() const;
  // Tokens of the conversation that are in the KV cache.
  std::int64_t position() const;

  // One entry point on the caller's tensors; see bluec_session_run_entry.
  Status runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                  std::span<const void *const> inputs, std::span<void *const> outputs,
                  const OnStep &onStep = {});

private:
  class LanguageUse;
  struct Chunk;

  Session(const Bundle &bundle, std::unique_ptr<LanguageModel> language);

  Status requireText() const;
  Status requirePictures() const;
  // Waits for `ready` (locked). Cancelled when cancel() comes first.
  Status await(Monitor::Lock &lock, const std::function<bool()> &ready);
  // The same for what the pictures of the next turn have to become, and that none has failed.
  Status awaitPictures(Until until);
  Status checkRoom(std::span<const PromptPart> parts);
  std::int64_t rowsOf(std::span<const PromptPart> parts) const; // locked

  // Brings `rows` into the cache, except what is there, and computes the logits of the last one.
  Status prefill(std::span<const Row> rows);
  Status decode(std::int32_t token);
  Status answerTurn(const GenerateOptions &options, const OnText &onText);

  // Locked: something to prefill ahead may have come up or changed. What runs goes on.
  void lookAhead();
  // Locked: what is being prefilled ahead ends at its next step.
  void interruptAhead();
  bool mayPrefillAhead() const;       // locked
  std::shared_ptr<Chunk> nextChunk(); // locked; null: there is nothing to do
  void prefillAhead();                // the thread
  void runChunk(Chunk &chunk, Monitor::Lock &lock);

  const Bundle &bundle;
  const std::unique_ptr<LanguageModel> language;
  std::atomic<bool> cancelled{false};
  OnEntryStep observer;

  // The caller's thread alone.
  std::vector<float> lastLogits; // empty until something was computed
  bool logitsFresh = false;      // they are those of the conversation's last row
  std::vector<std::int32_t> turn, answer;
  Stop stop = Stop::None;

  mutable Monitor monitor; // of all that follows
  // Changed by the caller's thread only, which may therefore read it without the lock.
  Conversation conversation;
  bool answerDue = false;           // a turn waits for its answer
  bool unfinished = false;          // the last answer may go on
  std::vector<std::int64_t> cached; // ids of the rows in the KV cache
  Statistics counts;
  PrefillAhead ahead = PrefillAhead::AfterEncoding;
  std::string draft;
  bool callerWaits = false;       // for the language side, or has it
  bool callerHas = false;         // the language side
  std::shared_ptr<Chunk> running; // ahead of the question
  bool aheadDue = false;          // there may be something to prefill ahead
  std::int64_t knownTokens = 0;
  std::atomic<bool> aheadStop{false};
  bool stopping = false;
  std::thread aheadThread;

  std::unique_ptr<Encoder> encoder;       // null without a vision side
  std::unique_ptr<PictureQueue> pictures; // the same; its thread uses what is above
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_SESSION_H
