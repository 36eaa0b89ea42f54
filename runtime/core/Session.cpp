#include "core/Session.h"

#include "text/Unicode.h"
#include "vision/Tiles.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace bluec::runtime {
namespace {

// Adds the time until it goes out of scope to `total`.
class Stopwatch {
public:
  explicit Stopwatch(double &total) : total(total) {}
  Stopwatch(const Stopwatch &) = delete;
  Stopwatch &operator=(const Stopwatch &) = delete;
  ~Stopwatch() {
    total += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  double &total;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

} // namespace

Result<std::unique_ptr<Session>> Session::create(const Bundle &bundle) {
  std::unique_ptr<Session> session(new Session(bundle));
  const bluec_model &model = bundle.model();
  std::int64_t arenaBytes = 0;
  for (std::int64_t i = 0; i < model.num_entries; ++i)
    arenaBytes = std::max(arenaBytes, model.entries[i].arena_bytes);
  Result<PageBuffer> arena =
      PageBuffer::allocate(std::size_t(arenaBytes), "arena", PageBuffer::Pages::Large);
  if (!arena.ok())
    return arena.status();
  Result<PageBuffer> cache = PageBuffer::allocate(std::size_t(model.kv_bytes), "kv cache");
  if (!cache.ok())
    return cache.status();
  session->arena = std::move(*arena);
  session->cache = std::move(*cache);
  if (!bundle.entriesOf(BLUEC_ENTRY_ENCODE).empty()) {
    Result<std::unique_ptr<Encoder>> encoder = Encoder::create(bundle);
    if (!encoder.ok())
      return encoder.status();
    session->encoder = std::move(*encoder);
  }
  return session;
}

Status Session::releaseWeights(bluec_entry_kind kind) {
  const auto &entries = bundle.entriesOf(kind);
  if (entries.empty())
    return {};
  arena.release();
  if (kind == BLUEC_ENTRY_ENCODE)
    return encoder->release();
  return bundle.releaseSegment(bundle.model().segments[entries.front()->segment].name);
}

void Session::reset() {
  waiting.clear();
  lastLogits.clear();
  turn.clear();
  answer.clear();
  cachedTokens = 0;
  unfed = -1;
  answerDue = answered = false;
  stop = Stop::None;
  counts = {};
  cancelled.store(false, std::memory_order_relaxed);
}

Status Session::runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                         std::span<const void *const> inputs, std::span<void *const> outputs,
                         const OnStep &onStep) {
  OnStep forwarded;
  if (!onStep && observer)
    forwarded = [&](std::int64_t, const bluec_step &step, const void *output) {
      return observer(entry, count, step, output);
    };
  return callEntry(bundle, entry, {arena.get(), cache.get()}, count, position, inputs, outputs,
                   cancelled, onStep ? onStep : forwarded);
}

Status Session::addPictureFile(std::span<const std::uint8_t> file) {
  Picture picture;
  {
    Stopwatch watch(counts.decodePictureSeconds);
    Result<Picture> decoded = decodePicture(file, {}, &bundle.threads());
    if (!decoded.ok())
      return decoded.status();
    picture = std::move(*decoded);
  }
  return addPicture(picture);
}

Status Session::addPicture(const Picture &picture) {
  if (!encoder)
    return {Code::Unsupported, "picture: this model takes no pictures"};
  TileSet tiles;
  {
    Stopwatch watch(counts.tileSeconds);
    tiles = makeTiles(picture, bundle.manifest().preprocess, &bundle.threads());
  }
  if (waiting.empty())
    BLUEC_RETURN_IF_ERROR(releaseWeights(BLUEC_ENTRY_DECODE));
  Stopwatch watch(counts.encodeSeconds);
  Result<Features> features = encoder->encode(tiles, cancelled, observer);
  if (!features.ok())
    return features.status();
  ++counts.pictures;
  counts.tiles += features->tiles;
  waiting.push_back(std::move(*features));
  return {};
}

Status Session::requireText() const {
  if (bundle.entriesOf(BLUEC_ENTRY_DECODE).empty())
    return {Code::Unsupported, "prompt: this model has no language side"};
  if (bundle.tokenizer().size() == 0 || !bundle.manifest().hasChat)
    return {Code::Unsupported, "prompt: this bundle has no tokenizer or no chat template"};
  return {};
}

Status Session::addTurn(std::string_view text) {
  BLUEC_RETURN_IF_ERROR(requireText());
  const ChatTemplate &chat = bundle.manifest().chat;
  std::vector<PromptPart> parts;
  {
    Stopwatch watch(counts.tokenizeSeconds);
    Result<std::vector<PromptPart>> made =
        makeTurn(bundle.tokenizer(), chat, answered ? chat.assistantSuffix : std::string(),
                 cachedTokens == 0, text, int(waiting.size()));
    if (!made.ok())
      return made.status();
    parts = std::move(*made);
  }

  std::vector<Row> rows;
  std::vector<std::int32_t> tokens;
  if (unfed >= 0)
    rows.push_back({unfed, nullptr});
  const bluec_model &model = bundle.model();
  for (const PromptPart &part : parts) {
    if (part.kind == PromptPart::Kind::Token) {
      rows.push_back({part.value, nullptr});
      tokens.push_back(part.value);
      continue;
    }
    const Features &picture = waiting[std::size_t(part.value)];
    for (std::int64_t i = 0; i < picture.tiles * model.tokens_per_tile; ++i) {
      rows.push_back({-1, picture.rows.data() + i * model.hidden});
      tokens.push_back(chat.imageTokenId);
    }
  }
  if (rows.empty())
    return {Code::InvalidArgument, "prompt: expected some text or a picture, found nothing"};
  const auto needed = std::int64_t(rows.size());
  if (needed > model.context - cachedTokens)
    return {Code::ContextFull, "prompt: it takes " + std::to_string(needed) + " tokens, and " +
                                   std::to_string(model.context - cachedTokens) +
                                   " of the context's " + std::to_string(model.context) +
                                   " are left"};
  if (!waiting.empty())
    BLUEC_RETURN_IF_ERROR(releaseWeights(BLUEC_ENTRY_ENCODE));
  BLUEC_RETURN_IF_ERROR(prefill(rows));
  turn = std::move(tokens);
  answer.clear();
  waiting.clear();
  unfed = -1;
  answered = false;
  answerDue = true;
  stop = Stop::None;
  return {};
}

// What is in the cache beyond `cachedTokens` is never read, so a chunk that fails leaves the
// conversation as it was.
Status Session::prefill(std::span<const Row> rows) {
  Stopwatch watch(counts.prefillSeconds);
  const bluec_model &model = bundle.model();
  const bluec_entry &entry = *bundle.entriesOf(BLUEC_ENTRY_PREFILL).front();
  embeddings.resize(std::size_t(std::min<std::int64_t>(entry.capacity, std::ssize(rows))) *
                    std::size_t(model.hidden));
  std::vector<float> logits(std::size_t(model.vocabulary));
  for (std::int64_t done = 0; done < std::ssize(rows);) {
    const std::int64_t count = std::min<std::int64_t>(entry.capacity, std::ssize(rows) - done);
    BLUEC_RETURN_IF_ERROR(
        embed(rows.subspan(std::size_t(done), std::size_t(count)), embeddings.data()));
    const void *input = embeddings.data();
    void *output = logits.data();
    BLUEC_RETURN_IF_ERROR(runEntry(entry, count, cachedTokens + done, {&input, 1}, {&output, 1}));
    done += count;
  }
  cachedTokens += std::ssize(rows);
  counts.prefillTokens += std::ssize(rows);
  lastLogits = std::move(logits);
  return {};
}

Status Session::embed(std::span<const Row> rows, float *to) {
  const auto hidden = std::size_t(bundle.model().hidden);
  const bluec_entry &entry = *bundle.entriesOf(BLUEC_ENTRY_EMBED).front();
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at < rows.size();) {
    if (rows[at].token < 0) {
      std::memcpy(to + at * hidden, rows[at].feature, hidden * sizeof(float));
      ++at;
      continue;
    }
    ids.clear();
    for (std::size_t i = at;
         i < rows.size() && rows[i].token >= 0 && std::ssize(ids) < entry.capacity; ++i)
      ids.push_back(rows[i].token);
    const void *input = ids.data();
    void *output = to + at * hidden;
    BLUEC_RETURN_IF_ERROR(runEntry(entry, std::ssize(ids), 0, {&input, 1}, {&output, 1}));
    at += ids.size();
  }
  return {};
}

