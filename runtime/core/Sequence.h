// What the model reads next and what it has read: the rows of the conversation, and those in the KV
// cache. Computes nothing and knows no threads.
//
// Whatever is to be in the cache is a list of rows: a turn, a guess at one, a conversation without
// its oldest turns, an answer that goes on. The common prefix stays, the rest is computed. So a
// guess costs its time only: a wrong one is overwritten, since no call reads the cache from its own
// position on. (Layers with a window may have lost what is before it: LanguageModel::begin.)
#ifndef BLUEC_RUNTIME_CORE_SEQUENCE_H
#define BLUEC_RUNTIME_CORE_SEQUENCE_H

#include "core/Conversation.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bluec::runtime {

class Sequence {
public:
  explicit Sequence(Conversation empty) : current(std::move(empty)) {}

  const Conversation &conversation() const { return current; }
  const std::vector<Row> &rows() const { return current.rows(); }
  std::int64_t length() const { return std::ssize(rows()); }

  // -- The KV cache
  std::int64_t cachedRows() const { return std::ssize(cached); }
  // How many leading rows are in the cache.
  std::int64_t common(std::span<const Row> rows) const;
  // Rows of the conversation that are in the cache.
  std::int64_t position() const { return common(rows()); }
  // Leaves the first `count` rows in the cache, or all when there are fewer.
  void cut(std::int64_t count);
  // Rows that were computed at the cache's end.
  void append(std::span<const Row> rows);
  void append(std::int32_t token) { cached.push_back(token); }

  // -- Turns and answers
  bool answerDue() const { return answer == Answer::Due; }
  // Whether a turn waits for its answer, or the last answer may go on.
  bool mayAnswer() const { return answer != Answer::None; }
  void addTurn(std::string_view text, std::span<const PromptPart> parts,
               std::vector<EncodedPicture> pictures);
  void beginAnswer();
  void addAnswerToken(std::int32_t token) { current.addAnswerToken(token); }
  // `whole`: the model ended it, so it may not go on.
  void endAnswer(bool whole) { answer = whole ? Answer::None : Answer::Unfinished; }
  // Instead of the conversation, one of its ends (Conversation::withoutOldest).
  void replace(Conversation shorter);
  // As new.
  void reset();

private:
  enum class Answer { None, Due, Unfinished };

  Conversation current;
  Answer answer = Answer::None;
  std::vector<std::int64_t> cached; // ids
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_SEQUENCE_H
