#include "text/Tokenizer.h"

#include "text/TokenText.h"
#include "text/TokenizerScratch.h"
#include "text/Unicode.h"

#include <algorithm>
#include <bit>

namespace bluec::runtime {
namespace {

Status bad(const std::string &message) { return {Code::BadBundle, "tokenizer.bin: " + message}; }

// A place in a text where something stands that is none.
struct TextBreak {
  std::size_t at;
  std::uint8_t kind; // bits of TokenKind: of the white space beside it
};

// Added tokens, sorted by the texts that they are looked for by.
struct Needles {
  std::span<const TokenizerText> texts;
  const TextProgram &program;

  std::string_view operator[](std::size_t i) const { return program.string(texts[i].text); }
  // -1 behind its end.
  int byteOf(std::size_t i, std::size_t depth) const {
    const std::string_view text = (*this)[i];
    return depth < text.size() ? std::uint8_t(text[depth]) : -1;
  }

  // The longest one that `text` begins with and that is `allowed`, or null.
  template <typename Allowed>
  const TokenizerText *findLongest(std::string_view text, Allowed allowed) const {
    const TokenizerText *longest = nullptr;
    std::size_t low = 0, high = texts.size(); // those that agree so far
    for (std::size_t depth = 0; low < high; ++depth) {
      for (; low < high && byteOf(low, depth) < 0; ++low)
        if (depth > 0 && allowed(texts[low]))
          longest = &texts[low];
      if (depth == text.size())
        break;
      const int byte = std::uint8_t(text[depth]);
      const auto firstOf = [&](int least) {
        std::size_t from = low, to = high;
        while (from < to) {
          const std::size_t middle = from + (to - from) / 2;
          if (byteOf(middle, depth) < least)
            from = middle + 1;
          else
            to = middle;
        }
        return from;
      };
      const std::size_t first = firstOf(byte);
      high = firstOf(byte + 1);
      low = first;
    }
    return longest;
  }
};

// Cuts `text` at the `needles` that are `allowed`, the longest first, and at `breaks`, as the
// tokenizers library does: each takes the white space beside it along as its kind says, and what it
// took may still begin another one. `emit`s parts that are not empty, and tokens.
template <typename Allowed, typename KindOf, typename Emit>
void cutText(std::string_view text, const Needles &needles, std::span<const TextBreak> breaks,
             Allowed allowed, KindOf kindOf, Emit emit) {
  bool begins[256] = {}; // most characters begin no added token
  for (std::size_t i = 0; i < needles.texts.size(); ++i)
    if (const int byte = needles.byteOf(i, 0); byte >= 0)
      begins[byte] = true;
  std::size_t plain = 0; // where the text begins that is not emitted
  const auto emitText = [&](std::size_t end, bool strips) {
    if (end <= plain)
      return;
    const std::string_view part = text.substr(plain, end - plain);
    if (const std::string_view left = strips ? trimRight(part) : part; !left.empty())
      emit(left, Tokenizer::kText);
  };
  const auto emitToken = [&](std::int32_t token, std::uint8_t kind, std::size_t begin,
                             std::size_t end, std::size_t limit) {
    emitText(begin, kind & TokenStripsLeft);
    emit({}, token);
    plain = end + (kind & TokenStripsRight ? leadingSpace(text.substr(end, limit - end)) : 0);
  };
  const auto nextBreak = [&] { return breaks.empty() ? text.size() : breaks.front().at; };
  for (std::size_t at = 0;;) {
    const std::size_t limit = nextBreak();
    if (at == limit) {
      if (breaks.empty())
        break;
      const std::uint8_t kind = breaks.front().kind;
      breaks = breaks.subspan(1);
      emitToken(Tokenizer::kBreak, kind, at, at, nextBreak());
      continue;
    }
    const std::string_view rest = text.substr(at, limit - at);
    const TokenizerText *found = nullptr;
    if (begins[std::uint8_t(rest.front())])
      found =
          needles.findLongest(rest, [&](const TokenizerText &each) { return allowed(each, at); });
    const std::size_t bytes = found ? found->text.bytes : 1;
    if (found)
      emitToken(std::int32_t(found->token), kindOf(found->token), at, at + bytes, limit);
    at += bytes;
  }
  emitText(text.size(), false);
}

} // namespace

template <typename T>
Status Tokenizer::bindSection(std::span<const std::uint8_t> table, const TokenizerSection &section,
                              const char *name, std::span<const T> &out) {
  if (section.offset % 8 != 0 || section.offset > table.size() ||
      section.bytes > table.size() - section.offset || section.bytes % sizeof(T) != 0)
    return bad(std::string("section ") + name + " does not lie within the file");
  out = {reinterpret_cast<const T *>(table.data() + section.offset), section.bytes / sizeof(T)};
  return {};
}

Result<Tokenizer> Tokenizer::fromTable(std::span<const std::uint8_t> table) {
  if (reinterpret_cast<std::uintptr_t>(table.data()) % alignof(TokenizerHeader) != 0)
    return Status(Code::Internal, "tokenizer.bin: the table is not aligned");
  if (table.size() < sizeof(TokenizerHeader))
    return bad("expected at least " + std::to_string(sizeof(TokenizerHeader)) + " bytes, found " +
               std::to_string(table.size()));
  const auto *header = reinterpret_cast<const TokenizerHeader *>(table.data());
  if (header->magic != kTokenizerMagic)
    return bad("expected a tokenizer table, found something else");
  if (header->version != kTokenizerVersion)
    return Status(Code::Incompatible, "tokenizer.bin: expected version " +
                                          std::to_string(kTokenizerVersion) + ", found " +
                                          std::to_string(header->version));
  if (header->fileBytes != table.size())
    return bad("expected " + std::to_string(header->fileBytes) + " bytes, found " +
               std::to_string(table.size()));

  Tokenizer result;
  result.header = header;
  const auto bind = [&](const TokenizerSection &section, const char *name, auto &out) {
    return result.bindSection(table, section, name, out);
  };
  TextProgram &program = result.program;
  std::span<const TextOperation> operations;
  BLUEC_RETURN_IF_ERROR(bind(header->tokenOffsets, "tokenOffsets", result.tokenOffsets));
  BLUEC_RETURN_IF_ERROR(bind(header->tokenBytes, "tokenBytes", result.tokenBytes));
  BLUEC_RETURN_IF_ERROR(bind(header->nameOffsets, "nameOffsets", result.nameOffsets));
  BLUEC_RETURN_IF_ERROR(bind(header->nameBytes, "nameBytes", result.nameBytes));
  BLUEC_RETURN_IF_ERROR(bind(header->tokenKinds, "tokenKinds", result.tokenKinds));
  BLUEC_RETURN_IF_ERROR(bind(header->byteTokens, "byteTokens", result.byteTokens));
  BLUEC_RETURN_IF_ERROR(bind(header->merges, "merges", result.merges));
  BLUEC_RETURN_IF_ERROR(bind(header->mergeSlots, "mergeSlots", result.mergeSlots));
  BLUEC_RETURN_IF_ERROR(bind(header->wordSlots, "wordSlots", result.wordSlots));
  BLUEC_RETURN_IF_ERROR(bind(header->prefixBits, "prefixBits", result.prefixBits));
  BLUEC_RETURN_IF_ERROR(bind(header->scores, "scores", result.scores));
  BLUEC_RETURN_IF_ERROR(bind(header->added, "added", result.added));
  BLUEC_RETURN_IF_ERROR(bind(header->addedLater, "addedLater", result.addedLater));
  BLUEC_RETURN_IF_ERROR(bind(header->operations, "operations", operations));
  BLUEC_RETURN_IF_ERROR(bind(header->strings, "strings", program.strings));
  BLUEC_RETURN_IF_ERROR(bind(header->pairs, "pairs", program.pairs));
  BLUEC_RETURN_IF_ERROR(bind(header->machines, "machines", program.machines));
  BLUEC_RETURN_IF_ERROR(bind(header->transitions, "transitions", program.transitions));
  BLUEC_RETURN_IF_ERROR(bind(header->asciiClasses, "asciiClasses", program.asciiClasses));
  BLUEC_RETURN_IF_ERROR(bind(header->classStarts, "classStarts", program.classStarts));
  if (header->normalizers > operations.size())
    return bad("section operations does not hold the normalizers");
  program.normalizers = operations.first(header->normalizers);
  program.splitters = operations.subspan(header->normalizers);
  program.classes = header->classes;
  BLUEC_RETURN_IF_ERROR(result.check());
  return result;
}

// After this, every index that the table holds can be used as it is, and every probe ends.
Status Tokenizer::check() const {
  constexpr std::uint32_t kKnownFlags = TokenizerIgnoresMerges | TokenizerFusesUnknown;
  if ((header->flags & ~kKnownFlags) != 0 || header->reserved != 0 ||
      header->model > TokenizerModel::WordPiece || header->decoder > TokenizerDecoder::WordPiece)
    return Status(Code::Incompatible,
                  "tokenizer.bin: it has flags that this runtime does not know");
  BLUEC_RETURN_IF_ERROR(checkTokens());
  BLUEC_RETURN_IF_ERROR(checkModel());
  for (TextRange range : {header->prefix, header->lead})
    if (range.begin > program.strings.size() || range.bytes > program.strings.size() - range.begin)
      return bad("its header leaves section strings");
  return program.check();
}

Status Tokenizer::checkTokens() const {
  const std::uint32_t tokens = header->tokens;
  if (tokens == 0 || tokens > 0x7fffffff || tokenKinds.size() != tokens ||
      tokenOffsets.size() != std::size_t(tokens) + 1)
    return bad("the sections do not hold " + std::to_string(tokens) + " tokens");
  if (!std::is_sorted(tokenOffsets.begin(), tokenOffsets.end()) ||
      tokenOffsets.back() > tokenBytes.size())
    return bad("section tokenOffsets leaves section tokenBytes");
  if (!nameOffsets.empty() && nameOffsets.size() != tokenOffsets.size())
    return bad("section nameOffsets does not hold " + std::to_string(tokens) + " tokens");
  if (!nameOffsets.empty() && (!std::is_sorted(nameOffsets.begin(), nameOffsets.end()) ||
                               nameOffsets.back() > nameBytes.size()))
    return bad("section nameOffsets leaves section nameBytes");
  for (std::span<const TokenizerText> texts : {added, addedLater})
    for (const TokenizerText &each : texts) {
      if (each.token >= tokens)
        return bad("section added holds an id out of range");
      if (each.text.begin > program.strings.size() ||
          each.text.bytes > program.strings.size() - each.text.begin)
        return bad("section added leaves section strings");
    }
  return {};
}

Status Tokenizer::checkModel() const {
  const std::uint32_t tokens = header->tokens;
  const auto isToken = [&](std::uint32_t id) { return id < tokens; };
  if (header->unknown != -1 && !isToken(std::uint32_t(header->unknown)))
    return bad("its unknown token is out of range");
  if (byteTokens.size() != 256)
    return bad("section byteTokens: expected 256 entries, found " +
               std::to_string(byteTokens.size()));
  for (std::int32_t id : byteTokens)
    if (id != -1 && !isToken(std::uint32_t(id)))
      return bad("section byteTokens holds an id out of range");
  for (const TokenizerMerge &merge : merges)
    if (!isToken(merge.left) || !isToken(merge.right) || !isToken(merge.result))
      return bad("section merges holds an id out of range");
  if (header->model == TokenizerModel::Unigram && scores.size() != tokens)
    return bad("section scores: expected " + std::to_string(tokens) + " entries, found " +
               std::to_string(scores.size()));
  const bool looksUpPrefixes =
      header->model == TokenizerModel::Unigram || header->model == TokenizerModel::WordPiece;
  if (looksUpPrefixes && !std::has_single_bit(prefixBits.size()))
    return bad("section prefixBits: expected a power of two of entries, found " +
               std::to_string(prefixBits.size()));

  const auto checkSlots = [&](std::span<const std::uint32_t> slots, std::size_t limit,
                              const char *name) -> Status {
    if (!std::has_single_bit(slots.size()))
      return bad(std::string("section ") + name + ": expected a power of two of entries, found " +
                 std::to_string(slots.size()));
    bool empty = false;
    for (std::uint32_t slot : slots) {
      empty |= slot == kEmptySlot;
      if (slot != kEmptySlot && slot >= limit)
        return bad(std::string("section ") + name + " holds an index out of range");
    }
    if (!empty)
      return bad(std::string("section ") + name + " has no empty entry");
    return {};
  };
  BLUEC_RETURN_IF_ERROR(checkSlots(mergeSlots, merges.size(), "mergeSlots"));
  return checkSlots(wordSlots, tokens, "wordSlots");
}

std::string_view Tokenizer::bytes(std::int32_t id) const {
  if (id < 0 || std::uint32_t(id) >= size())
    return {};
  const std::uint32_t begin = tokenOffsets[std::size_t(id)];
  return {tokenBytes.data() + begin, tokenOffsets[std::size_t(id) + 1] - begin};
}

std::string_view Tokenizer::name(std::int32_t id) const {
  if (nameOffsets.empty() || id < 0 || std::uint32_t(id) >= size())
    return bytes(id);
  const std::uint32_t begin = nameOffsets[std::size_t(id)];
  return {nameBytes.data() + begin, nameOffsets[std::size_t(id) + 1] - begin};
}

bool Tokenizer::isSpecial(std::int32_t id) const { return kindOf(id) & TokenSpecial; }

std::int32_t Tokenizer::findAdded(std::string_view text) const {
  for (std::span<const TokenizerText> texts : {added, addedLater})
    for (const TokenizerText &each : texts)
      if (name(std::int32_t(each.token)) == text)
        return std::int32_t(each.token);
  return -1;
}

std::uint8_t Tokenizer::kindOf(std::int32_t id) const {
  return id >= 0 && std::uint32_t(id) < size() ? tokenKinds[std::size_t(id)] : 0;
}

std::vector<Tokenizer::Piece> Tokenizer::cut(std::span<const Span> spans, TextBegin after) const {
  std::string text;
  std::string writers; // of each byte: who wrote it
  constexpr char kUser = 'u', kTemplate = 't';
  std::vector<TextBreak> breaks;
  for (const Span &span : spans) {
    if (span.isBreak)
      breaks.push_back({text.size(), kindOf(span.like)});
    text += span.text;
    writers.resize(text.size(), span.trust == Trust::User ? kUser : kTemplate);
  }
  const auto allowed = [&](const TokenizerText &needle, std::size_t at) {
    const std::string_view wrote = std::string_view(writers).substr(at, needle.text.bytes);
    return !isSpecial(std::int32_t(needle.token)) || wrote.find(kUser) == wrote.npos;
  };
  std::vector<Piece> pieces;
  cutText(
      text, {added, program}, breaks, allowed,
      [&](std::uint32_t token) { return tokenKinds[token]; },
      [&](std::string_view part, std::int32_t token) {
        pieces.push_back({std::string(part), token, pieces.empty() ? after : TextBegin::Token});
      });
  return pieces;
}

void Tokenizer::encode(const Piece &piece, std::vector<std::int32_t> &ids) const {
  if (piece.token >= 0)
    ids.push_back(piece.token);
  if (piece.token != kText || !header || piece.text.empty())
    return;
  Scratch scratch;
  const std::string text = program.normalize(piece.text, piece.after);
  TextBegin after = piece.after;
  cutText(
      text, {addedLater, program}, {}, [](const TokenizerText &, std::size_t) { return true; },
      [&](std::uint32_t token) { return tokenKinds[token]; },
      [&](std::string_view part, std::int32_t token) {
        if (token == kText) {
          const Words words = program.cut(part, after);
          for (std::size_t i = 0; i < words.size(); ++i)
            encodeWord(words[i], scratch, ids);
        } else {
          ids.push_back(token);
        }
        after = TextBegin::Token;
      });
}

Result<std::vector<std::int32_t>> Tokenizer::encode(std::string_view text, Trust trust,
                                                    TextBegin after) const {
  if (const std::size_t at = findInvalidUtf8(text); at != text.size())
    return Status(Code::InvalidArgument,
                  "text: expected utf-8, found something else at byte " + std::to_string(at));
  std::vector<std::int32_t> ids;
  const Span span{text, trust};
  for (const Piece &piece : cut({&span, 1}, after))
    encode(piece, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool withSpecial) const {
  TokenText stream(*this);
  std::string text;
  for (std::int32_t id : ids)
    if (withSpecial || !isSpecial(id))
      text += stream.push(id);
  return text + stream.finish();
}

} // namespace bluec::runtime
