#include "core/Generator.h"

#include "base/Stopwatch.h"
#include "text/TokenText.h"

#include <algorithm>

namespace bluec::runtime {

Status Generator::prefill(std::span<const Row> rows) {
  std::vector<float> logits(std::size_t(bundle.model().vocabulary));
  std::int64_t done = 0;
  {
    const Monitor::Lock lock(monitor);
    // The last row is always computed, for its logits.
    done = language.begin(std::min(sequence->common(rows), std::ssize(rows) - 1));
    sequence->cut(done);
  }
  logitsFresh = false;
  while (done < std::ssize(rows)) {
    const std::int64_t count = std::min(language.chunk(), std::ssize(rows) - done);
    const auto chunk = rows.subspan(std::size_t(done), std::size_t(count));
    double seconds = 0;
    Status status;
    {
      const Stopwatch watch(seconds);
      status = language.prefill(chunk, done, logits.data(), caller.cancelFlag());
    }
    const Monitor::Lock lock(monitor);
    counts.prefillSeconds += seconds;
    BLUEC_RETURN_IF_ERROR(status);
    counts.prefillTokens += count;
    sequence->append(chunk);
    done += count;
  }
  lastLogits = std::move(logits);
  logitsFresh = true;
  return {};
}

Status Generator::decode(std::int32_t token) {
  std::int64_t at = 0;
  {
    const Monitor::Lock lock(monitor);
    at = sequence->cachedRows();
  }
  logitsFresh = false;
  BLUEC_RETURN_IF_ERROR(language.decode(token, at, lastLogits.data(), caller.cancelFlag()));
  logitsFresh = true;
  const Monitor::Lock lock(monitor);
  sequence->append(token);
  ++counts.decodedTokens;
  return {};
}

Status Generator::answer(std::span<const Row> rows, const GenerateOptions &options,
                         const OnText &onText) {
  Sampler sampler(options.sampling);
  for (const Row &row : rows)
    if (row.isToken())
      sampler.remember(std::int32_t(row.id));
  tokens.clear();
  stop = Stop::None;
  {
    const Monitor::Lock lock(monitor);
    sequence->beginAnswer();
  }
  double seconds = 0;
  Status status;
  {
    const Stopwatch watch(seconds);
    status = sampleUntilStop(sampler, options.maxNewTokens, onText);
  }
  const Monitor::Lock lock(monitor);
  counts.generateSeconds += seconds;
  sequence->endAnswer(stop == Stop::End);
  return status;
}

namespace {

// Tells when the text of an answer has one of some strings in it.
class StopStrings {
public:
  explicit StopStrings(std::span<const std::string> strings) : strings(strings) {
    for (const std::string &each : strings)
      longest = std::max(longest, each.size());
  }

  // Whether one ends in `bytes`, which come behind all before.
  bool push(std::string_view bytes) {
    if (longest == 0)
      return false;
    tail += bytes;
    const bool found = std::any_of(strings.begin(), strings.end(), [&](const std::string &each) {
      return tail.find(each) != tail.npos;
    });
    tail.erase(0, tail.size() - std::min(tail.size(), longest - 1));
    return found;
  }

private:
  std::span<const std::string> strings;
  std::size_t longest = 0;
  std::string tail; // too short to hold one
};

} // namespace

Status Generator::sampleUntilStop(Sampler &sampler, std::int64_t maxNewTokens,
                                  const OnText &onText) {
  const std::vector<std::int32_t> &ends = bundle.manifest().endTokens;
  const Tokenizer &tokenizer = bundle.tokenizer();
  StopStrings stops(bundle.manifest().stopStrings);
  TokenText text(tokenizer);
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
    tokens.push_back(*next);
    sampler.remember(*next);
    if (std::find(ends.begin(), ends.end(), *next) != ends.end()) {
      stop = Stop::End;
      break;
    }
    std::int64_t fed = 0; // rows before this token
    {
      const Monitor::Lock lock(monitor);
      fed = sequence->length();
      sequence->addAnswerToken(*next);
    }
    const bool wanted = tokenizer.isSpecial(*next) || emit(text.push(*next));
    const bool ends = stops.push(tokenizer.bytes(*next));
    if (!wanted)
      stop = Stop::Cancelled;
    else if (ends)
      stop = Stop::End;
    else if (std::ssize(tokens) == maxNewTokens)
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
  return status;
}

void Generator::noAnswer(Stop why) {
  tokens.clear();
  stop = why;
}

void Generator::reset() {
  const Monitor::Lock lock(monitor);
  lastLogits.clear();
  logitsFresh = false;
  noAnswer(Stop::None);
  counts = {};
}

} // namespace bluec::runtime
