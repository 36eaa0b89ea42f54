#include "text/ChatTemplate.h"

#include "text/Unicode.h"

namespace bluec::runtime {
namespace {

// Tokenizer pieces with pictures between them.
class TurnBuilder {
public:
  explicit TurnBuilder(const Tokenizer &tokenizer) : tokenizer(tokenizer) {}

  void text(std::string_view text, Trust trust) { tokenizer.cut(text, trust, pieces); }

  void token(std::int32_t id) {
    flush();
    parts.push_back({PromptPart::Kind::Token, id});
  }

  void picture() {
    flush();
    parts.push_back({PromptPart::Kind::Picture, nextPicture++});
  }

  // Parts so far; text that comes after them does not join theirs.
  std::size_t close() {
    flush();
    return parts.size();
  }

  std::vector<PromptPart> take() {
    flush();
    return std::move(parts);
  }

private:
  void flush() {
    std::vector<std::int32_t> ids;
    for (const Tokenizer::Piece &piece : pieces)
      tokenizer.encode(piece, ids);
    for (std::int32_t id : ids)
      parts.push_back({PromptPart::Kind::Token, id});
    pieces.clear();
  }

  const Tokenizer &tokenizer;
  std::vector<Tokenizer::Piece> pieces;
  std::vector<PromptPart> parts;
  std::int32_t nextPicture = 0;
};

int countOf(std::string_view text, std::string_view what) {
  int count = 0;
  if (!what.empty())
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size()))
      ++count;
  return count;
}

void beginTurn(TurnBuilder &turn, const ChatTemplate &chat, std::string_view opening, bool first) {
  if (first && chat.addBos && chat.bosTokenId >= 0)
    turn.token(chat.bosTokenId);
  turn.text(opening, Trust::Template);
  turn.text(chat.userPrefix, Trust::Template);
}

} // namespace

Result<std::vector<PromptPart>> makeTurn(const Tokenizer &tokenizer, const ChatTemplate &chat,
                                         std::string_view opening, bool first,
                                         std::string_view text, int pictures) {
  if (const std::size_t at = findInvalidUtf8(text); at != text.size())
    return Status(Code::InvalidArgument,
                  "prompt: expected utf-8, found something else at byte " + std::to_string(at));
  const int placeholders = countOf(text, chat.imageToken);
  if (placeholders != 0 && placeholders != pictures)
    return Status(Code::InvalidArgument, "prompt: expected as many " + inQuotes(chat.imageToken) +
                                             " as pictures (" + std::to_string(pictures) +
                                             "), found " + std::to_string(placeholders));

  TurnBuilder turn(tokenizer);
  beginTurn(turn, chat, opening, first);
  if (placeholders == 0)
    for (int i = 0; i < pictures; ++i)
      turn.picture();
  std::size_t begin = 0;
  for (int i = 0; i < placeholders; ++i) {
    const std::size_t at = text.find(chat.imageToken, begin);
    turn.text(text.substr(begin, at - begin), Trust::User);
    turn.picture();
    begin = at + chat.imageToken.size();
  }
  turn.text(text.substr(begin), Trust::User);
  turn.text(chat.userSuffix, Trust::Template);
  turn.text(chat.assistantPrefix, Trust::Template);
  return turn.take();
}

TurnPrefix makeTurnPrefix(const Tokenizer &tokenizer, const ChatTemplate &chat,
                          std::string_view opening, bool first, std::string_view draft,
                          int pictures) {
  draft = draft.substr(0, findInvalidUtf8(draft));
  const int placeholders = countOf(draft, chat.imageToken);
  TurnBuilder turn(tokenizer);
  beginTurn(turn, chat, opening, first);
  TurnPrefix result;
  if (placeholders == 0)
    for (int i = 0; i < pictures; ++i)
      turn.picture();
  std::size_t begin = 0;
  for (int i = 0; i < placeholders; ++i) {
    const std::size_t at = draft.find(chat.imageToken, begin);
    turn.text(draft.substr(begin, at - begin), Trust::User);
    if (i == pictures) {
      result.settled = turn.close();
      result.parts = turn.take();
      return result;
    }
    turn.picture();
    begin = at + chat.imageToken.size();
  }
  if (pictures > 0)
    result.settled = turn.close();
  const std::string_view tail = draft.substr(begin);
  const std::size_t lastSpace = tail.find_last_of(" \n");
  turn.text(tail.substr(0, lastSpace == tail.npos ? 0 : lastSpace), Trust::User);
  result.parts = turn.take();
  return result;
}

} // namespace bluec::runtime
