#include "text/ChatTemplate.h"

#include "text/Unicode.h"

#include <algorithm>
#include <array>
#include <deque>

namespace bluec::runtime {
namespace {

bool goes(Trim trim, std::uint32_t codePoint) {
  // Python counts the separators of files, groups, records and units as white space, too.
  constexpr std::uint32_t kFirstSeparator = 0x1c, kLastSeparator = 0x1f;
  switch (trim) {
  case Trim::None:
    return false;
  case Trim::Newlines:
    return codePoint == '\n';
  case Trim::Spaces:
    return isSpace(codePoint) || (codePoint >= kFirstSeparator && codePoint <= kLastSeparator);
  }
  return false;
}

// Begin and end of what is left.
std::pair<std::size_t, std::size_t> trimmed(std::string_view text, Trims trims) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const Decoded next = decodeUtf8(text.substr(begin));
    if (!next.valid || !goes(trims.left, next.codePoint))
      break;
    begin += next.bytes;
  }
  std::size_t end = begin;
  for (std::size_t at = begin; at < text.size();) {
    const Decoded next = decodeUtf8(text.substr(at));
    at += next.bytes;
    if (!next.valid || !goes(trims.right, next.codePoint))
      end = at;
  }
  return {begin, end};
}

std::string_view trim(std::string_view text, Trims trims) {
  const auto [begin, end] = trimmed(text, trims);
  return text.substr(begin, end - begin);
}

int countOf(std::string_view text, std::string_view what) {
  int count = 0;
  if (!what.empty())
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size()))
      ++count;
  return count;
}

Status checkReserved(std::string_view text, std::span<const std::string> reserved,
                     const char *what) {
  for (const std::string &word : reserved)
    if (text.find(word) != text.npos)
      return {Code::InvalidArgument,
              std::string(what) + ": expected none of what the model's chat " +
                  "template has a meaning of its own for, found " + inQuotes(word)};
  return {};
}

bool isBlank(std::string_view text) { return trim(text, {Trim::Spaces, Trim::Spaces}).empty(); }

Status needsText(const char *what) {
  return {Code::InvalidArgument, std::string(what) + ": expected some text, which the model's " +
                                     "chat template needs, found none"};
}

// Writes a turn item by item, with what the template has between them.
class TurnWriter {
public:
  TurnWriter(const ChatTemplate &chat, const TurnPlace &place) : chat(chat), place(place) {}

  // Of a text of this turn: its first item, its last one, or both.
  Trims textTrims(bool isLast) const {
    Trims trims =
        place.first && place.system && chat.system ? chat.system->textTrims : chat.userTrims;
    if (chat.trimsTurn && last != Last::Nothing)
      trims.left = Trim::None;
    if (chat.trimsTurn && !isLast)
      trims.right = Trim::None;
    return trims;
  }

  // What stands before a text.
  void beforeText() {
    if (last == Last::Nothing)
      begin(&ByItem::text);
    else
      append(last == Last::Text ? chat.textText : chat.pictureText);
  }
  void text(std::string_view what, Trims trims) {
    beforeText();
    append(trim(what, trims), TurnText::Kind::User);
    last = Last::Text;
  }

  void beforePicture() {
    if (last == Last::Nothing)
      begin(&ByItem::picture);
    else
      append(last == Last::Text ? chat.textPicture : chat.picturePicture);
  }
  void picture() {
    beforePicture();
    parts.push_back({TurnText::Kind::Picture, {}});
    last = Last::Picture;
  }

  std::vector<TurnText> end() {
    append(last == Last::Picture ? chat.end.picture : chat.end.text);
    return std::move(parts);
  }
  const std::vector<TurnText> &soFar() const { return parts; }

private:
  enum class Last { Nothing, Text, Picture };

  void begin(std::string ByItem::*item) {
    if (!place.first) {
      append(chat.next.*item);
    } else if (place.system && chat.system) {
      append(chat.system->before);
      append(trim(*place.system, chat.system->trims), TurnText::Kind::User);
      append(chat.system->after.*item);
    } else {
      append(chat.begin.*item);
    }
  }
  void append(std::string_view text, TurnText::Kind kind = TurnText::Kind::Template) {
    if (!text.empty())
      parts.push_back({kind, std::string(text)});
  }

  const ChatTemplate &chat;
  const TurnPlace &place;
  Last last = Last::Nothing;
  std::vector<TurnText> parts;
};

std::string replaced(std::string text, std::string_view mark, const std::string &by) {
  for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
  return text;
}

// What becomes tokens: texts, and breaks between them where rows of pictures stand.
class SpanList {
public:
  explicit SpanList(const ChatTemplate &chat) : chat(chat) {}

  void add(std::string text, Trust trust) {
    if (!text.empty())
      spans.push_back({texts.emplace_back(std::move(text)), trust});
  }
  // Nothing of `shape`: it is not known yet.
  void addPicture(std::int32_t index, const std::optional<PictureShape> &shape) {
    if (shape)
      addTiles(index, *shape);
    else
      addRows(index, 0);
  }

