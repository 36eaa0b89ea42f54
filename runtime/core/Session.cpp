#include "core/Session.h"

#include "base/Stopwatch.h"
#include "text/Unicode.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

namespace bluec::runtime {
namespace {

// How often somebody who waits looks whether cancel() was called, which only sets a flag.
constexpr std::chrono::milliseconds cancelDelay(10);
// A typed text is prefilled ahead when it has grown by so many tokens: each run reads all weights.
constexpr std::int64_t leastAheadTokens = 16;

} // namespace

// Rows to prefill ahead of the question, with what keeps their features alive.
struct Session::Chunk {
  std::vector<Row> rows; // from the conversation's beginning to the chunk's end
  std::int64_t begin = 0;
  std::vector<EncodedPicture> pictures;
};

// The language side for the caller's thread: what runs ahead has ended, and begins nothing more.
class Session::LanguageUse {
public:
  explicit LanguageUse(Session &session) : session(session) {
    const Monitor::Lock lock(session.monitor.guard);
    session.callerWaits = true;
  }
  LanguageUse(const LanguageUse &) = delete;
  LanguageUse &operator=(const LanguageUse &) = delete;
  ~LanguageUse() {
    const Monitor::Lock lock(session.monitor.guard);
    session.callerWaits = session.callerHas = false;
    session.monitor.changed.notify_all();
  }

