#include "core/Conversation.h"

#include "text/Unicode.h"

#include <algorithm>

namespace bluec::runtime {
namespace {

std::vector<PictureShape> shapesOf(std::span<const EncodedPicture> pictures) {
  std::vector<PictureShape> shapes;
  for (const EncodedPicture &picture : pictures)
    shapes.push_back(picture.shape);
  return shapes;
}

// Tokens of the bytes from `from` to `to` of what `ids` read, `text`: the same ones, but for those
// of which only a part stays. All are made anew where such a part is no whole characters.
std::vector<std::int32_t> keptTokens(const Tokenizer &tokenizer, std::span<const std::int32_t> ids,
                                     std::span<const std::size_t> begins, std::string_view text,
                                     std::size_t from, std::size_t to) {
  std::vector<std::int32_t> kept;
  bool isWhole = true;
  const auto encode = [&](std::size_t begin, std::size_t end) {
    const auto part =
        tokenizer.encode(text.substr(begin, end - begin), Trust::User, TextBegin::Continued);
    isWhole &= part.ok();
    if (part.ok())
      kept.insert(kept.end(), part->begin(), part->end());
  };
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t begin = std::max(begins[i], from), end = std::min(begins[i + 1], to);
    if (begin == begins[i] && end == begins[i + 1])
      kept.push_back(ids[i]);
    else if (begin < end)
      encode(begin, end);
  }
  if (isWhole)
    return kept;
  kept.clear();
  isWhole = true;
  encode(from, to);
  // Of bytes that are no text nothing goes.
  return isWhole ? kept : std::vector<std::int32_t>(ids.begin(), ids.end());
}

} // namespace

std::size_t commonPrefix(std::span<const std::int64_t> ids, std::span<const Row> rows) {
  const std::size_t most = std::min(ids.size(), rows.size());
  std::size_t count = 0;
  while (count < most && ids[count] == rows[count].id)
    ++count;
  return count;
}

Status Conversation::setSystem(std::optional<std::string> text) {
  if (!history.empty())
    return {Code::InvalidArgument,
            "system: expected a conversation without turns, found " + std::to_string(turns())};
  if (text) {
    if (const std::size_t at = findInvalidUtf8(*text); at != text->size())
      return {Code::InvalidArgument,
              "system: expected utf-8, found something else at byte " + std::to_string(at)};
    if (const auto turn = writeTurn(*chat, {true, &*text}, "a", 0); !turn.ok())
      return turn.status();
  }
  system = std::move(text);
  return {};
}

TurnPlace Conversation::placeAfter(std::size_t before) const {
  const bool first = before == 0;
  return {first, first && system ? &*system : nullptr};
}

Status Conversation::checkTurn(std::string_view text, int pictures) const {
  return writeTurn(*chat, placeAfter(history.size()), text, pictures).status();
}

Result<std::vector<PromptPart>>
Conversation::nextTurn(std::string_view text, std::span<const PictureShape> pictures) const {
  return makeTurn(*tokenizer, *chat, placeAfter(history.size()), text, pictures, chat->ask);
}

TurnPrefix Conversation::nextTurnPrefix(std::string_view draft,
                                        std::span<const PictureShape> shapes, int pictures) const {
  return makeTurnPrefix(*tokenizer, *chat, placeAfter(history.size()), draft, shapes, pictures);
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
    const std::int64_t begin = part.tile * tokensPerTile;
    for (std::int64_t i = begin; i < begin + tokensPerTile; ++i)
      rows.push_back({-1 - (picture.number * kMostPictureRows + i),
                      picture.features->rows.data() + i * hidden});
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
  addTurn({std::string(text), std::move(pictures), chat->ask}, parts);
}

void Conversation::addTurn(Turn turn, std::span<const PromptPart> parts) {
  const std::vector<Row> rows = rowsOf(parts, turn.pictures);
  turn.begin = sequence.size();
  turn.answer = sequence.size() + rows.size();
  history.push_back(std::move(turn));
  sequence.insert(sequence.end(), rows.begin(), rows.end());
}

void Conversation::addAnswerToken(std::int32_t token) { sequence.push_back({token, nullptr}); }

Result<Conversation> Conversation::asHistory() const {
  if (history.empty())
    return *this;
  const Turn &turn = history.back();
  std::vector<std::int32_t> answer;
  for (std::size_t i = turn.answer; i < sequence.size(); ++i)
    answer.push_back(std::int32_t(sequence[i].id));
  std::string text;
  std::vector<std::size_t> begins; // of each token in it, and its end
  for (std::int32_t id : answer) {
    begins.push_back(text.size());
    text += tokenizer->bytes(id);
  }
  begins.push_back(text.size());
  const auto kept = keptAnswer(*chat, text);
  if (!kept.ok())
    return kept.status();
  auto [from, to] = *kept;
  // The model may have written what the template has before an answer.
  std::string_view tail = from == to ? *chat->noAnswer : chat->answer;
  if (std::string_view(text).substr(0, from).ends_with(tail)) {
    from -= tail.size();
    tail = {};
  }
  if (tail == turn.tail && from == 0 && to == text.size())
    return *this;

  Conversation result = *this;
  result.history.pop_back();
  result.sequence.resize(turn.begin);
  Result<std::vector<PromptPart>> parts =
      makeTurn(*tokenizer, *chat, placeAfter(result.history.size()), turn.text,
               shapesOf(turn.pictures), tail);
  if (!parts.ok())
    return parts.status();
  result.addTurn({turn.text, turn.pictures, tail}, *parts);
  for (std::int32_t id : keptTokens(*tokenizer, answer, begins, text, from, to))
    result.addAnswerToken(id);
  return result;
}

// Only the first turn that stays is made anew: it opens the conversation now.
Result<Conversation> Conversation::withoutOldest(std::int64_t count) const {
  if (count == 0)
    return *this;
  Conversation result(*tokenizer, *chat, tokensPerTile, hidden);
  result.system = system;
  const auto first = std::size_t(count);
  if (first == history.size())
    return result;
  const auto copyRows = [&](std::size_t begin, std::size_t end) {
    result.sequence.insert(result.sequence.end(), sequence.begin() + std::ptrdiff_t(begin),
                           sequence.begin() + std::ptrdiff_t(end));
  };
  const Turn &opener = history[first];
  Result<std::vector<PromptPart>> parts = makeTurn(
      *tokenizer, *chat, result.placeAfter(0), opener.text, shapesOf(opener.pictures), opener.tail);
  if (!parts.ok())
    return parts.status();
  result.addTurn({opener.text, opener.pictures, opener.tail}, *parts);
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