  std::vector<Tokenizer::Span> spans;
  std::vector<PromptPart> breaks; // those among the spans, in order

private:
  void addRows(std::int32_t picture, std::int32_t tile) {
    spans.push_back(Tokenizer::Span::breakLike(chat.imageTokenId));
    breaks.push_back({PromptPart::Kind::Picture, picture, tile});
  }
  void addTiles(std::int32_t picture, const PictureShape &shape) {
    using Overview = PictureShape::Overview;
    const PicturePieces &pieces = chat.picture;
    const std::int32_t tiles = shape.columns * shape.rows;
    if (tiles == 1 && shape.overview == Overview::None) {
      add(pieces.beforeOne, Trust::Template);
      addRows(picture, 0);
      return add(pieces.after, Trust::Template);
    }
    const auto addOverview = [&](std::int32_t tile) {
      add(pieces.overview, Trust::Template);
      addRows(picture, tile);
    };
    add(pieces.before, Trust::Template);
    const bool isFirst = shape.overview == Overview::First;
    if (isFirst)
      addOverview(0);
    for (std::int32_t row = 0; row < shape.rows; ++row) {
      for (std::int32_t column = 0; column < shape.columns; ++column) {
        add(replaced(replaced(pieces.tile, kRowMark, std::to_string(row + 1)), kColumnMark,
                     std::to_string(column + 1)),
            Trust::Template);
        addRows(picture, int(isFirst) + row * shape.columns + column);
      }
      add(pieces.rowEnd, Trust::Template);
    }
    if (shape.overview == Overview::Last)
      addOverview(tiles);
    add(pieces.after, Trust::Template);
  }

  const ChatTemplate &chat;
  std::deque<std::string> texts; // which the spans borrow
};

// The tokens of a written turn; rows of a picture are a break between texts, as its token is.
std::vector<PromptPart> tokenize(const Tokenizer &tokenizer, const ChatTemplate &chat,
                                 const TurnPlace &place, std::vector<TurnText> turn,
                                 std::span<const PictureShape> shapes, std::string_view tail) {
  const std::time_t now = std::time(nullptr);
  SpanList list(chat);
  std::int32_t pictures = 0;
  for (TurnText &part : turn) {
    if (part.kind == TurnText::Kind::Picture) {
      const auto index = std::size_t(pictures);
      list.addPicture(pictures++,
                      index < shapes.size() ? std::optional(shapes[index]) : std::nullopt);
      continue;
    }
    const bool isUsers = part.kind == TurnText::Kind::User;
    if (!isUsers && part.text.find(kDateMark) != part.text.npos)
      part.text = withDates(part.text, now);
    list.add(std::move(part.text), isUsers ? Trust::User : Trust::Template);
  }
  list.add(std::string(tail), Trust::Template);
  std::vector<PromptPart> parts;
  std::size_t breaks = 0;
  std::vector<std::int32_t> ids;
  // A later turn goes on from an answer.
  const TextBegin after = place.first ? TextBegin::Text : TextBegin::Continued;
  for (const Tokenizer::Piece &piece : tokenizer.cut(list.spans, after)) {
    if (piece.token == Tokenizer::kBreak) {
      parts.push_back(list.breaks[breaks++]);
      continue;
    }
    ids.clear();
    tokenizer.encode(piece, ids);
    for (std::int32_t id : ids)
      parts.push_back({PromptPart::Kind::Token, id});
  }
  return parts;
}

} // namespace

std::string_view trimName(Trim trim) {
  switch (trim) {
  case Trim::None:
    return "none";
  case Trim::Newlines:
    return "newlines";
  case Trim::Spaces:
    return "spaces";
  }
  return {};
}

std::optional<Trim> trimByName(std::string_view name) {
  for (Trim trim : {Trim::None, Trim::Newlines, Trim::Spaces})
    if (trimName(trim) == name)
      return trim;
  return std::nullopt;
}

std::string withDates(std::string_view text, std::time_t now) {
  std::string result;
  bool isFormat = false;
  for (std::size_t at = 0;; isFormat = !isFormat) {
    const std::size_t mark = std::min(text.find(kDateMark, at), text.size());
    const std::string part(text.substr(at, mark - at));
    if (isFormat && !part.empty()) {
      std::tm local{};
      localtime_r(&now, &local);
      std::array<char, 256> date{};
      result.append(date.data(), std::strftime(date.data(), date.size(), part.c_str(), &local));
    } else {
      result += part;
    }
    if (mark == text.size())
      return result;
    at = mark + 1;
  }
}

std::string_view partName(Part part) {
  switch (part) {
  case Part::Last:
    return "last";
  case Part::BehindFirst:
    return "behind_first";
  case Part::Second:
    return "second";
  }
  return {};
}

std::optional<Part> partByName(std::string_view name) {
  for (Part part : {Part::Last, Part::BehindFirst, Part::Second})
    if (partName(part) == name)
      return part;
  return std::nullopt;
}