  // Waits for the language side. A chunk that runs ahead may end when it is a part of `rows`.
  Status take(std::span<const Row> rows) {
    Monitor::Lock lock(session.monitor.guard);
    if (session.callerHas)
      return {};
    const Chunk *chunk = session.running.get();
    if (chunk && !(chunk->rows.size() <= rows.size() &&
                   std::equal(chunk->rows.begin(), chunk->rows.end(), rows.begin(),
                              [](const Row &a, const Row &b) { return a.id == b.id; })))
      session.interruptAhead();
    BLUEC_RETURN_IF_ERROR(session.await(lock, [&] {
      const bool encoding = session.pictures && session.pictures->busy();
      return !session.running && (!encoding || session.ahead == PrefillAhead::WhileEncoding);
    }));
    session.callerHas = true;
    return {};
  }

private:
  Session &session;
};

Result<std::unique_ptr<Session>> Session::create(const Bundle &bundle) {
  Result<std::unique_ptr<LanguageModel>> language = LanguageModel::create(bundle);
  if (!language.ok())
    return language.status();
  std::unique_ptr<Session> session(new Session(bundle, std::move(*language)));
  Result<std::unique_ptr<Encoder>> encoder = Encoder::create(bundle);
  if (!encoder.ok()) {
    if (encoder.status().getCode() == Code::Unsupported)
      return session;
    return encoder.status();
  }
  Session *self = session.get();
  PictureQueue::Hooks hooks;
  hooks.mayEncode = [self] {
    return self->ahead == PrefillAhead::WhileEncoding || (!self->running && !self->callerHas);
  };
  hooks.begin = [self] {
    bool both = false;
    {
      const Monitor::Lock lock(self->monitor.guard);
      both = self->ahead == PrefillAhead::WhileEncoding;
    }
    if (!both)
      (void)self->language->release(); // a segment that was found when the bundle was checked
  };
  hooks.encoded = [self] { self->lookAhead(); };
  session->encoder = std::move(*encoder);
  session->pictures =
      std::make_unique<PictureQueue>(bundle, *session->encoder, session->monitor, std::move(hooks));
  return session;
}

Session::Session(const Bundle &bundle, std::unique_ptr<LanguageModel> language)
    : bundle(bundle), language(std::move(language)),
      conversation(bundle.tokenizer(), bundle.manifest().chat, bundle.model().tokens_per_tile,
                   bundle.model().hidden) {}

Session::~Session() {
  {
    const Monitor::Lock lock(monitor.guard);
    stopping = true;
    interruptAhead();
    monitor.changed.notify_all();
  }
  if (pictures)
    pictures->stop(); // its hooks may still look ahead
  if (aheadThread.joinable())
    aheadThread.join();
}

// -- What the caller can set and ask at any time --------------------------------------------------

void Session::setPrefillAhead(PrefillAhead when) {
  const Monitor::Lock lock(monitor.guard);
  ahead = when;
  if (ahead == PrefillAhead::Off)
    interruptAhead();
  lookAhead();
}

void Session::observe(OnEntryStep onStep) {
  const Monitor::Lock lock(monitor.guard);
  observer = std::move(onStep);
  if (pictures)
    pictures->observe(observer);
}

Progress Session::progress() const {
  const Monitor::Lock lock(monitor.guard);
  Progress result;
  bool encoding = false;
  if (pictures) {
    encoding = pictures->busy();
    for (const auto &item : pictures->items()) {
      ++result.pictures;
      result.encoded += item->state == PictureState::Encoded;
      result.failed += item->state == PictureState::Failed;
      result.tiles += item->tiles;
      result.tilesDone += item->tilesDone;
    }
  }
  result.activity = Activity(int(encoding) + 2 * int(running != nullptr));
  result.cachedTokens = std::int64_t(cached.size());
  result.knownTokens = std::max(knownTokens, result.cachedTokens);
  return result;
}

std::int64_t Session::pictureCount() const {
  const Monitor::Lock lock(monitor.guard);
  return pictures ? std::ssize(pictures->items()) : 0;
}

PictureInfo Session::picture(std::int64_t index) const {
  const Monitor::Lock lock(monitor.guard);
  const PictureQueue::Item &item = *pictures->items()[std::size_t(index)];
  return {item.state,
          item.status,
          item.tiles,
          item.tilesDone,
          item.tiles * bundle.model().tokens_per_tile,
          item.grid,
          item.features};
}

Statistics Session::statistics() const {
  const Monitor::Lock lock(monitor.guard);
  Statistics result = counts;
  if (pictures) {
    const PictureStatistics &of = pictures->statistics();
    result.decodePictureSeconds = of.decodeSeconds;
    result.tileSeconds = of.tileSeconds;
    result.encodeSeconds = of.encodeSeconds;
    result.pictures = of.pictures;
    result.tiles = of.tiles;
  }
  return result;
}

std::int64_t Session::position() const {
  const Monitor::Lock lock(monitor.guard);
  return std::int64_t(commonPrefix(cached, conversation.rows()));
}

Status Session::requireText() const {
  if (bundle.entriesOf(BLUEC_ENTRY_DECODE).empty())
    return {Code::Unsupported, "prompt: this model has no language side"};
  if (bundle.tokenizer().size() == 0 || !bundle.manifest().hasChat)
    return {Code::Unsupported, "prompt: this bundle has no tokenizer or no chat template"};
  return {};
}

Status Session::requirePictures() const {
  if (!pictures)
    return {Code::Unsupported, "picture: this model takes no pictures"};
  return {};
}

Status Session::releaseWeights(bluec_entry_kind kind) {
  const bool vision = kind == BLUEC_ENTRY_ENCODE;
  if (vision && !encoder)
    return {};
  Monitor::Lock lock(monitor.guard);
  interruptAhead();
  monitor.changed.wait(lock, [&] { return !running && !(vision && pictures->busy()); });
  if (!vision)
    return language->release();
  language->releaseArena(); // which runEntry() uses for either side
  return encoder->release();
}

void Session::reset() {
  {
    Monitor::Lock lock(monitor.guard);
    draft.clear();
    aheadDue = false;
    interruptAhead();
    if (pictures)
      pictures->dropAll();
    monitor.changed.wait(lock, [&] { return !running && !(pictures && pictures->busy()); });
    aheadDue = false;
    if (pictures)
      pictures->statistics() = {};
    conversation = *conversation.withoutOldest(conversation.turns());
    cached.clear();
    answerDue = unfinished = false;
    counts = {};
    knownTokens = 0;
  }
  lastLogits.clear();
  logitsFresh = false;
  turn.clear();
  answer.clear();
  stop = Stop::None;
  cancelled.store(false, std::memory_order_relaxed);
}

// -- Pictures -------------------------------------------------------------------------------------

Status Session::addPictureFile(std::span<const std::uint8_t> file) {
  BLUEC_RETURN_IF_ERROR(requirePictures());
  std::vector<std::uint8_t> bytes(file.begin(), file.end());
  const Monitor::Lock lock(monitor.guard);
  if (ahead != PrefillAhead::WhileEncoding)
    interruptAhead();
  pictures->addFile(std::move(bytes));
  lookAhead();
  return {};
}

Status Session::addPicture(Picture picture) {
  BLUEC_RETURN_IF_ERROR(requirePictures());
  const Monitor::Lock lock(monitor.guard);
  if (ahead != PrefillAhead::WhileEncoding)
    interruptAhead();
  pictures->addPicture(std::move(picture));
  lookAhead();
  return {};
}

Status Session::dropPicture(std::int64_t index) {
  const std::int64_t count = pictureCount();
  if (index < 0 || index >= count)
    return {Code::InvalidArgument, "picture: expected an index below " + std::to_string(count) +
                                       ", found " + std::to_string(index)};
  const Monitor::Lock lock(monitor.guard);
  pictures->drop(std::size_t(index));
  interruptAhead();
  lookAhead();
  return {};
}

void Session::dropPictures() {
  const Monitor::Lock lock(monitor.guard);
  if (!pictures)
    return;
  pictures->dropAll();
  interruptAhead();
  lookAhead();
}

Status Session::await(Monitor::Lock &lock, const std::function<bool()> &ready) {
  double seconds = 0;
  Status status;
  {
    const Stopwatch watch(seconds);
    do {
      if (cancelled.exchange(false, std::memory_order_relaxed)) {
        status = {Code::Cancelled, "cancelled"};
        break;
      }
    } while (!monitor.changed.wait_for(lock, cancelDelay, ready));
  }
  counts.waitSeconds += seconds;
  return status;
}

Status Session::awaitPictures(Until until) {
  if (!pictures)
    return {};
  Monitor::Lock lock(monitor.guard);
  BLUEC_RETURN_IF_ERROR(
      await(lock, [&] { return until == Until::Sized ? pictures->sized() : !pictures->busy(); }));
  return pictures->firstFault();
}

Status Session::wait(Until until) {
  BLUEC_RETURN_IF_ERROR(awaitPictures(until));
  if (until != Until::Prefilled)
    return {};
  Monitor::Lock lock(monitor.guard);
  return await(lock, [&] { return !running && !(aheadDue && mayPrefillAhead()); });
}

// -- Turns ----------------------------------------------------------------------------------------

std::int64_t Session::rowsOf(std::span<const PromptPart> parts) const {
  std::int64_t rows = 0;
  for (const PromptPart &part : parts)
    rows +=
        part.kind == PromptPart::Kind::Token
            ? 1
            : pictures->items()[std::size_t(part.value)]->tiles * bundle.model().tokens_per_tile;
  return rows;
}

Status Session::checkRoom(std::span<const PromptPart> parts) {
  const Monitor::Lock lock(monitor.guard);
  const std::int64_t needed = rowsOf(parts), context = bundle.model().context;
  const std::int64_t left = std::max<std::int64_t>(0, context - std::ssize(conversation.rows()));
  counts.neededTokens = needed > left ? needed : 0;
  if (needed <= left)
    return {};
  return {Code::ContextFull, "prompt: it takes " + std::to_string(needed) + " tokens, and " +
                                 std::to_string(left) + " of the context's " +
                                 std::to_string(context) + " are left"};
}

Status Session::addTurn(std::string_view text) {
  BLUEC_RETURN_IF_ERROR(requireText());
  std::vector<PromptPart> parts;
  {
    double seconds = 0;
    const auto count = int(pictureCount());
    Result<std::vector<PromptPart>> made = [&] {
      const Stopwatch watch(seconds);
      return conversation.nextTurn(text, count);
    }();
    const Monitor::Lock lock(monitor.guard);
    counts.tokenizeSeconds += seconds;
    if (!made.ok())
      return made.status();
    parts = std::move(*made);
  }
  if (parts.empty())
    return {Code::InvalidArgument, "prompt: expected some text or a picture, found nothing"};
  // Whether the turn fits is known long before its pictures are encoded.
  BLUEC_RETURN_IF_ERROR(awaitPictures(Until::Sized));
  BLUEC_RETURN_IF_ERROR(checkRoom(parts));
  BLUEC_RETURN_IF_ERROR(awaitPictures(Until::Encoded));

  LanguageUse use(*this);
  std::vector<EncodedPicture> encoded;
  if (pictures) {
    const Monitor::Lock lock(monitor.guard);
    encoded = pictures->encoded();
  }
  std::vector<Row> rows = conversation.rows();
  const std::vector<Row> added = conversation.rowsOf(parts, encoded);
  rows.insert(rows.end(), added.begin(), added.end());
  BLUEC_RETURN_IF_ERROR(use.take(rows));
  BLUEC_RETURN_IF_ERROR(prefill(rows));

  turn = conversation.idsOf(parts, encoded);
  answer.clear();
  stop = Stop::None;
  const Monitor::Lock lock(monitor.guard);
  if (pictures)
    pictures->take();
  conversation.addTurn(text, parts, std::move(encoded));
  draft.clear();
  aheadDue = false;
  answerDue = true;
  unfinished = false;
  return {};
}

// A chunk that fails leaves what stands before it as it was, and `cached` says so.
Status Session::prefill(std::span<const Row> rows) {
  std::vector<float> logits(std::size_t(bundle.model().vocabulary));
  std::int64_t done = 0;
  {
    const Monitor::Lock lock(monitor.guard);
    // The last row is always computed, for its logits.
    done = std::min(std::int64_t(commonPrefix(cached, rows)), std::ssize(rows) - 1);
    cached.resize(std::size_t(done));
  }
  logitsFresh = false;
  while (done < std::ssize(rows)) {
    const std::int64_t count = std::min(language->chunk(), std::ssize(rows) - done);
    const auto chunk = rows.subspan(std::size_t(done), std::size_t(count));
    double seconds = 0;
    Status status;
    {
      const Stopwatch watch(seconds);
      status = language->prefill(chunk, done, logits.data(), cancelled, observer);
    }
    const Monitor::Lock lock(monitor.guard);
    counts.prefillSeconds += seconds;
    BLUEC_RETURN_IF_ERROR(status);
    counts.prefillTokens += count;
    for (const Row &row : chunk)
      cached.push_back(row.id);
    done += count;
  }
  lastLogits = std::move(logits);
  logitsFresh = true;
  return {};
}

Status Session::decode(std::int32_t token) {
  std::int64_t at = 0;
  {
    const Monitor::Lock lock(monitor.guard);
    at = std::ssize(cached);
  }
  logitsFresh = false;
  BLUEC_RETURN_IF_ERROR(language->decode(token, at, lastLogits.data(), cancelled, observer));
  logitsFresh = true;
  const Monitor::Lock lock(monitor.guard);
  cached.push_back(token);
  ++counts.decodedTokens;
  return {};
}

std::int64_t Session::turnsToDrop(std::int64_t tokens) const {
  for (std::int64_t count = 0; count <= conversation.turns(); ++count) {
    const Result<Conversation> shorter = conversation.withoutOldest(count);
    if (shorter.ok() && std::ssize(shorter->rows()) <= bundle.model().context - tokens)
      return count;
  }
  return -1;
}

Status Session::dropOldestTurns(std::int64_t count) {
  if (count < 0 || count > conversation.turns())
    return {Code::InvalidArgument, "turns: expected 0 to " + std::to_string(conversation.turns()) +
                                       ", found " + std::to_string(count)};
  Result<Conversation> shorter = conversation.withoutOldest(count);
  if (!shorter.ok())
    return shorter.status();
  Monitor::Lock lock(monitor.guard);
  interruptAhead();
  monitor.changed.wait(lock, [&] { return !running; }); // its rows' features may go
  conversation = std::move(*shorter);
  if (conversation.turns() == 0)
    answerDue = unfinished = false;
  logitsFresh &= count == 0;
  lookAhead();
  return {};
}

Status Session::generate(const GenerateOptions &options, const OnText &onText) {
  BLUEC_RETURN_IF_ERROR(requireText());
  BLUEC_RETURN_IF_ERROR(checkSampling(options.sampling));
  if (options.maxNewTokens < 0)
    return {Code::InvalidArgument,
            "max new tokens: expected at least 0, found " + std::to_string(options.maxNewTokens)};
  if (!answerDue && !unfinished)
    return {Code::InvalidArgument, "generate: expected a turn to answer, found none"};
  const auto length = std::ssize(conversation.rows()), context = bundle.model().context;
  if (length > context)
    return {Code::ContextFull,
            "answer: the context of " + std::to_string(context) + " tokens is full"};
  LanguageUse use(*this);
  const std::vector<Row> rows = conversation.rows();
  Status status = use.take(rows);
  if (status.ok() && !logitsFresh)
    status = prefill(rows);
  if (status.getCode() == Code::Cancelled) { // the turn still waits for its answer
    answer.clear();
    stop = Stop::Cancelled;
    return {};
  }
  BLUEC_RETURN_IF_ERROR(status);
  double seconds = 0;
  {
    const Stopwatch watch(seconds);
    status = answerTurn(options, onText);
  }
  const Monitor::Lock lock(monitor.guard);
  counts.generateSeconds += seconds;
  lookAhead();
  return status;
}

Status Session::answerTurn(const GenerateOptions &options, const OnText &onText) {
  const std::vector<std::int32_t> &ends = bundle.manifest().endTokens;
  const Tokenizer &tokenizer = bundle.tokenizer();
  Sampler sampler(options.sampling);
  Utf8Stream text;
  answer.clear();
  stop = Stop::None;
  {
    const Monitor::Lock lock(monitor.guard);
    conversation.beginAnswer();
    answerDue = false;
    unfinished = true;
  }
  const auto emit = [&](const std::string &piece) {
    return piece.empty() || !onText || onText(piece);
  };
  Status status;
  while (stop == Stop::None) {
    const Result<std::int32_t> next = sampler.next(lastLogits);
    if (!next.ok()) {
      status = next.status();
      break;
    }
    answer.push_back(*next);
    if (std::find(ends.begin(), ends.end(), *next) != ends.end()) {
      stop = Stop::End;
      break;
    }
    {
      const Monitor::Lock lock(monitor.guard);
      conversation.addAnswerToken(*next);
    }
    const std::int64_t fed = std::ssize(conversation.rows()) - 1;
    const bool wanted = tokenizer.isSpecial(*next) || emit(text.push(tokenizer.bytes(*next)));
    if (!wanted)
      stop = Stop::Cancelled;
    else if (std::ssize(answer) == options.maxNewTokens)
      stop = Stop::Length;
    else if (fed == bundle.model().context)
      stop = Stop::Context;
    if (stop != Stop::None) {
      logitsFresh = false; // of the row before
      break;
    }
    status = decode(*next);
    if (status.getCode() == Code::Cancelled) {
      stop = Stop::Cancelled;
      status = {};
    }
    if (!status.ok())
      break;
  }
  if (stop != Stop::Cancelled && !emit(text.finish()))
    stop = Stop::Cancelled;
  const Monitor::Lock lock(monitor.guard);
  unfinished = stop != Stop::End;
  return status;
}

Status Session::runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                         std::span<const void *const> inputs, std::span<void *const> outputs,
                         const OnStep &onStep) {
  LanguageUse use(*this);
  BLUEC_RETURN_IF_ERROR(use.take({}));
  if (entry.kind == BLUEC_ENTRY_PREFILL || entry.kind == BLUEC_ENTRY_DECODE) {
    const Monitor::Lock lock(monitor.guard);
    // What the conversation had from there on is prefilled again when it is needed.
    cached.resize(std::min(cached.size(), std::size_t(std::max<std::int64_t>(position, 0))));
    logitsFresh = false;
  }
  return language->run(entry, count, position, inputs, outputs, cancelled, observer, onStep);
}