Status Session::decode(std::int32_t token) {
  const void *input = &token;
  void *output = lastLogits.data();
  BLUEC_RETURN_IF_ERROR(runEntry(*bundle.entriesOf(BLUEC_ENTRY_DECODE).front(), 1, cachedTokens,
                                 {&input, 1}, {&output, 1}));
  ++cachedTokens;
  ++counts.decodedTokens;
  return {};
}

Status Session::generate(const GenerateOptions &options, const OnText &onText) {
  BLUEC_RETURN_IF_ERROR(requireText());
  BLUEC_RETURN_IF_ERROR(checkSampling(options.sampling));
  if (options.maxNewTokens < 0)
    return {Code::InvalidArgument,
            "max new tokens: expected at least 0, found " + std::to_string(options.maxNewTokens)};
  if (!answerDue)
    return {Code::InvalidArgument, "generate: expected a turn to answer, found none"};

  Stopwatch watch(counts.generateSeconds);
  const std::vector<std::int32_t> &ends = bundle.manifest().endTokens;
  const Tokenizer &tokenizer = bundle.tokenizer();
  Sampler sampler(options.sampling);
  Utf8Stream text;
  answer.clear();
  answerDue = false;
  answered = true;
  stop = Stop::None;
  const auto emit = [&](const std::string &piece) {
    return piece.empty() || !onText || onText(piece);
  };
  Status status;
  while (stop == Stop::None) {
    Result<std::int32_t> next = sampler.next(lastLogits);
    if (!next.ok()) {
      status = next.status();
      break;
    }
    answer.push_back(*next);
    if (std::find(ends.begin(), ends.end(), *next) != ends.end()) {
      stop = Stop::End;
      break;
    }
    unfed = *next;
    if (!tokenizer.isSpecial(*next) && !emit(text.push(tokenizer.bytes(*next))))
      stop = Stop::Cancelled;
    else if (std::ssize(answer) == options.maxNewTokens)
      stop = Stop::Length;
    else if (cachedTokens == bundle.model().context)
      stop = Stop::Context;
    if (stop != Stop::None)
      break;
    status = decode(*next);
    if (status.getCode() == Code::Cancelled) {
      stop = Stop::Cancelled;
      status = {};
    }
    if (!status.ok())
      break;
    if (stop == Stop::None)
      unfed = -1;
  }
  if (stop != Stop::Cancelled && !emit(text.finish()))
    stop = Stop::Cancelled;
  return status;
}

} // namespace bluec::runtime
