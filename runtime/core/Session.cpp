#include "core/Session.h"

#include "base/Stopwatch.h"

#include <algorithm>

namespace bluec::runtime {

Result<std::unique_ptr<Session>> Session::create(const Bundle &bundle) {
  Result<std::unique_ptr<LanguageModel>> language = LanguageModel::create(bundle);
  if (!language.ok())
    return language.status();
  std::unique_ptr<Session> session(new Session(bundle, std::move(*language)));
  Result<std::unique_ptr<WorkAhead>> ahead = session->makeAhead();
  if (!ahead.ok())
    return ahead.status();
  session->ahead = std::move(*ahead);
  return session;
}

// The parts are handed the sequence before any thread can be there.
Session::Session(const Bundle &bundle, std::unique_ptr<LanguageModel> model)
    : bundle(bundle), language(std::move(model)),
      sequence(Conversation(bundle.tokenizer(), bundle.manifest().chat,
                            bundle.model().tokens_per_tile, bundle.model().hidden)),
      caller(monitor), generator(bundle, *language, sequence, caller, monitor) {}

// Without the lock: no thread can be there yet, and if there is no memory for it, what goes again
// takes the lock itself.
Result<std::unique_ptr<WorkAhead>> Session::makeAhead() {
  return WorkAhead::create(bundle, *language, sequence, caller, monitor);
}

// -- What the caller can ask at any time ----------------------------------------------------------

void Session::observe(const OnEntryStep &onStep) {
  language->observe(onStep);
  ahead->observe(onStep);
}

Progress Session::progress() const {
  const Monitor::Lock lock(monitor);
  return ahead->progress();
}

std::int64_t Session::pictureCount() const {
  const Monitor::Lock lock(monitor);
  return ahead->pictureCount();
}

PictureInfo Session::picture(std::int64_t index) const {
  const Monitor::Lock lock(monitor);
  return ahead->picture(index);
}

std::int64_t Session::turns() const {
  const Monitor::Lock lock(monitor);
  return sequence.conversation().turns();
}

std::int64_t Session::position() const {
  const Monitor::Lock lock(monitor);
  return sequence.position();
}

Conversation Session::conversation() const {
  const Monitor::Lock lock(monitor);
  return sequence.conversation();
}

Statistics Session::statistics() const {
  const Monitor::Lock lock(monitor);
  const PictureStatistics pictures = ahead->pictureStatistics();
  const GeneratorStatistics asked = generator.statistics();
  const AheadStatistics guessed = ahead->statistics();
  Statistics result;
  result.decodePictureSeconds = pictures.decodeSeconds;
  result.tileSeconds = pictures.tileSeconds;
  result.encodeSeconds = pictures.encodeSeconds;
  result.pictures = pictures.pictures;
  result.tiles = pictures.tiles;
  result.tokenizeSeconds = tokenizeSeconds;
  result.prefillSeconds = asked.prefillSeconds + guessed.seconds;
  result.prefillTokens = asked.prefillTokens + guessed.tokens;
  result.generateSeconds = asked.generateSeconds;
  result.decodedTokens = asked.decodedTokens;
  result.aheadSeconds = guessed.seconds;
  result.aheadTokens = guessed.tokens;
  result.waitSeconds = caller.waitSeconds();
  result.neededTokens = neededTokens;
  return result;
}

void Session::reset() {
  {
    const Monitor::Lock lock(monitor);
    ahead->reset();
    sequence.reset();
    caller.reset();
  }
  generator.reset();
  turn.clear();
  tokenizeSeconds = 0;
  neededTokens = 0;
}

// -- Turns ----------------------------------------------------------------------------------------

Status Session::addPictureFile(std::span<const std::uint8_t> file) {
  return ahead->addPictureFile({file.begin(), file.end()});
}

Status Session::setSystem(std::optional<std::string> text) {
  BLUEC_RETURN_IF_ERROR(requireText(bundle));
  Conversation changed = conversation();
  BLUEC_RETURN_IF_ERROR(changed.setSystem(std::move(text)));
  const Monitor::Lock lock(monitor);
  ahead->finishChunk();
  sequence.replace(std::move(changed));
  ahead->look();
  return {};
}

Status Session::checkRoom(const Conversation &before, std::span<const PromptPart> parts) {
  const Monitor::Lock lock(monitor);
  const std::int64_t needed = ahead->rowsOf(parts), context = bundle.model().context;
  const std::int64_t left = std::max<std::int64_t>(0, context - std::ssize(before.rows()));
  neededTokens = needed > left ? needed : 0;
  if (needed <= left)
    return {};
  return {Code::ContextFull, "prompt: it takes " + std::to_string(needed) + " tokens, and " +
                                 std::to_string(left) + " of the context's " +
                                 std::to_string(context) + " are left"};
}

Status Session::addTurn(std::string_view text) {
  BLUEC_RETURN_IF_ERROR(requireText(bundle));
  const Result<Conversation> history = conversation().asHistory();
  if (!history.ok())
    return history.status();
  const Conversation &before = *history;
  // What is wrong with it, and whether it fits, is known long before its pictures are encoded.
  BLUEC_RETURN_IF_ERROR(before.checkTurn(text, int(pictureCount())));
  BLUEC_RETURN_IF_ERROR(wait(Until::Sized));
  std::vector<PictureShape> shapes;
  {
    const Monitor::Lock lock(monitor);
    shapes = ahead->shapes();
  }
  const auto made = [&] {
    const Stopwatch watch(tokenizeSeconds);
    return before.nextTurn(text, shapes);
  }();
  if (!made.ok())
    return made.status();
  const std::vector<PromptPart> &parts = *made;
  if (parts.empty())
    return {Code::InvalidArgument, "prompt: expected some text or a picture, found nothing"};
  BLUEC_RETURN_IF_ERROR(checkRoom(before, parts));
  BLUEC_RETURN_IF_ERROR(wait(Until::Encoded));

  WorkAhead::LanguageUse use(*ahead);
  std::vector<EncodedPicture> encoded;
  {
    const Monitor::Lock lock(monitor);
    encoded = ahead->encoded();
  }
  std::vector<Row> rows = before.rows();
  const std::vector<Row> added = before.rowsOf(parts, encoded);
  rows.insert(rows.end(), added.begin(), added.end());
  BLUEC_RETURN_IF_ERROR(use.take(rows));
  BLUEC_RETURN_IF_ERROR(generator.prefill(rows));

  turn = before.idsOf(parts, encoded);
  generator.noAnswer(Stop::None);
  const Monitor::Lock lock(monitor);
  ahead->turnTaken();
  sequence.replace(before);
  sequence.addTurn(text, parts, std::move(encoded));
  return {};
}

std::int64_t Session::turnsToDrop(std::int64_t tokens) const {
  const Conversation whole = conversation();
  for (std::int64_t count = 0; count <= whole.turns(); ++count) {
    const Result<Conversation> shorter = whole.withoutOldest(count);
    if (shorter.ok() && std::ssize(shorter->rows()) <= bundle.model().context - tokens)
      return count;
  }
  return -1;
}

Status Session::dropOldestTurns(std::int64_t count) {
  const Conversation whole = conversation();
  if (count < 0 || count > whole.turns())
    return {Code::InvalidArgument, "turns: expected 0 to " + std::to_string(whole.turns()) +
                                       ", found " + std::to_string(count)};
  Result<Conversation> shorter = whole.withoutOldest(count);
  if (!shorter.ok())
    return shorter.status();
  const Monitor::Lock lock(monitor);
  ahead->finishChunk(); // its rows' features may go
  sequence.replace(std::move(*shorter));
  if (count != 0)
    generator.outdate();
  ahead->look();
  return {};
}

Status Session::generate(const GenerateOptions &options, const OnText &onText) {
  BLUEC_RETURN_IF_ERROR(requireText(bundle));
  BLUEC_RETURN_IF_ERROR(checkSampling(options.sampling));
  if (options.maxNewTokens < 0)
    return {Code::InvalidArgument,
            "max new tokens: expected at least 0, found " + std::to_string(options.maxNewTokens)};
  std::vector<Row> rows;
  {
    const Monitor::Lock lock(monitor);
    if (!sequence.mayAnswer())
      return {Code::InvalidArgument, "generate: expected a turn to answer, found none"};
    rows = sequence.rows();
  }
  if (const std::int64_t context = bundle.model().context; std::ssize(rows) > context)
    return {Code::ContextFull,
            "answer: the context of " + std::to_string(context) + " tokens is full"};
  WorkAhead::LanguageUse use(*ahead);
  Status status = use.take(rows);
  if (status.ok() && !generator.fresh())
    status = generator.prefill(rows);
  if (status.getCode() == Code::Cancelled) { // the turn still waits for its answer
    generator.noAnswer(Stop::Cancelled);
    return {};
  }
  BLUEC_RETURN_IF_ERROR(status);
  status = generator.answer(rows, options, onText);
  const Monitor::Lock lock(monitor);
  ahead->look();
  return status;
}

Status Session::runEntry(const bluec_entry &entry, std::int64_t count, std::int64_t position,
                         std::span<const void *const> inputs, std::span<void *const> outputs,
                         const OnStep &onStep) {
  WorkAhead::LanguageUse use(*ahead);
  BLUEC_RETURN_IF_ERROR(use.take({}));
  if (entry.role == BLUEC_ROLE_DECODE) {
    const Monitor::Lock lock(monitor);
    // What the conversation had from there on is prefilled again when it is needed.
    sequence.cut(position);
    generator.outdate();
  }
  return language->run(entry, count, position, inputs, outputs, caller.cancelFlag(), onStep);
}

} // namespace bluec::runtime
