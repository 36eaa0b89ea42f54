// What a session does before the caller asks: it encodes pictures, and prefills what is known of
// the next turn.
//
// Both happen on threads of their own, each made when it is first needed. Both sides of the model
// are kept from being in memory together (see PrefillAhead): whoever needs the language side waits
// until no picture is being encoded, and the other way round.
#ifndef BLUEC_RUNTIME_CORE_WORKAHEAD_H
#define BLUEC_RUNTIME_CORE_WORKAHEAD_H

#include "base/Status.h"
#include "core/Bundle.h"
#include "core/Caller.h"
#include "core/Encoder.h"
#include "core/LanguageModel.h"
#include "core/Monitor.h"
#include "core/PictureQueue.h"
#include "core/Sequence.h"
#include "vision/Picture.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bluec::runtime {

// Same values as enum bluec_prefill_ahead in bluec_runtime.h.
enum class PrefillAhead {
  Off = 0,
  AfterEncoding = 1,
  WhileEncoding = 2, // both sides of the model are in memory then
};

// Same values as enum bluec_wait.
enum class Until { Sized = 0, Encoded = 1, Prefilled = 2 };

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

struct AheadStatistics {
  double seconds = 0; // of prefilling
  std::int64_t tokens = 0;
};

class WorkAhead {
public:
  // All are borrowed. OutOfMemory.
  static Result<std::unique_ptr<WorkAhead>> create(const Bundle &bundle, LanguageModel &language,
                                                   Sequence &sequence, Caller &caller,
                                                   Monitor &monitor);
  WorkAhead(const WorkAhead &) = delete;
  WorkAhead &operator=(const WorkAhead &) = delete;
  ~WorkAhead();

  void setMode(PrefillAhead when) BLUEC_EXCLUDES(sessionLock);
  void setDraft(std::string_view text) BLUEC_EXCLUDES(sessionLock);
  // Of the encoder's steps.
  void observe(const OnEntryStep &onStep) BLUEC_EXCLUDES(sessionLock);

  // Something to prefill may have come up or changed. What runs goes on.
  void look() BLUEC_REQUIRES(sessionLock);
  // What is being prefilled ends at its next step.
  void interrupt() BLUEC_REQUIRES(sessionLock);
  // The same, and waits for that.
  void finishChunk() BLUEC_REQUIRES(sessionLock);
  // The next turn was asked: its draft and pictures belong to the conversation now.
  void turnTaken() BLUEC_REQUIRES(sessionLock);
  // Drops draft and pictures, and waits until nothing runs. The mode stays.
  void reset() BLUEC_REQUIRES(sessionLock);

  // -- Pictures of the next turn: Unsupported for a model that takes none
  Status addPictureFile(std::vector<std::uint8_t> file) BLUEC_EXCLUDES(sessionLock);
  Status addPicture(Picture picture) BLUEC_EXCLUDES(sessionLock);
  Status dropPicture(std::int64_t index) BLUEC_EXCLUDES(sessionLock);
  void dropPictures() BLUEC_EXCLUDES(sessionLock);
  std::int64_t pictureCount() const BLUEC_REQUIRES(sessionLock);
  // The picture must be there.
  PictureInfo picture(std::int64_t index) const BLUEC_REQUIRES(sessionLock);
  // Of the next turn's pictures, all of which are sized.
  std::vector<PictureShape> shapes() const BLUEC_REQUIRES(sessionLock);
  // Rows that parts take, whose pictures are those of the next turn.
  std::int64_t rowsOf(std::span<const PromptPart> parts) const BLUEC_REQUIRES(sessionLock);
  // Those that are encoded, up to the first one that is not.
  std::vector<EncodedPicture> encoded() const BLUEC_REQUIRES(sessionLock);

  // For the caller's thread. Of the first picture that failed, or Cancelled.
  Status wait(Until until) BLUEC_EXCLUDES(sessionLock);
  // Waits until the background does not need what entry points of a kind have brought into memory,
  // and lets that leave.
  Status releaseWeights(bluec_role role) BLUEC_EXCLUDES(sessionLock);

  Progress progress() const BLUEC_REQUIRES(sessionLock);
  AheadStatistics statistics() const BLUEC_REQUIRES(sessionLock) { return counts; }
  PictureStatistics pictureStatistics() const BLUEC_REQUIRES(sessionLock);

  class LanguageUse;

private:
  struct Chunk;

  WorkAhead(const Bundle &bundle, LanguageModel &language, Sequence &sequence, Caller &caller,
            Monitor &monitor)
      : bundle(bundle), language(language), sequence(&sequence), caller(caller), monitor(monitor) {}
  PictureQueue::Hooks hooks();

  template <typename Add> Status add(Add addTo) BLUEC_EXCLUDES(sessionLock);
  Status waitForPictures(Until until) BLUEC_REQUIRES(sessionLock);
  bool encoding() const BLUEC_REQUIRES(sessionLock);
  bool mayPrefill() const BLUEC_REQUIRES(sessionLock);
  std::shared_ptr<Chunk> nextChunk() BLUEC_REQUIRES(sessionLock); // null: there is nothing to do
  void run();                                                     // the thread
  void runChunk(Chunk &chunk) BLUEC_REQUIRES(sessionLock);

  const Bundle &bundle;
  LanguageModel &language;
  Sequence *const sequence BLUEC_PT_GUARDED_BY(sessionLock);
  Caller &caller;
  Monitor &monitor;

  PrefillAhead mode BLUEC_GUARDED_BY(sessionLock) = PrefillAhead::AfterEncoding;
  std::string draft BLUEC_GUARDED_BY(sessionLock);
  // The caller waits for the language side, or has it; the caller has it.
  bool callerWaits BLUEC_GUARDED_BY(sessionLock) = false;
  bool callerHas BLUEC_GUARDED_BY(sessionLock) = false;
  std::shared_ptr<Chunk> running BLUEC_GUARDED_BY(sessionLock);
  bool due BLUEC_GUARDED_BY(sessionLock) = false; // there may be something to prefill
  std::int64_t knownTokens BLUEC_GUARDED_BY(sessionLock) = 0;
  bool stopping BLUEC_GUARDED_BY(sessionLock) = false;
  AheadStatistics counts BLUEC_GUARDED_BY(sessionLock);
  std::atomic<bool> chunkStop{false};
  std::thread thread;

  std::unique_ptr<Encoder> encoder;       // null without a vision side
  std::unique_ptr<PictureQueue> pictures; // the same; its thread uses what is above
};

// The language side for the caller's thread: what runs ahead has ended, and begins nothing more.
class WorkAhead::LanguageUse {
public:
  explicit LanguageUse(WorkAhead &ahead) BLUEC_EXCLUDES(sessionLock);
  LanguageUse(const LanguageUse &) = delete;
  LanguageUse &operator=(const LanguageUse &) = delete;
  ~LanguageUse() BLUEC_EXCLUDES(sessionLock);

  // Waits for the language side. A chunk that runs ahead may end when it is a part of `rows`.
  Status take(std::span<const Row> rows) BLUEC_EXCLUDES(sessionLock);

private:
  WorkAhead &ahead;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_WORKAHEAD_H
