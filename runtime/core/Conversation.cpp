#include "core/Conversation.h"

#include <algorithm>

namespace bluec::runtime {
namespace {

// Rows of one picture are numbered below this; a context is far smaller.
constexpr std::int64_t kMostRows = std::int64_t(1) << 32;

} // namespace

std::size_t commonPrefix(std::span<const std::int64_t> ids, std::span<const Row> rows) {
  const std::size_t most = std::min(ids.size(), rows.size());
  std::size_t count = 0;
  while (count < most && ids[count] == rows[count].id)
    ++count;
  return count;
}

std::string_view Conversation::opening() const {
  return !history.empty() && history.back().answered ? std::string_view(chat->assistantSuffix)
                                                     : std::string_view();
}

Result<std::vector<PromptPart>> Conversation::nextTurn(std::string_view text, int pictures) const {
  return makeTurn(*tokenizer, *chat, opening(), history.empty(), text, pictures);
}

TurnPrefix Conversation::nextTurnPrefix(std::string_view draft, int pictures) const {
  return makeTurnPrefix(*tokenizer, *chat, opening(), history.empty(), draft, pictures);
}

std::vector<Row> Conversation::rowsOf(std::span<const PromptPart> parts,
                                      std::span<const EncodedPicture> pictures) const {
  std::vector<Row> rows;
  for (const PromptPart &part : parts) {
    if (part.kind == PromptPart::Kind::Token) {
      rows.push_back({part.value, nullptr});
      continue;
    }
    const EncodedPicture &picture = pictures[std::size_t(part.value)];
    const std::int64_t count = picture.features->tiles * tokensPerTile;
    for (std::int64_t i = 0; i < count; ++i)
      rows.push_back(
          {-1 - (picture.number * kMostRows + i), picture.features->rows.data() + i * hidden});
  }
  return rows;
}

std::vector<std::int32_t> Conversation::idsOf(std::span<const PromptPart> parts,
                                              std::span<const EncodedPicture> pictures) const {
  std::vector<std::int32_t> ids;
  for (const Row &row : rowsOf(parts, pictures))
    ids.push_back(row.isToken() ? std::int32_t(row.id) : chat->imageTokenId);
  return ids;
}

void Conversation::addTurn(std::string_view text, std::span<const PromptPart> parts,
                           std::vector<EncodedPicture> pictures) {
  const std::vector<Row> rows = rowsOf(parts, pictures);
  Turn turn;
  turn.text = text;
  turn.pictures = std::move(pictures);
  turn.begin = sequence.size();
  turn.answer = sequence.size() + rows.size();
  history.push_back(std::move(turn));
  sequence.insert(sequence.end(), rows.begin(), rows.end());
}

void Conversation::addAnswerToken(std::int32_t token) { sequence.push_back({token, nullptr}); }

// Only the first turn that stays is made anew: it opens the conversation now.
Result<Conversation> Conversation::withoutOldest(std::int64_t count) const {
  if (count == 0)
    return *this;
  Conversation result(*tokenizer, *chat, tokensPerTile, hidden);
  const auto first = std::size_t(count);
  if (first == history.size())
    return result;
  const auto copyRows = [&](std::size_t begin, std::size_t end) {
    result.sequence.insert(result.sequence.end(), sequence.begin() + std::ptrdiff_t(begin),
                           sequence.begin() + std::ptrdiff_t(end));
  };
  const Turn &opener = history[first];
  Result<std::vector<PromptPart>> parts = result.nextTurn(opener.text, int(opener.pictures.size()));
  if (!parts.ok())
    return parts.status();
  result.addTurn(opener.text, *parts, opener.pictures);
  result.history.back().answered = opener.answered;
  for (std::size_t i = first; i < history.size(); ++i) {
    const std::size_t end = i + 1 < history.size() ? history[i + 1].begin : sequence.size();
    if (i != first) {
      const std::size_t moved = result.sequence.size();
      result.history.push_back(history[i]);
      result.history.back().begin = moved;
      result.history.back().answer = moved + (history[i].answer - history[i].begin);
      copyRows(history[i].begin, history[i].answer);
    }
    copyRows(history[i].answer, end);
  }
  return result;
}

} // namespace bluec::runtime
