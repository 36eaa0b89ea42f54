// A conversation with the model of a bundle: what an app sees of it.
//
// Its parts: Sequence (the rows, and which are in the KV cache), WorkAhead (encodes and prefills
// before the question is there, on threads of its own), Generator (samples and decodes), Caller
// (cancel() and waiting). All share one lock (Monitor).
#ifndef BLUEC_RUNTIME_CORE_SESSION_H
#define BLUEC_RUNTIME_CORE_SESSION_H

#include "abi/bluec_abi.h"
#include "base/Status.h"
#include "core/Bundle.h"
#include "core/Caller.h"
#include "core/EntryCall.h"
#include "core/Generator.h"
#include "core/LanguageModel.h"
#include "core/Monitor.h"
#include "core/Sequence.h"
#include "core/WorkAhead.h"
#include "vision/Picture.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

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

// One thread at a time, except cancel() and progress(). The C interface (bluec_runtime.h) documents
// the calls.
class Session {
public:
  using OnText = Generator::OnText;
  // The bundle must outlive the session.
  static Result<std::unique_ptr<Session>> create(const Bundle &bundle);
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  void setPrefillAhead(PrefillAhead when) { ahead->setMode(when); }

  Status addPictureFile(std::span<const std::uint8_t> file);
  Status addPicture(Picture picture) { return ahead->addPicture(std::move(picture)); }
  Status dropPicture(std::int64_t index) { return ahead->dropPicture(index); }
  void dropPictures() { ahead->dropPictures(); }
  void setDraft(std::string_view text) { ahead->setDraft(text); }
  Status wait(Until until) { return ahead->wait(until); }
  // Nothing: none.
  Status setSystem(std::optional<std::string> text);
  Status addTurn(std::string_view text);
  // `onText` may be empty.
  Status generate(const GenerateOptions &options, const OnText &onText);
  std::int64_t turns() const;
  std::int64_t turnsToDrop(std::int64_t tokens) const;
  Status dropOldestTurns(std::int64_t count);
  // Lets what entry points of a kind have brought into memory leave it: the pages of the weights
  // that they read, which come back from the file when one runs again, and the arena's. Waits until
  // the background does not need them. The session does so by itself: with the encoder's when all
  // pictures are encoded, with the decoder's before the next one is.
  Status releaseWeights(bluec_role role) { return ahead->releaseWeights(role); }
  void reset();
  // Called after each step of all calls that have no OnStep of their own, also from the session's
  // threads, which may be in two at once. Set it before anything else is done; empty: none.
  void observe(const OnEntryStep &onStep);
  void cancel() { caller.cancel(); }
  // Undoes a cancel() that came when nothing was there to be cancelled.
  void forgetCancel() { caller.forgetCancel(); }

  Progress progress() const;
  std::int64_t pictureCount() const;
  // The picture must be there.
  PictureInfo picture(std::int64_t index) const;
  std::span<const float> logits() const { return generator.logits(); }
  std::span<const std::int32_t> turnTokens() const { return turn; }
  std::span<const std::int32_t> answerTokens() const { return generator.answerTokens(); }
  Stop stopReason() const { return generator.stopReason(); }
  Statistics statistics() const;
  // Tokens of the conversation that are in the KV cache.
  std::int64_t position() const;

  // One entry point on the caller's tensors; see bluec_session_run_entry.
  Status runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                  std::span<const void *const> inputs, std::span<void *const> outputs,
                  const OnStep &onStep = {});

private:
  Session(const Bundle &bundle, std::unique_ptr<LanguageModel> language);

  Result<std::unique_ptr<WorkAhead>> makeAhead() BLUEC_EXCLUDES(sessionLock) BLUEC_NO_ANALYSIS;
  // Only the caller's thread changes the conversation, so there a copy stays true.
  Conversation conversation() const;
  Status checkRoom(const Conversation &before, std::span<const PromptPart> parts);

  const Bundle &bundle;
  mutable Monitor monitor;
  const std::unique_ptr<LanguageModel> language;
  Sequence sequence BLUEC_GUARDED_BY(sessionLock);
  Caller caller;
  Generator generator;
  std::vector<std::int32_t> turn; // the last one's ids
  double tokenizeSeconds = 0;
  std::int64_t neededTokens = 0;
  std::unique_ptr<WorkAhead> ahead; // ends first: its threads use what is above
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_SESSION_H