Result<std::vector<TurnText>> writeTurn(const ChatTemplate &chat, const TurnPlace &place,
                                        std::string_view text, int pictures) {
  if (const std::size_t at = findInvalidUtf8(text); at != text.size())
    return Status(Code::InvalidArgument,
                  "prompt: expected utf-8, found something else at byte " + std::to_string(at));
  if (place.system && !chat.system)
    return Status(Code::InvalidArgument, "system: the model's chat template takes no system text");
  if (place.system) {
    BLUEC_RETURN_IF_ERROR(checkReserved(*place.system, chat.system->reserved, "system"));
    if (chat.system->needsText && isBlank(*place.system))
      return needsText("system");
  }
  BLUEC_RETURN_IF_ERROR(checkReserved(text, chat.reservedInText, "prompt"));
  const int placeholders = countOf(text, chat.imageToken);
  if (placeholders != 0 && placeholders != pictures)
    return Status(Code::InvalidArgument, "prompt: expected as many " + inQuotes(chat.imageToken) +
                                             " as pictures (" + std::to_string(pictures) +
                                             "), found " + std::to_string(placeholders));
  TurnWriter turn(chat, place);
  bool hasBlank = false;
  const auto say = [&](std::string_view part, bool isLast) {
    hasBlank |= isBlank(part);
    turn.text(part, turn.textTrims(isLast));
  };
  const bool inPlace = placeholders != 0 && !chat.picturesFirst;
  if (!inPlace)
    for (int i = 0; i < pictures; ++i)
      turn.picture();
  std::size_t begin = 0;
  for (int i = 0; i < placeholders; ++i) {
    const std::size_t at = text.find(chat.imageToken, begin);
    if (at != begin)
      say(text.substr(begin, at - begin), /*isLast=*/false);
    if (inPlace)
      turn.picture();
    begin = at + chat.imageToken.size();
  }
  if (begin != text.size() || pictures == 0)
    say(text.substr(begin), /*isLast=*/true);
  if (hasBlank && chat.needsText)
    return needsText("prompt");
  return turn.end();
}

Result<std::pair<std::size_t, std::size_t>> keptAnswer(const ChatTemplate &chat,
                                                       std::string_view answer) {
  BLUEC_RETURN_IF_ERROR(checkReserved(answer, chat.reservedInAnswer, "answer"));
  const std::string_view mark = chat.answerMark;
  const std::size_t first = mark.empty() ? answer.npos : answer.find(mark);
  const bool isMarked = first != answer.npos;
  std::size_t from = 0, to = answer.size();
  if (isMarked) {
    from = (chat.answerPart == Part::Last ? answer.rfind(mark) : first) + mark.size();
    if (chat.answerPart == Part::Second)
      to = std::min(to, answer.find(mark, from));
  }
  const auto [begin, end] =
      trimmed(answer.substr(from, to - from), isMarked ? chat.markedTrims : chat.answerTrims);
  if (begin == end && !chat.noAnswer)
    return needsText("answer");
  return std::pair(from + begin, from + end);
}

Result<std::vector<PromptPart>> makeTurn(const Tokenizer &tokenizer, const ChatTemplate &chat,
                                         const TurnPlace &place, std::string_view text,
                                         std::span<const PictureShape> pictures,
                                         std::string_view tail) {
  Result<std::vector<TurnText>> turn = writeTurn(chat, place, text, int(pictures.size()));
  if (!turn.ok())
    return turn.status();
  return tokenize(tokenizer, chat, place, std::move(*turn), pictures, tail);
}

TurnPrefix makeTurnPrefix(const Tokenizer &tokenizer, const ChatTemplate &chat,
                          const TurnPlace &place, std::string_view draft,
                          std::span<const PictureShape> shapes, int pictures) {
  draft = draft.substr(0, findInvalidUtf8(draft));
  const int placeholders = countOf(draft, chat.imageToken);
  const bool inPlace = placeholders != 0 && !chat.picturesFirst;
  TurnWriter turn(chat, place);
  TurnPrefix result;
  const auto settle = [&] {
    result.parts = tokenize(tokenizer, chat, place, turn.soFar(), shapes, "");
    result.settled = result.parts.size();
  };
  if (!inPlace) {
    for (int i = 0; i < pictures; ++i)
      turn.picture();
    if (pictures > 0)
      settle();
  }
  std::size_t begin = 0;
  for (int i = 0; i < placeholders; ++i) {
    const std::size_t at = draft.find(chat.imageToken, begin);
    if (at != begin)
      turn.text(draft.substr(begin, at - begin), turn.textTrims(/*isLast=*/false));
    begin = at + chat.imageToken.size();
    if (!inPlace)
      continue;
    if (i == pictures) {
      turn.beforePicture();
      settle();
      return result;
    }
    turn.picture();
    settle();
  }
  // What comes later may change the white space at the right end.
  const std::string_view tail = draft.substr(begin);
  const std::size_t lastSpace = tail.find_last_of(" \n");
  turn.text(tail.substr(0, lastSpace == tail.npos ? 0 : lastSpace),
            {turn.textTrims(/*isLast=*/true).left, Trim::None});
  result.parts = tokenize(tokenizer, chat, place, turn.soFar(), shapes, "");
  return result;
}

} // namespace bluec::runtime
