#include "core/WorkAhead.h"

#include "base/Stopwatch.h"

#include <algorithm>
#include <new>
#include <system_error>

namespace bluec::runtime {
namespace {

// A typed text is prefilled when it has grown by so many tokens: each run reads all weights.
constexpr std::int64_t kLeastAheadTokens = 16;

} // namespace

// Rows to prefill, with what keeps their features alive.
struct WorkAhead::Chunk {
  std::vector<Row> rows; // from the conversation's beginning to the chunk's end
  std::int64_t begin = 0;
  std::vector<EncodedPicture> pictures;
};

Result<std::unique_ptr<WorkAhead>> WorkAhead::create(const Bundle &bundle, LanguageModel &language,
                                                     Sequence &sequence, Caller &caller,
                                                     Monitor &monitor) {
  std::unique_ptr<WorkAhead> ahead(new WorkAhead(bundle, language, sequence, caller, monitor));
  Result<std::unique_ptr<Encoder>> encoder = Encoder::create(bundle);
  if (!encoder.ok()) {
    if (encoder.status().getCode() == Code::Unsupported)
      return ahead;
    return encoder.status();
  }
  ahead->encoder = std::move(*encoder);
  ahead->pictures =
      std::make_unique<PictureQueue>(bundle, *ahead->encoder, monitor, ahead->hooks());
  return ahead;
}

PictureQueue::Hooks WorkAhead::hooks() {
  PictureQueue::Hooks result;
  result.mayEncode = [this]() BLUEC_REQUIRES(sessionLock) {
    return mode == PrefillAhead::WhileEncoding || (!running && !callerHas);
  };
  result.begin = [this] {
    bool both = false;
    {
      const Monitor::Lock lock(monitor);
      both = mode == PrefillAhead::WhileEncoding;
    }
    if (!both)
      (void)language.release(); // a segment that was found when the bundle was checked
  };
  result.encoded = [this]() BLUEC_REQUIRES(sessionLock) { look(); };
  return result;
}

WorkAhead::~WorkAhead() {
  {
    const Monitor::Lock lock(monitor);
    stopping = true;
    interrupt();
    monitor.notifyAll();
  }
  if (pictures)
    pictures->stop(); // its hooks may still look ahead
  if (thread.joinable())
    thread.join();
}

// -- What the caller says -------------------------------------------------------------------------

void WorkAhead::setMode(PrefillAhead when) {
  const Monitor::Lock lock(monitor);
  mode = when;
  if (mode == PrefillAhead::Off)
    interrupt();
  look();
}

void WorkAhead::setDraft(std::string_view text) {
  const Monitor::Lock lock(monitor);
  draft = text;
  look();
}

void WorkAhead::observe(const OnEntryStep &onStep) {
  const Monitor::Lock lock(monitor);
  if (pictures)
    pictures->observe(onStep);
}

void WorkAhead::turnTaken() {
  if (pictures)
    pictures->take();
  draft.clear();
  due = false;
}

void WorkAhead::reset() {
  draft.clear();
  due = false;
  interrupt();
  if (pictures)
    pictures->dropAll();
  monitor.wait([&]() BLUEC_REQUIRES(sessionLock) { return !running && !encoding(); });
  due = false;
  if (pictures)
    pictures->resetStatistics();
  counts = {};
  knownTokens = 0;
}

// -- Pictures -------------------------------------------------------------------------------------

template <typename Add> Status WorkAhead::add(Add addTo) {
  if (!pictures)
    return {Code::Unsupported, "picture: this model takes no pictures"};
  const Monitor::Lock lock(monitor);
  if (mode != PrefillAhead::WhileEncoding)
    interrupt();
  addTo(*pictures);
  look();
  return {};
}

Status WorkAhead::addPictureFile(std::vector<std::uint8_t> file) {
  return add([&](PictureQueue &queue)
                 BLUEC_REQUIRES(sessionLock) { queue.addFile(std::move(file)); });
}

Status WorkAhead::addPicture(Picture picture) {
  return add([&](PictureQueue &queue)
                 BLUEC_REQUIRES(sessionLock) { queue.addPicture(std::move(picture)); });
}

Status WorkAhead::dropPicture(std::int64_t index) {
  const Monitor::Lock lock(monitor);
  const std::int64_t count = pictureCount();
  if (index < 0 || index >= count)
    return {Code::InvalidArgument, "picture: expected an index below " + std::to_string(count) +
                                       ", found " + std::to_string(index)};
  pictures->drop(std::size_t(index));
  interrupt();
  look();
  return {};
}

void WorkAhead::dropPictures() {
  const Monitor::Lock lock(monitor);
  if (!pictures)
    return;
  pictures->dropAll();
  interrupt();
  look();
}

std::int64_t WorkAhead::pictureCount() const {
  return pictures ? std::ssize(pictures->items()) : 0;
}

PictureInfo WorkAhead::picture(std::int64_t index) const {
  const PictureQueue::Item &item = *pictures->items()[std::size_t(index)];
  return {item.state,
          item.status,
          item.tiles,
          item.tilesDone,
          item.tiles * bundle.model().tokens_per_tile,
          item.grid,
          item.features};
}

std::vector<PictureShape> WorkAhead::shapes() const {
  std::vector<PictureShape> result;
  if (pictures)
    for (const auto &item : pictures->items())
      result.push_back(item->shape);
  return result;
}

std::int64_t WorkAhead::rowsOf(std::span<const PromptPart> parts) const {
  std::int64_t rows = 0;
  for (const PromptPart &part : parts)
    rows += part.kind == PromptPart::Kind::Token ? 1 : bundle.model().tokens_per_tile;
  return rows;
}

std::vector<EncodedPicture> WorkAhead::encoded() const {
  return pictures ? pictures->encoded() : std::vector<EncodedPicture>();
}

PictureStatistics WorkAhead::pictureStatistics() const {
  return pictures ? pictures->statistics() : PictureStatistics();
}

// -- Who waits for whom ---------------------------------------------------------------------------

bool WorkAhead::encoding() const { return pictures && pictures->busy(); }

Progress WorkAhead::progress() const {
  Progress result;
  if (pictures)
    for (const auto &item : pictures->items()) {
      ++result.pictures;
      result.encoded += item->state == PictureState::Encoded;
      result.failed += item->state == PictureState::Failed;
      result.tiles += item->tiles;
      result.tilesDone += item->tilesDone;
    }
  result.activity = Activity(int(encoding()) + 2 * int(running != nullptr));
  result.cachedTokens = sequence->cachedRows();
  result.knownTokens = std::max(knownTokens, result.cachedTokens);
  return result;
}

Status WorkAhead::waitForPictures(Until until) {
  if (!pictures)
    return {};
  BLUEC_RETURN_IF_ERROR(caller.await([&]() BLUEC_REQUIRES(sessionLock) {
    return until == Until::Sized ? pictures->sized() : !pictures->busy();
  }));
  return pictures->firstFault();
}

Status WorkAhead::wait(Until until) {
  const Monitor::Lock lock(monitor);
  BLUEC_RETURN_IF_ERROR(waitForPictures(until));
  if (until != Until::Prefilled)
    return {};
  return caller.await(
      [&]() BLUEC_REQUIRES(sessionLock) { return !running && !(due && mayPrefill()); });
}

Status WorkAhead::releaseWeights(bluec_role role) {
  const bool vision = role == BLUEC_ROLE_ENCODE;
  if (vision && !encoder)
    return {};
  const Monitor::Lock lock(monitor);
  interrupt();
  monitor.wait([&]() BLUEC_REQUIRES(sessionLock) { return !running && !(vision && encoding()); });
  if (!vision)
    return language.release();
  language.releaseArenas(); // which Session::runEntry() uses for either side
  return encoder->release();
}

WorkAhead::LanguageUse::LanguageUse(WorkAhead &ahead) : ahead(ahead) {
  const Monitor::Lock lock(ahead.monitor);
  ahead.callerWaits = true;
}

WorkAhead::LanguageUse::~LanguageUse() {
  const Monitor::Lock lock(ahead.monitor);
  ahead.callerWaits = ahead.callerHas = false;
  ahead.monitor.notifyAll();
}

Status WorkAhead::LanguageUse::take(std::span<const Row> rows) {
  const Monitor::Lock lock(ahead.monitor);
  if (ahead.callerHas)
    return {};
  const Chunk *chunk = ahead.running.get();
  if (chunk && !(chunk->rows.size() <= rows.size() &&
                 std::equal(chunk->rows.begin(), chunk->rows.end(), rows.begin(),
                            [](const Row &a, const Row &b) { return a.id == b.id; })))
    ahead.interrupt();
  BLUEC_RETURN_IF_ERROR(ahead.caller.await([&]() BLUEC_REQUIRES(sessionLock) {
    return !ahead.running && (!ahead.encoding() || ahead.mode == PrefillAhead::WhileEncoding);
  }));
  ahead.callerHas = true;
  return {};
}

// -- Prefilling -----------------------------------------------------------------------------------

void WorkAhead::look() {
  if (stopping || mode == PrefillAhead::Off || !requireText(bundle).ok())
    return;
  // The last token of an answer that was cut short can wait for the next turn.
  if (pictureCount() == 0 && draft.empty() && sequence->position() + 1 >= sequence->length())
    return;
  try {
    if (!thread.joinable())
      thread = std::thread([this] { run(); });
  } catch (const std::system_error &) {
    return; // then nothing is prefilled ahead
  }
  due = true;
  monitor.notifyAll();
}

void WorkAhead::interrupt() {
  if (running)
    chunkStop.store(true, std::memory_order_relaxed);
}

void WorkAhead::finishChunk() {
  interrupt();
  monitor.wait([&]() BLUEC_REQUIRES(sessionLock) { return !running; });
}

bool WorkAhead::mayPrefill() const {
  return mode != PrefillAhead::Off && !callerWaits && !sequence->answerDue() &&
         (mode == PrefillAhead::WhileEncoding || !encoding());
}

std::shared_ptr<WorkAhead::Chunk> WorkAhead::nextChunk() {
  auto chunk = std::make_shared<Chunk>();
  chunk->pictures = encoded();
  const Result<Conversation> history = sequence->conversation().asHistory();
  if (!history.ok())
    return nullptr; // which the turn will say
  const Conversation &conversation = *history;
  std::vector<PictureShape> shapes;
  for (const EncodedPicture &picture : chunk->pictures)
    shapes.push_back(picture.shape);
  const TurnPrefix known = conversation.nextTurnPrefix(draft, shapes, int(pictureCount()));
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
  const std::int64_t common = sequence->common(rows);
  if (common >= certain && std::ssize(rows) - common < kLeastAheadTokens)
    return nullptr;
  if (common == std::ssize(rows))
    return nullptr;
  chunk->begin = language.begin(common);
  rows.resize(std::size_t(std::min(std::ssize(rows), chunk->begin + language.chunk())));
  return chunk;
}

void WorkAhead::run() {
  const Monitor::Lock lock(monitor);
  while (true) {
    monitor.wait([&]() BLUEC_REQUIRES(sessionLock) { return stopping || (due && mayPrefill()); });
    if (stopping)
      return;
    try {
      running = nextChunk();
      if (running)
        runChunk(*running);
      else
        due = false;
    } catch (const std::bad_alloc &) {
      due = false; // the question will say so if there is no room then either
    }
    running = nullptr;
    monitor.notifyAll();
  }
}

void WorkAhead::runChunk(Chunk &chunk) {
  chunkStop.store(false, std::memory_order_relaxed);
  sequence->cut(chunk.begin);
  const auto rows = std::span<const Row>(chunk.rows).subspan(std::size_t(chunk.begin));
  double seconds = 0;
  Status status;
  {
    const Monitor::Unlocked computing(monitor);
    const Stopwatch watch(seconds);
    try {
      status = language.prefill(rows, chunk.begin, nullptr, chunkStop);
    } catch (const std::bad_alloc &) {
      status = {Code::OutOfMemory, ""};
    }
  }
  counts.seconds += seconds;
  if (!status.ok()) {
    // Interrupted: what is next is asked anew. Else the question will say what is wrong.
    due = due && status.getCode() == Code::Cancelled;
    return;
  }
  counts.tokens += std::ssize(rows);
  sequence->append(rows);
}

} // namespace bluec::runtime