// -- Ahead of the question ------------------------------------------------------------------------

void Session::setDraft(std::string_view text) {
  const Monitor::Lock lock(monitor.guard);
  draft = text;
  lookAhead();
}

void Session::lookAhead() {
  if (stopping || ahead == PrefillAhead::Off || !requireText().ok())
    return;
  // The last token of an answer that was cut short can wait for the next turn.
  const std::vector<Row> &rows = conversation.rows();
  const bool pending = pictures && !pictures->items().empty();
  if (!pending && draft.empty() && commonPrefix(cached, rows) + 1 >= rows.size())
    return;
  try {
    if (!aheadThread.joinable())
      aheadThread = std::thread([this] { prefillAhead(); });
  } catch (const std::system_error &) {
    return; // then nothing is prefilled ahead
  }
  aheadDue = true;
  monitor.changed.notify_all();
}

void Session::interruptAhead() {
  if (running)
    aheadStop.store(true, std::memory_order_relaxed);
}

bool Session::mayPrefillAhead() const {
  return ahead != PrefillAhead::Off && !callerWaits && !answerDue &&
         (ahead == PrefillAhead::WhileEncoding || !pictures || !pictures->busy());
}

std::shared_ptr<Session::Chunk> Session::nextChunk() {
  auto chunk = std::make_shared<Chunk>();
  std::int64_t waiting = 0;
  if (pictures) {
    chunk->pictures = pictures->encoded();
    waiting = std::ssize(pictures->items());
  }
  const TurnPrefix known = conversation.nextTurnPrefix(draft, int(waiting));
  // Up to the first picture that is not encoded.
  std::size_t end = 0, settled = known.settled;
  for (; end < known.parts.size(); ++end) {
    const PromptPart &part = known.parts[end];
    if (part.kind == PromptPart::Kind::Picture && part.value >= std::ssize(chunk->pictures)) {
      settled = end;
      break;
    }
  }
  const std::span<const PromptPart> parts(known.parts.data(), end);
  std::vector<Row> &rows = chunk->rows = conversation.rows();
  const std::vector<Row> first = conversation.rowsOf(parts.first(settled), chunk->pictures);
  rows.insert(rows.end(), first.begin(), first.end());
  const std::int64_t certain = std::ssize(rows);
  const std::vector<Row> rest = conversation.rowsOf(parts.subspan(settled), chunk->pictures);
  rows.insert(rows.end(), rest.begin(), rest.end());
  rows.resize(std::min(rows.size(), std::size_t(bundle.model().context)));

  knownTokens = std::ssize(rows);
  chunk->begin = std::int64_t(commonPrefix(cached, rows));
  if (chunk->begin >= certain && std::ssize(rows) - chunk->begin < leastAheadTokens)
    return nullptr;
  if (chunk->begin == std::ssize(rows))
    return nullptr;
  rows.resize(std::size_t(std::min(std::ssize(rows), chunk->begin + language->chunk())));
  return chunk;
}

