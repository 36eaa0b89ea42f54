// What was said so far, as the rows that the model reads. Computes nothing and knows no threads.
#ifndef BLUEC_RUNTIME_CORE_CONVERSATION_H
#define BLUEC_RUNTIME_CORE_CONVERSATION_H

#include "base/Status.h"
#include "core/Encoder.h"
#include "text/ChatTemplate.h"
#include "text/Tokenizer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// An encoded picture. The number tells it from all others of its session.
struct EncodedPicture {
  std::int64_t number = 0; // 0 and up
  std::shared_ptr<const Features> features;
  PictureShape shape; // of as many tiles
};

// Rows of one picture are numbered below this; a context is far smaller.
inline constexpr std::int64_t kMostPictureRows = std::int64_t(1) << 32;

// One position of the sequence that the model reads: a token, or a row of a picture's features.
// Positions with the same id hold the same thing, whatever conversation they are in.
struct Row {
  std::int64_t id = 0;            // the token; negative: a row of a picture
  const float *feature = nullptr; // f32 [hidden] of a picture's row; its features own it

  bool isToken() const { return id >= 0; }
  // Of a picture's row: which of the picture's it is.
  std::int64_t numberInPicture() const { return (-1 - id) % kMostPictureRows; }
};

// How many leading rows are those that `ids` names.
std::size_t commonPrefix(std::span<const std::int64_t> ids, std::span<const Row> rows);

class Conversation {
public:
  // All are borrowed. `tokensPerTile`, `hidden`: of the model.
  Conversation(const Tokenizer &tokenizer, const ChatTemplate &chat, std::int64_t tokensPerTile,
               std::int64_t hidden)
      : tokenizer(&tokenizer), chat(&chat), tokensPerTile(tokensPerTile), hidden(hidden) {}

  // Turns and answers, in order. An answer has no row for the token that ended it.
  const std::vector<Row> &rows() const { return sequence; }
  std::int64_t turns() const { return std::ssize(history); }

  // What opens the conversation, or nothing. InvalidArgument when turns have been said or the
  // template takes none.
  Status setSystem(std::optional<std::string> text);

  // The same conversation as the template has it once its last answer is over: without what only
  // asks for an answer, and what goes from answers that are over (reasoning, white space). Of what
  // stays, tokens stay the model's. A turn without an answer gets an empty one. InvalidArgument
  // when the template has a meaning of its own for what was answered.
  Result<Conversation> asHistory() const;

  // What is wrong with a next turn, if anything is, before the shapes of its pictures are known.
  Status checkTurn(std::string_view text, int pictures) const;
  // The next turn of the user, as makeTurn() says. It goes behind asHistory(), where there are
  // turns before it.
  Result<std::vector<PromptPart>> nextTurn(std::string_view text,
                                           std::span<const PictureShape> pictures) const;
  // What is known of the next turn while its text is being typed, as makeTurnPrefix() says.
  TurnPrefix nextTurnPrefix(std::string_view draft, std::span<const PictureShape> shapes,
                            int pictures) const;
  // The rows of parts whose pictures are `pictures`.
  std::vector<Row> rowsOf(std::span<const PromptPart> parts,
                          std::span<const EncodedPicture> pictures) const;
  // The ids of parts as listings show them: a picture's positions are the template's image token.
  std::vector<std::int32_t> idsOf(std::span<const PromptPart> parts,
                                  std::span<const EncodedPicture> pictures) const;

  void addTurn(std::string_view text, std::span<const PromptPart> parts,
               std::vector<EncodedPicture> pictures);
  void addAnswerToken(std::int32_t token);

  // The same conversation without its oldest turns and their answers: what a new one would be in
  // which only the others were said. `count` is at most turns().
  Result<Conversation> withoutOldest(std::int64_t count) const;

private:
  struct Turn {
    std::string text;
    std::vector<EncodedPicture> pictures;
    std::string_view tail;  // of the template's: what stands before the answer
    std::size_t begin = 0;  // of its rows
    std::size_t answer = 0; // of its answer's rows
  };
  // Of the turn after `before` others.
  TurnPlace placeAfter(std::size_t before) const;
  void addTurn(Turn turn, std::span<const PromptPart> parts);

  const Tokenizer *tokenizer;
  const ChatTemplate *chat;
  std::int64_t tokensPerTile, hidden;
  std::optional<std::string> system;
  std::vector<Turn> history;
  std::vector<Row> sequence;
};

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_CORE_CONVERSATION_H