void Session::prefillAhead() {
  Monitor::Lock lock(monitor.guard);
  while (true) {
    monitor.changed.wait(lock, [&] { return stopping || (aheadDue && mayPrefillAhead()); });
    if (stopping)
      return;
    try {
      running = nextChunk();
      if (running)
        runChunk(*running, lock);
      else
        aheadDue = false;
    } catch (const std::bad_alloc &) {
      aheadDue = false; // the question will say so if there is no room then either
    }
    running = nullptr;
    monitor.changed.notify_all();
  }
}

void Session::runChunk(Chunk &chunk, Monitor::Lock &lock) {
  aheadStop.store(false, std::memory_order_relaxed);
  cached.resize(std::size_t(chunk.begin));
  lock.unlock();
  const auto rows = std::span<const Row>(chunk.rows).subspan(std::size_t(chunk.begin));
  double seconds = 0;
  Status status;
  try {
    const Stopwatch watch(seconds);
    status = language->prefill(rows, chunk.begin, nullptr, aheadStop, observer);
  } catch (const std::bad_alloc &) {
    status = {Code::OutOfMemory, ""};
  }
  lock.lock();
  counts.prefillSeconds += seconds;
  counts.aheadSeconds += seconds;
  if (!status.ok()) {
    // Interrupted: what is next is asked anew. Else the question will say what is wrong.
    aheadDue = aheadDue && status.getCode() == Code::Cancelled;
    return;
  }
  counts.prefillTokens += std::ssize(rows);
  counts.aheadTokens += std::ssize(rows);
  for (const Row &row : rows)
    cached.push_back(row.id);
}

} // namespace bluec::runtime
